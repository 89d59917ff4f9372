//! Activations of all 2^32 float32 inputs: every instruction set against the portable lanes.
//!
//!     cargo run --release -p lane-math --example sweep_activations [-- NAME...]
//!
//! Names are those of `tests/activation_list`; none means all, at some minutes each. Exits with 1 if one result
//! differs. tanh has a sweep of its own, against its table. Whether the results are PyTorch's is another question, which
//! the Python package's `make parity` asks PyTorch, for all 2^32 as well.
//!
//! The portable lanes are compiled with the processor's instructions here, since emulated multiply-adds would take days.
//! A test compares them with themselves compiled without.

#[path = "../tests/activation_list/mod.rs"]
mod activation_list;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use activation_list::ACTIVATIONS;
use lane_math::lanes::{PortableFamily, Simd};
use lane_math::{Activation, Isa, Kernel};

/// Small enough that the allocator does not ask the system for every block's memory.
const BLOCK: u32 = 1 << 14;
const BLOCKS: u32 = 1 << 18;

struct PortableLanes<'a>(Activation, &'a mut [f32]);

impl Kernel for PortableLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        self.0.apply_slice::<PortableFamily>(self.1);
    }
}

fn differ(a: f32, b: f32) -> bool {
    (a.to_bits() != b.to_bits()) & !(a.is_nan() & b.is_nan())
}

/// How many results of one block differ.
fn differing(activation: Activation, isas: &[Isa], block: u32) -> u64 {
    let first = block * BLOCK;
    let inputs: Vec<f32> = (first..=first + (BLOCK - 1)).map(f32::from_bits).collect();
    let mut expected = inputs.clone();
    Isa::detect().run(PortableLanes(activation, &mut expected));
    let mut count = 0;
    for &isa in isas {
        let mut values = inputs.clone();
        activation.apply_in_place(isa, &mut values);
        count += values.iter().zip(&expected).filter(|&(&a, &b)| differ(a, b)).count() as u64;
    }
    count
}

fn sweep(activation: Activation, isas: &[Isa], next_block: &AtomicU32) -> u64 {
    let mut count = 0;
    loop {
        let block = next_block.fetch_add(1, Ordering::Relaxed);
        if block >= BLOCKS {
            return count;
        }
        count += differing(activation, isas, block);
    }
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let isas: Vec<Isa> = Isa::all_available().into_iter().filter(|&isa| isa != Isa::Portable).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut total = 0;
    println!("{} arguments, on {isas:?}", 1_u64 << 32);
    for (name, activation) in ACTIVATIONS {
        let is_wanted =
            if names.is_empty() { name != "tanh" } else { names.iter().any(|wanted| wanted == name) };
        if !is_wanted {
            continue;
        }
        let next_block = AtomicU32::new(0);
        let count: u64 = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| sweep(activation, &isas, &next_block))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).sum()
        });
        println!("{name:20} {count} differing");
        total += count;
    }
    if total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

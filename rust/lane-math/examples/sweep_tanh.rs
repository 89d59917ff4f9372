//! tanh of all 2^32 float32 inputs: every instruction set against the table of polynomials that is PyTorch's tanh.
//!
//!     cargo run --release -p lane-math --example sweep_tanh
//!
//! Exits with 1 if one result differs, if one for -x is not the negated one for x, or if one is more than a unit in the
//! last place off float64. Whether the table is PyTorch's is not asked here: `tests/activations.rs` has recorded results.

#[path = "../tests/reference/mod.rs"]
mod reference;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use lane_math::{Isa, tanh, tanh_in_place};
use reference::error_in_ulps;

const BLOCK: u32 = 1 << 16;
/// Blocks of non-negative floats: half of all bit patterns, NaN included.
const BLOCKS: u32 = (1 << 31) / BLOCK;

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// How many results of one block, and of its negatives, are not the table's, and how many of the table's are too far off.
fn wrong(block: u32) -> u64 {
    let inputs: Vec<f32> = (block * BLOCK..(block + 1) * BLOCK).map(f32::from_bits).collect();
    let expected: Vec<f32> = inputs.iter().map(|&x| tanh(x)).collect();
    let is_far = |(&x, &value): (&f32, &f32)| !x.is_nan() && error_in_ulps(value, f64::from(x).tanh()) > 1.0;
    let mut count = inputs.iter().zip(&expected).filter(|&pair| is_far(pair)).count() as u64;
    for isa in Isa::all_available() {
        for sign in [1.0, -1.0] {
            let mut values: Vec<f32> = inputs.iter().map(|x| x * sign).collect();
            tanh_in_place(isa, &mut values);
            count +=
                values.iter().zip(&expected).filter(|&(&value, &table)| !same(value, table * sign)).count()
                    as u64;
        }
    }
    count
}

fn sweep(next_block: &AtomicU32) -> u64 {
    let mut count = 0;
    loop {
        let block = next_block.fetch_add(1, Ordering::Relaxed);
        if block >= BLOCKS {
            return count;
        }
        count += wrong(block);
    }
}

fn main() -> ExitCode {
    let next_block = AtomicU32::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let count: u64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sweep(&next_block))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).sum()
    });
    println!("arguments            {}, on {:?}", 1_u64 << 32, Isa::all_available());
    println!("wrong                {count}");
    if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

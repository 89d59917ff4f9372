//! tanh of all 2^32 float32 inputs against float64, with the fastest instruction set; every other one, too slow for all
//! of them, must give the same bits on one block in 32, which meets each binade four times.
//!
//!     cargo run --release -p lane-math --example sweep_tanh
//!
//! Prints the largest error and the share of results that are the nearest float32; exits with 1 if an error exceeds one
//! unit in the last place, if a result for -x is not the negated one for x, or if two instruction sets differ.
//!
//! The float64 tanh of the platform is good to about one float64 ulp, 2^-29 of a float32 ulp. Arguments whose true value
//! lies closer than 2^-26 ulp to the middle between two float32 are counted as undecided.

#[path = "../tests/reference/mod.rs"]
mod reference;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use lane_math::{Isa, tanh_in_place};
use reference::{error_in_ulps, ulp_at};

const BLOCK: u32 = 1 << 16;
/// Blocks of non-negative floats: half of all bit patterns, NaN included.
const BLOCKS: u32 = (1 << 31) / BLOCK;
/// One block in this many is compared between instruction sets.
const COMPARED: u32 = 32;
const TIE_MARGIN: f64 = 1.0 / (1 << 26) as f64;

#[derive(Default)]
struct Tally {
    finite: u64,
    nearest: u64,
    undecided: u64,
    wrong: u64,
    worst: f64,
    worst_argument: f32,
}

impl Tally {
    fn judge(&mut self, x: f32, value: f32) {
        if x.is_nan() {
            self.wrong += u64::from(!value.is_nan());
            return;
        }
        let truth = f64::from(x).tanh();
        let error = error_in_ulps(value, truth);
        self.finite += 1;
        self.wrong += u64::from(error > 1.0);
        if error > self.worst {
            (self.worst, self.worst_argument) = (error, x);
        }
        let rounded = f64::from(truth as f32);
        if ((truth - rounded).abs() / ulp_at(truth) - 0.5).abs() < TIE_MARGIN {
            self.undecided += 1;
        } else if f64::from(value) == rounded {
            self.nearest += 1;
        }
    }

    fn merge(mut self, other: Self) -> Self {
        if other.worst > self.worst {
            (self.worst, self.worst_argument) = (other.worst, other.worst_argument);
        }
        self.finite += other.finite;
        self.nearest += other.nearest;
        self.undecided += other.undecided;
        self.wrong += other.wrong;
        self
    }
}

/// The results for the inputs, and whether those for the negated inputs are their negatives.
fn evaluate(isa: Isa, inputs: &[f32]) -> (Vec<f32>, bool) {
    let mut values = inputs.to_vec();
    let mut mirrored: Vec<f32> = inputs.iter().map(|x| -x).collect();
    tanh_in_place(isa, &mut values);
    tanh_in_place(isa, &mut mirrored);
    let odd = values.iter().zip(&mirrored).all(|(&value, &mirror)| same(-value, mirror));
    (values, odd)
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn sweep(next_block: &AtomicU32) -> Tally {
    let mut tally = Tally::default();
    loop {
        let block = next_block.fetch_add(1, Ordering::Relaxed);
        if block >= BLOCKS {
            return tally;
        }
        let inputs: Vec<f32> = (block * BLOCK..(block + 1) * BLOCK).map(f32::from_bits).collect();
        let (values, odd) = evaluate(Isa::detect(), &inputs);
        tally.wrong += u64::from(!odd);
        let compared = if block.is_multiple_of(COMPARED) { Isa::all_available() } else { Vec::new() };
        for isa in compared {
            let (others, odd) = evaluate(isa, &inputs);
            let equal = values.iter().zip(&others).all(|(&value, &other)| same(value, other));
            tally.wrong += u64::from(!(odd && equal));
        }
        for (&x, &value) in inputs.iter().zip(&values) {
            tally.judge(x, value);
        }
    }
}

fn main() -> ExitCode {
    let next_block = AtomicU32::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| sweep(&next_block))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker panicked"))
            .fold(Tally::default(), Tally::merge)
    });
    println!("arguments            {} of each sign, and NaN", tally.finite);
    println!("largest error        {:.6} ulp, at {:e}", tally.worst, tally.worst_argument);
    println!("nearest float32      {:.4}%", 100.0 * tally.nearest as f64 / tally.finite as f64);
    println!("undecided            {}", tally.undecided);
    println!("wrong                {}", tally.wrong);
    println!("instruction sets     {:?}", Isa::all_available());
    if tally.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! The lanes against the platform's libm on random arguments of all ranges, bit for bit.
//!
//!     cargo run --release -p lane-math --example sweep_libm -- [millions of arguments, default 112]
//!
//! Prints mismatches by function and distribution, and whether the lanes are in use here. Exits with 1 if there is a
//! mismatch, on a platform where the start-up check accepted the lanes too: then the check is too weak.

#[path = "../tests/arguments/mod.rs"]
mod arguments;

use std::process::ExitCode;
use std::thread;

use arguments::{Arguments, DISTRIBUTIONS};
use lane_math::{Isa, LibmLanes, libm};

const BLOCK: usize = 1 << 14;
const FUNCTIONS: [&str; 8] =
    ["sin", "cos", "sin of both", "cos of both", "pow(x, 2)", "fmod 2 pi", "exp", "tanh"];

type Counts = [u64; FUNCTIONS.len()];

/// Mismatches in one block of arguments.
fn compare(isa: Isa, arguments: &[f64]) -> Counts {
    let lanes = LibmLanes::LANES;
    let in_place = |function: fn(LibmLanes, Isa, &mut [f64])| {
        let mut values = arguments.to_vec();
        function(lanes, isa, &mut values);
        values
    };
    let (mut sines, mut cosines) = (arguments.to_vec(), arguments.to_vec());
    lanes.sin_cos_slices(isa, arguments, &mut sines, &mut cosines);
    let values = [
        in_place(LibmLanes::sin_in_place),
        in_place(LibmLanes::cos_in_place),
        sines,
        cosines,
        in_place(LibmLanes::pow_two_in_place),
        in_place(LibmLanes::fmod_two_pi_in_place),
        in_place(LibmLanes::exp_in_place),
        in_place(LibmLanes::tanh_in_place),
    ];
    let mut mismatches = Counts::default();
    for (index, &x) in arguments.iter().enumerate() {
        let (sine, cosine) = (libm::sin(x), libm::cos(x));
        let expected = [
            sine,
            cosine,
            sine,
            cosine,
            libm::pow(x, 2.0),
            libm::fmod(x, std::f64::consts::TAU),
            libm::exp(x),
            libm::tanh(x),
        ];
        for (function, expected) in expected.into_iter().enumerate() {
            let value = values[function][index];
            let equal = value.to_bits() == expected.to_bits() || value.is_nan() && expected.is_nan();
            mismatches[function] += u64::from(!equal);
        }
    }
    mismatches
}

fn sweep(isa: Isa, distribution: usize, seed: u64, blocks: usize) -> Counts {
    let mut arguments = Arguments::new(seed);
    let mut block = vec![0.0; BLOCK];
    let mut mismatches = Counts::default();
    for _ in 0..blocks {
        block.fill_with(|| arguments.draw(distribution));
        for (sum, count) in mismatches.iter_mut().zip(compare(isa, &block)) {
            *sum += count;
        }
    }
    mismatches
}

fn main() -> ExitCode {
    let millions = std::env::args().nth(1).map_or(Ok(112), |argument| argument.parse::<usize>());
    let Ok(millions) = millions else {
        eprintln!("expected the number of arguments in millions");
        return ExitCode::from(2);
    };
    let isa = Isa::detect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let blocks = (millions * 1_000_000).div_ceil(BLOCK * DISTRIBUTIONS.len() * threads);
    println!("{isa:?}: {:?}", LibmLanes::detect(isa));
    println!("{:<32}{:>14}  mismatches of {}", "distribution", "arguments", FUNCTIONS.join(", "));
    let mut total = 0;
    for (distribution, name) in DISTRIBUTIONS.iter().enumerate() {
        let mismatches = thread::scope(|scope| {
            let seed = |thread: usize| (distribution * threads + thread) as u64;
            let workers: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || sweep(isa, distribution, seed(thread), blocks)))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker panicked"))
                .fold(Counts::default(), |sum, counts| {
                    std::array::from_fn(|function| sum[function] + counts[function])
                })
        });
        total += mismatches.iter().sum::<u64>();
        println!("{name:<32}{:>14}  {mismatches:?}", blocks * BLOCK * threads);
    }
    println!("mismatches in all: {total}");
    if total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

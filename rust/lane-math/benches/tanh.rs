//! Time of tanh for 1,024 values in layers of several widths; divan prints values per second beside it.
//!
//!     cargo bench -p lane-math --bench tanh

mod spread;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Isa, tanh, tanh_in_place};
use spread::{TOTAL, spread};

fn main() {
    divan::main();
}

/// tanh of layers of a width, one call each, in place.
fn bench_isa(bencher: Bencher, isa: Isa, width: usize) {
    let arguments = spread();
    let mut values = arguments.clone();
    bencher.counter(ItemsCount::new(TOTAL)).bench_local(|| {
        values.copy_from_slice(&arguments);
        for layer in black_box(&mut values).chunks_exact_mut(width) {
            tanh_in_place(isa, layer);
        }
    });
}

#[divan::bench(args = [8, 16, 32, 64, 1024])]
fn detected(bencher: Bencher, width: usize) {
    bench_isa(bencher, Isa::detect(), width);
}

#[divan::bench(args = [8, 64])]
fn portable(bencher: Bencher, width: usize) {
    bench_isa(bencher, Isa::Portable, width);
}

#[divan::bench]
fn scalar_twin(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| tanh(black_box(0.7)));
}

#[divan::bench]
fn platform_libm(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(0.7_f32).tanh());
}

//! Nanoseconds of tanh: divan prints the time of a call and, as throughput, values per second.
//!
//!     cargo bench -p lane-math --bench tanh

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Isa, tanh, tanh_in_place};

fn main() {
    divan::main();
}

/// What a hidden layer holds: both signs, most of it where tanh bends.
fn activations(count: usize) -> Vec<f32> {
    (0..count).map(|k| ((k * 37) % 64) as f32 * 0.1 - 3.2).collect()
}

fn bench_isa(bencher: Bencher, isa: Isa, count: usize) {
    let source = activations(count);
    let mut values = source.clone();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        values.copy_from_slice(black_box(&source));
        tanh_in_place(isa, &mut values);
        black_box(&mut values);
    });
}

#[divan::bench(args = [8, 16, 32, 64, 1024])]
fn detected(bencher: Bencher, count: usize) {
    bench_isa(bencher, Isa::detect(), count);
}

#[divan::bench(args = [8, 64])]
fn portable(bencher: Bencher, count: usize) {
    bench_isa(bencher, Isa::Portable, count);
}

#[divan::bench]
fn scalar_twin(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| tanh(black_box(0.7)));
}

#[divan::bench]
fn platform_libm(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(0.7_f32).tanh());
}

//! Time of each activation for 1,024 values; divan prints values per second beside it.
//!
//!     cargo bench -p lane-math --bench activations

#[path = "../tests/activation_list/mod.rs"]
mod activation_list;

use activation_list::ACTIVATIONS;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Activation, Isa};

fn main() {
    divan::main();
}

/// Values of one call.
const TOTAL: usize = 1024;

/// The activation of values that are spread over [-4, 4], in place.
fn bench_isa(bencher: Bencher, isa: Isa, activation: Activation) {
    let arguments: Vec<f32> = (0..TOTAL as u32)
        .map(|k| (k.wrapping_mul(0x9e37_79b9) >> 8) as f32 / (1 << 21) as f32 - 4.0)
        .collect();
    let mut values = arguments.clone();
    bencher.counter(ItemsCount::new(TOTAL)).bench_local(|| {
        values.copy_from_slice(&arguments);
        activation.apply_in_place(isa, black_box(&mut values));
    });
}

fn activation(name: &str) -> Activation {
    let found = ACTIVATIONS.into_iter().find(|&(listed, _)| listed == name);
    found.expect("a name of the list").1
}

#[divan::bench(args = ACTIVATIONS.map(|(name, _)| name))]
fn detected(bencher: Bencher, name: &str) {
    bench_isa(bencher, Isa::detect(), activation(name));
}

#[divan::bench(args = ["sigmoid", "mish"])]
fn portable(bencher: Bencher, name: &str) {
    bench_isa(bencher, Isa::Portable, activation(name));
}

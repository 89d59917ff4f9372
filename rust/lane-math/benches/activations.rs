//! Time of each activation for 1,024 values; divan prints values per second beside it.
//!
//!     cargo bench -p lane-math --bench activations

#[path = "../tests/activation_list/mod.rs"]
mod activation_list;
mod spread;

use activation_list::ACTIVATIONS;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Activation, Isa};
use spread::{TOTAL, spread};

fn main() {
    divan::main();
}

/// The activation in place.
fn bench_isa(bencher: Bencher, isa: Isa, activation: Activation) {
    let arguments = spread();
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

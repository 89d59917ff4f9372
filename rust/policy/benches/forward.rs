//! Forward passes and packing: `cargo bench -p policy`.
//!
//! Items are multiply-accumulates, so throughput is in MACs per second; `fma_peak` is what the processor can do at most.
//! Small networks run one individual per lane, convolution networks all lanes of one individual.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Isa, MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
use policy::{Architecture, InputShape, Layer, Network};

fn main() {
    divan::main();
}

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

fn conv(out_channels: usize, kernel: usize, stride: usize) -> Layer {
    let (kernel, stride) = ((kernel, kernel), (stride, stride));
    Layer::Conv2d { out_channels, kernel, stride, padding: (0, 0), dilation: (1, 1), groups: 1, bias: true }
}

fn mlp(hidden: usize) -> Architecture {
    let layers = vec![linear(hidden), Layer::TANH, linear(2)];
    Architecture::new(InputShape::Flat(4), layers).expect("sizes fit")
}

/// Layers of so many units, tanh between them.
fn deep(name: &str) -> Architecture {
    let sizes: Vec<usize> = name.split('-').map(|size| size.parse().expect("a size")).collect();
    let (outputs, hidden) = (sizes[sizes.len() - 1], &sizes[1..sizes.len() - 1]);
    let layers = hidden.iter().flat_map(|&units| [linear(units), Layer::TANH]).chain([linear(outputs)]);
    Architecture::new(InputShape::Flat(sizes[0]), layers.collect()).expect("sizes fit")
}

/// cnn:5x12x12-16k3-32k3-64-4
fn snake_cnn() -> Architecture {
    let relu = Layer::RELU;
    let layers = vec![conv(16, 3, 1), relu, conv(32, 3, 1), relu, linear(64), relu, linear(4)];
    Architecture::new(InputShape::Image { channels: 5, height: 12, width: 12 }, layers).expect("kernels fit")
}

/// cnn:3x96x96-32k8s4-64k4s2-64k3-512-3
fn nature_cnn() -> Architecture {
    let relu = Layer::RELU;
    let convs = [conv(32, 8, 4), relu, conv(64, 4, 2), relu, conv(64, 3, 1), relu];
    let layers = convs.into_iter().chain([linear(512), relu, linear(3)]).collect();
    Architecture::new(InputShape::Image { channels: 3, height: 96, width: 96 }, layers).expect("kernels fit")
}

/// Values between -0.1 and 0.1 without a pattern that matters.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index * 7919 % 2001) as f32 * 1e-4 - 0.1).collect()
}

/// One forward pass of a group of lanes; `individuals` share the lanes out among them, `density` of the observation's
/// values are not zero.
fn forward(
    bencher: Bencher<'_, '_>,
    architecture: &Architecture,
    lanes: usize,
    individuals: usize,
    density: f32,
) {
    let network = Network::new(architecture);
    let mut slots = vec![network.packed(); individuals];
    for slot in &mut slots {
        network.pack(&values(architecture.n_params()), slot);
    }
    let slot_of_lane: Vec<usize> = (0..lanes).map(|lane| lane * individuals / lanes).collect();
    let mut observations = values(lanes * architecture.n_inputs());
    let step = (1.0 / density) as usize;
    for (_, value) in observations.iter_mut().enumerate().filter(|(place, _)| place % step != 0) {
        *value = 0.0;
    }
    let mut logits = vec![0.0; lanes * architecture.n_outputs()];
    let mut scratch = network.scratch(lanes);
    bencher.counter(ItemsCount::new(lanes as u64 * architecture.macs())).bench_local(|| {
        network.forward(&slots, &slot_of_lane, black_box(&observations), &mut logits, &mut scratch);
    });
}

/// 16 lanes of 16 individuals: divide the time by 16.
#[divan::bench(args = [16, 64], sample_size = 1000)]
fn mlp_4_h_2_tanh_16_lanes(bencher: Bencher<'_, '_>, hidden: usize) {
    forward(bencher, &mlp(hidden), 16, 16, 1.0);
}

/// Deep policies: lanes of one individual, and of individuals of their own (lanes, individuals).
#[divan::bench(args = [(1, 1), (4, 1), (8, 1), (8, 8), (32, 4), (32, 8), (32, 32)])]
fn mlp_8_256_256_4_tanh(bencher: Bencher<'_, '_>, (lanes, individuals): (usize, usize)) {
    forward(bencher, &deep("8-256-256-4"), lanes, individuals, 1.0);
}

#[divan::bench(args = [(1, 1), (4, 1), (8, 1), (8, 8), (32, 4), (32, 8), (32, 32)])]
fn mlp_24_64_64_4_tanh(bencher: Bencher<'_, '_>, (lanes, individuals): (usize, usize)) {
    forward(bencher, &deep("24-64-64-4"), lanes, individuals, 1.0);
}

#[divan::bench(args = [1, 8, 16])]
fn snake_cnn_full_observation(bencher: Bencher<'_, '_>, lanes: usize) {
    forward(bencher, &snake_cnn(), lanes, 1, 1.0);
}

/// As a game shows it: one value in thirty is not zero.
#[divan::bench(args = [1, 8, 16])]
fn snake_cnn_sparse_observation(bencher: Bencher<'_, '_>, lanes: usize) {
    forward(bencher, &snake_cnn(), lanes, 1, 1.0 / 30.0);
}

#[divan::bench(args = [1, 8])]
fn nature_cnn_full_observation(bencher: Bencher<'_, '_>, lanes: usize) {
    forward(bencher, &nature_cnn(), lanes, 1, 1.0);
}

#[divan::bench(args = ["mlp:4-64-2", "8-256-256-4", "24-64-64-4", "snake", "nature"])]
fn pack(bencher: Bencher<'_, '_>, name: &str) {
    let architecture = match name {
        "snake" => snake_cnn(),
        "nature" => nature_cnn(),
        "8-256-256-4" | "24-64-64-4" => deep(name),
        _ => mlp(64),
    };
    let network = Network::new(&architecture);
    let (weights, mut packed) = (values(architecture.n_params()), network.packed());
    bencher.bench_local(|| network.pack(black_box(&weights), &mut packed));
}

#[divan::bench]
fn fma_peak(bencher: Bencher<'_, '_>) {
    let steps = 10_000;
    bencher
        .counter(ItemsCount::new(steps * MULTIPLY_ADDS_PER_STEP))
        .bench_local(|| multiply_add_chains(Isa::detect(), black_box(steps)));
}

//! Pools, means, normalisation, groups, dilation and skips against the scalar reference, bit for bit, on every instruction
//! set, for lanes of several individuals.

mod common;

use common::{Values, same_bits};
use lane_math::Isa;
use policy::{Architecture, InputShape, Layer, LayerNorm, Network, Pool2d, PoolKind, reference};
use proptest::prelude::*;

type Pair = (usize, usize);

fn pair(sizes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Pair> {
    (sizes.clone(), sizes)
}

/// Channels, in and out, and groups that divide them: whole blocks, parts of blocks, single channels.
fn conv_of_groups() -> impl Strategy<Value = (usize, Layer)> {
    let part = prop_oneof![2 => Just(1_usize), 2 => 2_usize..=7, 2 => Just(8), 1 => Just(16)];
    let out = prop_oneof![2 => Just(1_usize), 2 => 2_usize..=7, 2 => Just(8), 1 => Just(16)];
    let groups = prop_oneof![2 => Just(1_usize), 4 => 2_usize..=5, 1 => 9_usize..=17];
    let sizes = (pair(1..=4), pair(1..=3), pair(0..=3), pair(1..=3));
    (part, out, groups, sizes, any::<bool>()).prop_map(|(part, out, groups, sizes, bias)| {
        let (kernel, stride, padding, dilation) = sizes;
        let out_channels = groups * out;
        let layer = Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias };
        (groups * part, layer)
    })
}

fn pool() -> impl Strategy<Value = Layer> {
    let kind = prop_oneof![
        Just(PoolKind::Max),
        any::<bool>().prop_map(|count_include_pad| PoolKind::Average { count_include_pad })
    ];
    (kind, pair(1..=4), pair(1..=3), pair(0..=2)).prop_map(|(kind, kernel, stride, padding)| {
        let padding = (padding.0.min(kernel.0 / 2), padding.1.min(kernel.1 / 2));
        Layer::Pool2d(Pool2d { kind, kernel, stride, padding })
    })
}

fn norm() -> impl Strategy<Value = Layer> {
    let eps = proptest::sample::select(vec![1e-5, 1e-3, 0.0]);
    (eps, any::<bool>(), any::<bool>())
        .prop_map(|(eps, weight, bias)| Layer::LayerNorm(LayerNorm { eps, weight, bias }))
}

fn linear() -> impl Strategy<Value = Layer> {
    (1_usize..=20).prop_map(|outputs| Layer::Linear { outputs, bias: true })
}

/// What may stand between two layers of images.
fn between() -> impl Strategy<Value = Vec<Layer>> {
    let one = prop_oneof![
        3 => pool(),
        1 => Just(Layer::GlobalAvgPool2d),
        2 => norm(),
        2 => Just(Layer::RELU),
        1 => Just(Layer::TANH),
    ];
    proptest::collection::vec(one, 0..=3)
}

/// A convolution of every channel count to the same, of the same size.
fn same_conv() -> impl Strategy<Value = Layer> {
    (0_usize..=2).prop_map(|padding| Layer::Conv2d {
        out_channels: 0, // as many as come in: set where that is known
        kernel: (2 * padding + 1, 2 * padding + 1),
        stride: (1, 1),
        padding: (padding, padding),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    })
}

fn image_network() -> impl Strategy<Value = Architecture> {
    let block = proptest::collection::vec(prop_oneof![same_conv(), Just(Layer::TANH), norm()], 0..=3);
    let parts = (between(), conv_of_groups(), between(), proptest::option::of(block), between(), linear());
    (pair(1..=12), parts).prop_filter_map("sizes that do not fit", |((height, width), parts)| {
        let (before, (channels, conv), after, block, then, last) = parts;
        let Layer::Conv2d { out_channels, .. } = conv else { return None };
        let mut layers = [before, vec![conv], after].concat();
        if let Some(block) = block {
            layers.push(Layer::Skip);
            layers.extend(block.into_iter().map(|layer| match layer {
                Layer::Conv2d { kernel, stride, padding, dilation, groups, bias, .. } => {
                    Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias }
                }
                other => other,
            }));
            layers.push(Layer::AddSkip);
        }
        layers.extend(then);
        layers.push(last);
        Architecture::new(InputShape::Image { channels, height, width }, layers).ok()
    })
}

/// Normalisations of vectors around the bounds of vectors, chunks and their merges; a skip within a skip.
fn vector_network() -> impl Strategy<Value = Architecture> {
    let width =
        prop_oneof![4 => 1_usize..=40, 2 => 120_usize..=140, 2 => 250_usize..=420, 1 => 1000_usize..=1300];
    (width, norm(), norm(), any::<bool>(), linear()).prop_map(|(width, first, second, skips, last)| {
        let same = Layer::Linear { outputs: width.min(64), bias: true };
        let mut layers = vec![first, same];
        if skips {
            layers.extend([
                Layer::Skip,
                Layer::TANH,
                Layer::Skip,
                second,
                same,
                Layer::AddSkip,
                Layer::AddSkip,
            ]);
        }
        layers.extend([second, last]);
        Architecture::new(InputShape::Flat(width), layers).expect("positive sizes fit")
    })
}

fn check(
    architecture: &Architecture,
    seed: u64,
    kinds: (u64, u64),
    lanes: &[usize],
) -> Result<(), TestCaseError> {
    let mut values = Values::new(seed, kinds.0);
    let weights: Vec<_> = (0..3).map(|_| values.take(architecture.n_params())).collect();
    let observations = Values::new(!seed, kinds.1).take(lanes.len() * architecture.n_inputs());
    let rows = lanes.iter().zip(observations.chunks(architecture.n_inputs()));
    let expected: Vec<f32> =
        rows.flat_map(|(&slot, row)| reference::forward(architecture, &weights[slot], row)).collect();
    for isa in Isa::all_available() {
        let network = Network::with_isa(architecture, isa);
        let mut slots = vec![network.packed(); 3];
        for (slot, weights) in slots.iter_mut().zip(&weights) {
            // What was packed before must not shine through.
            network.pack(&vec![f32::NAN; weights.len()], slot);
            network.pack(weights, slot);
        }
        let mut logits = vec![f32::NAN; expected.len()];
        let mut scratch = network.scratch(lanes.len());
        for _ in 0..2 {
            network.forward(&slots, lanes, &observations, &mut logits, &mut scratch);
        }
        let differs = (0..expected.len()).find(|&index| !same_bits(expected[index], logits[index]));
        if let Some(index) = differs {
            let (expected, got) = (expected[index], logits[index]);
            return Err(TestCaseError::fail(format!("{isa:?}: {index}: expected {expected:e}, got {got:e}")));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn layers_of_images_equal_the_reference(
        architecture in image_network(),
        seed in any::<u64>(),
        kinds in (0..Values::KINDS, 0..Values::KINDS),
        lanes in proptest::collection::vec(0_usize..3, 1..=9),
    ) {
        check(&architecture, seed, kinds, &lanes)?;
    }

    #[test]
    fn layers_of_vectors_equal_the_reference(
        architecture in vector_network(),
        seed in any::<u64>(),
        kinds in (0..Values::KINDS, 0..Values::KINDS),
        lanes in proptest::collection::vec(0_usize..3, 1..=9),
    ) {
        check(&architecture, seed, kinds, &lanes)?;
    }
}

fn outputs(input: InputShape, layers: Vec<Layer>, weights: &[f32], observation: &[f32]) -> Vec<f32> {
    let architecture = Architecture::new(input, layers).expect("the layers fit");
    let network = Network::new(&architecture);
    let mut slot = network.packed();
    network.pack(weights, &mut slot);
    let mut logits = vec![0.0; architecture.n_outputs()];
    network.forward(&[slot], &[0], observation, &mut logits, &mut network.scratch(1));
    logits
}

/// A convolution that changes nothing, so that a network has weights.
const SAME: Layer = Layer::Conv2d {
    out_channels: 1,
    kernel: (1, 1),
    stride: (1, 1),
    padding: (0, 0),
    dilation: (1, 1),
    groups: 1,
    bias: false,
};

#[test]
fn the_last_nan_is_the_largest_and_the_first_of_equal_zeros() {
    let image = InputShape::Image { channels: 1, height: 2, width: 2 };
    let pool = Layer::Pool2d(Pool2d { kind: PoolKind::Max, kernel: (2, 2), stride: (1, 1), padding: (0, 0) });
    let largest = |values: [f32; 4]| outputs(image, vec![pool, SAME], &[1.0], &values)[0];
    assert_eq!(largest([1.0, 4.0, -3.0, 2.0]), 4.0);
    assert!(largest([1.0, f32::NAN, f32::INFINITY, 2.0]).is_nan());
    let pool_alone = |values: [f32; 4]| {
        let layers = vec![Layer::Skip, Layer::AddSkip, pool, SAME];
        outputs(image, layers, &[0.5], &values)[0]
    };
    assert_eq!(pool_alone([-0.5, -2.0, -1.0, -0.25]), -0.25);
    assert_eq!(largest([f32::NEG_INFINITY; 4]), f32::NEG_INFINITY);
}

#[test]
fn means_divide_by_what_is_on_the_image_or_by_the_window() {
    let image = InputShape::Image { channels: 1, height: 2, width: 3 };
    let mean = |count_include_pad| {
        let kind = PoolKind::Average { count_include_pad };
        let pool = Layer::Pool2d(Pool2d { kind, kernel: (2, 2), stride: (2, 2), padding: (1, 1) });
        outputs(image, vec![pool, SAME], &[1.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    };
    assert_eq!(mean(true), [0.25, 1.25, 1.0, 2.75]);
    assert_eq!(mean(false), [1.0, 2.5, 4.0, 5.5]);
    let layers = vec![Layer::GlobalAvgPool2d, SAME];
    assert_eq!(outputs(image, layers, &[1.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [3.5]);
}

#[test]
fn normalised_values_have_mean_zero_and_variance_one() {
    let norm = Layer::LayerNorm(LayerNorm { eps: 0.0, weight: true, bias: true });
    let one = |outputs| Layer::Linear { outputs, bias: false };
    let layers = vec![norm, one(1)];
    // Normalised: -1, 1; times 2 and 3; plus 10 and 20; added up.
    assert_eq!(outputs(InputShape::Flat(2), layers, &[2.0, 3.0, 10.0, 20.0, 1.0, 1.0], &[5.0, 7.0]), [31.0]);
}

#[test]
fn a_skip_is_added() {
    let linear = Layer::Linear { outputs: 2, bias: false };
    let layers = vec![Layer::Skip, linear, Layer::AddSkip];
    assert_eq!(outputs(InputShape::Flat(2), layers, &[0.0, 1.0, 1.0, 0.0], &[3.0, 5.0]), [8.0, 8.0]);
}

#[test]
fn groups_see_their_own_channels() {
    let conv = Layer::Conv2d {
        out_channels: 2,
        kernel: (1, 2),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (1, 2),
        groups: 2,
        bias: false,
    };
    let image = InputShape::Image { channels: 2, height: 1, width: 3 };
    let values = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
    assert_eq!(outputs(image, vec![conv], &[1.0, -1.0, 1.0, 1.0], &values), [-2.0, 40.0]);
}

#[test]
fn refusals_name_the_layer_and_what_it_got() {
    let image = InputShape::Image { channels: 3, height: 4, width: 4 };
    let pool =
        |kernel, stride, padding| Layer::Pool2d(Pool2d { kind: PoolKind::Max, kernel, stride, padding });
    let conv = |groups| Layer::Conv2d {
        out_channels: 4,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (2, 1),
        groups,
        bias: true,
    };
    let linear = Layer::Linear { outputs: 2, bias: true };
    let cases = [
        (
            image,
            vec![pool((2, 2), (2, 2), (2, 0))],
            "layer 1 (max_pool2d, kernel 2x2): the padding must be at most half of the kernel, 1x1",
        ),
        (
            image,
            vec![pool((5, 2), (2, 2), (0, 0))],
            "layer 1 (max_pool2d, kernel 5x2): the kernel does not fit into its padded input of 4x4",
        ),
        (
            image,
            vec![pool((2, 2), (2, 0), (0, 0))],
            "layer 1 (max_pool2d, kernel 2x2): the stride must be at least 1, got 0",
        ),
        (
            image,
            vec![pool((2, 0), (2, 2), (0, 0))],
            "layer 1 (max_pool2d, kernel 2x0): the kernel size must be at least 1, got 0",
        ),
        (
            InputShape::Flat(4),
            vec![pool((2, 2), (2, 2), (0, 0))],
            "layer 1 (max_pool2d, kernel 2x2): needs an image of channels x height x width, but its input is a vector of 4 values",
        ),
        (
            InputShape::Flat(4),
            vec![Layer::GlobalAvgPool2d],
            "layer 1 (adaptive_avg_pool2d, 1x1): needs an image of channels x height x width, but its input is a vector of 4 values",
        ),
        (
            image,
            vec![conv(1)],
            "layer 1 (conv2d, 4 channels, kernel 3x3): the kernel does not fit into its padded input of 4x4",
        ),
        (
            image,
            vec![conv(2)],
            "layer 1 (conv2d, 4 channels, kernel 3x3): 3 channels are not divisible by 2 groups",
        ),
        (
            image,
            vec![conv(3)],
            "layer 1 (conv2d, 4 channels, kernel 3x3): 4 channels are not divisible by 3 groups",
        ),
        (
            image,
            vec![conv(0)],
            "layer 1 (conv2d, 4 channels, kernel 3x3): the number of groups must be at least 1, got 0",
        ),
        (image, vec![linear, Layer::AddSkip], "layer 2 (add_skip): nothing to add: no skip is open"),
        (image, vec![Layer::Skip, linear], "layer 1 (skip): no add_skip follows"),
        (
            image,
            vec![Layer::Skip, linear, Layer::AddSkip],
            "layer 3 (add_skip): adds an image or vector of 3x4x4, but its input is 2",
        ),
    ];
    for (input, layers, message) in cases {
        let refusal = Architecture::new(input, layers).expect_err("the architecture is impossible");
        assert_eq!(refusal.to_string(), message);
    }
}

//! The kernels against the scalar reference, bit for bit: random architectures, special values, every instruction set,
//! any number of lanes and any slots.

mod common;

use common::{Values, same_bits};
use lane_math::{Activation, Isa};
use policy::{Architecture, Exactness, InputShape, Inputs, Layer, Network, PackedWeights, States, reference};
use proptest::prelude::*;
use std::ops::ControlFlow;

/// Everything that one forward call is given.
#[derive(Debug)]
struct Case {
    architecture: Architecture,
    weights: Vec<Vec<f32>>,
    slot_of_lane: Vec<usize>,
    observations: Vec<f32>,
}

fn linear(outputs: usize) -> impl Strategy<Value = Layer> {
    any::<bool>().prop_map(move |bias| Layer::Linear { outputs, bias })
}

/// No, one or two activations.
fn activations() -> impl Strategy<Value = Vec<Layer>> {
    let others = [
        "identity",
        "relu6",
        "selu",
        "gelu",
        "gelu_tanh",
        "silu",
        "mish",
        "softsign",
        "sigmoid",
        "logsigmoid",
    ]
    .map(|name| Activation::from_name(name, &[]));
    let with_parameters = [("leaky_relu", 0.2), ("elu", 0.5), ("celu", 2.0)]
        .map(|(name, parameter)| Activation::from_name(name, &[parameter]));
    let others = [&others[..], &with_parameters[..]].concat();
    let other = proptest::sample::select(others)
        .prop_map(|activation| Layer::Activation(activation.expect("PyTorch's names")));
    let one = prop_oneof![3 => Just(Layer::RELU), 1 => Just(Layer::TANH), 2 => other];
    proptest::collection::vec(one, 0..=2)
}

/// Sizes around the bounds between the rules: few outputs, vectors, blocks of inputs.
fn width() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1_usize..=24, 2 => 25_usize..=80, 1 => 190_usize..=196, 1 => 380_usize..=400]
}

fn mlp() -> impl Strategy<Value = Architecture> {
    let layers = proptest::collection::vec((width().prop_flat_map(linear), activations()), 1..=3);
    let normalization = proptest::sample::select(vec![None, Some(Layer::Softmax), Some(Layer::LogSoftmax)]);
    (width(), activations(), layers, normalization).prop_map(|(inputs, before, layers, normalization)| {
        let mut all = before;
        for (layer, after) in layers {
            all.push(layer);
            all.extend(after);
        }
        all.extend(normalization);
        Architecture::new(InputShape::Flat(inputs), all).expect("positive sizes fit")
    })
}

fn conv() -> impl Strategy<Value = Layer> {
    let channels = prop_oneof![1_usize..=20, Just(24), Just(32), Just(40)];
    let kernel = prop_oneof![4 => 1_usize..=4, 1 => 5_usize..=8];
    let stride = (1_usize..=3, 1_usize..=3);
    let padding = (0_usize..=3, 0_usize..=3);
    (channels, (kernel.clone(), kernel), stride, padding, any::<bool>()).prop_map(
        |(out_channels, kernel, stride, padding, bias)| Layer::Conv2d {
            out_channels,
            kernel,
            stride,
            padding,
            dilation: (1, 1),
            groups: 1,
            bias,
        },
    )
}

/// One or two convolutions, activations anywhere, then perhaps a linear layer.
fn cnn() -> impl Strategy<Value = Architecture> {
    let channels = prop_oneof![3 => 1_usize..=9, 1 => 10_usize..=18];
    let image = (channels, 1_usize..=12, 1_usize..=12);
    let convs = proptest::collection::vec((conv(), activations()), 1..=2);
    let last = proptest::option::of((1_usize..=20).prop_flat_map(linear));
    (image, activations(), convs, last).prop_filter_map(
        "a kernel is larger than its padded input",
        |((channels, height, width), before, convs, last)| {
            let mut layers = before;
            for (conv, after) in convs {
                layers.push(conv);
                layers.extend(after);
            }
            layers.extend(last);
            Architecture::new(InputShape::Image { channels, height, width }, layers).ok()
        },
    )
}

/// A convolution that PyTorch computes as a matrix product: its kernel lies within the padding. Numbers of channels and
/// pixels are around the bounds of groups and pieces, numbers of taps around those of blocks.
fn matrix_cnn() -> impl Strategy<Value = Architecture> {
    let channels = prop_oneof![3 => 1_usize..=9, 2 => 10_usize..=60, 1 => 60_usize..=260];
    let out_channels = prop_oneof![Just(1), 2_usize..=14, 15_usize..=49, 70_usize..=104];
    let image = (channels, 1_usize..=9, 1_usize..=9);
    let conv =
        (out_channels, (1_usize..=3, 1_usize..=3), (1_usize..=3, 1_usize..=4), (1_usize..=4, 0_usize..=3));
    (image, conv, any::<bool>(), activations()).prop_filter_map(
        "another order, or a kernel that is larger than its padded input",
        |((channels, height, width), (out_channels, kernel, stride, padding), bias, after)| {
            let is_matrix = kernel.0 <= padding.0 || kernel.1 <= padding.1;
            let conv =
                Layer::Conv2d { out_channels, kernel, stride, padding, dilation: (1, 1), groups: 1, bias };
            let input = InputShape::Image { channels, height, width };
            let layers = [vec![conv], after].concat();
            let architecture = Architecture::new(input, layers).ok().filter(|_| is_matrix)?;
            (architecture.exactness() == Exactness::Exact).then_some(architecture)
        },
    )
}

/// Lanes with slots in any order, and weights and observations of the kinds that [`Values`] knows; about half of the
/// observations are mostly zeros instead.
fn case(architectures: impl Strategy<Value = Architecture>) -> impl Strategy<Value = Case> {
    let lanes = (1_usize..=4).prop_flat_map(|slots| {
        let lanes = proptest::collection::vec((0..slots, any::<bool>()), 1..=17);
        (Just(slots), lanes)
    });
    let kinds = (0..Values::KINDS, 0..Values::KINDS);
    (architectures, lanes, any::<u64>(), kinds).prop_map(|(architecture, (slots, lanes), seed, kinds)| {
        let mut values = Values::new(seed, kinds.0);
        let weights = (0..slots).map(|_| values.take(architecture.n_params())).collect();
        let mut full = Values::new(!seed, kinds.1);
        let mut sparse = Values::new(!seed, Values::MOSTLY_ZEROS);
        let n_inputs = architecture.n_inputs();
        let observations = lanes
            .iter()
            .flat_map(|&(_, is_sparse)| if is_sparse { sparse.take(n_inputs) } else { full.take(n_inputs) })
            .collect();
        let slot_of_lane = lanes.into_iter().map(|(slot, _)| slot).collect();
        Case { architecture, weights, slot_of_lane, observations }
    })
}

fn kernel_logits(case: &Case, isa: Isa) -> Vec<f32> {
    let network = Network::with_isa(&case.architecture, isa);
    let slots: Vec<PackedWeights> = case
        .weights
        .iter()
        .map(|weights| {
            let mut packed = network.packed();
            // What was packed before must not shine through.
            network.pack(&vec![f32::NAN; weights.len()], &mut packed);
            network.pack(weights, &mut packed);
            packed
        })
        .collect();
    let lanes = case.slot_of_lane.len();
    let mut logits = vec![f32::NAN; lanes * case.architecture.n_outputs()];
    let mut scratch = network.scratch(lanes);
    for _ in 0..2 {
        network.forward(&slots, &case.slot_of_lane, &case.observations, &mut logits, &mut scratch);
    }
    logits
}

/// The same from observations that are (height, width, channels); none if the network does not read them.
fn pixel_logits(case: &Case, isa: Isa) -> Option<Vec<f32>> {
    let network = Network::with_isa(&case.architecture, isa);
    let InputShape::Image { channels, height, width } = case.architecture.input() else {
        return None;
    };
    if !network.reads_pixels() {
        return None;
    }
    let pixels = height * width;
    let observations: Vec<f32> = case
        .observations
        .chunks(channels * pixels)
        .flat_map(|image| {
            let place = move |index: usize| image[index % channels * pixels + index / channels];
            (0..image.len()).map(place)
        })
        .collect();
    let mut slots = vec![network.packed(); case.weights.len()];
    for (slot, weights) in slots.iter_mut().zip(&case.weights) {
        network.pack(weights, slot);
    }
    let lanes = case.slot_of_lane.len();
    let mut logits = vec![f32::NAN; lanes * case.architecture.n_outputs()];
    let inputs = Inputs {
        slots: &slots,
        slot_of_lane: &case.slot_of_lane,
        observations: &observations,
        are_pixels: true,
    };
    let scratch = &mut network.scratch(lanes);
    assert!(
        network
            .forward_while(inputs, States::none(), &mut logits, scratch, &mut || ControlFlow::Continue(()))
            .is_continue()
    );
    Some(logits)
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let expected: Vec<f32> = case
        .slot_of_lane
        .iter()
        .zip(case.observations.chunks(case.architecture.n_inputs()))
        .flat_map(|(&slot, observation)| {
            reference::forward(&case.architecture, &case.weights[slot], observation)
        })
        .collect();
    for isa in Isa::all_available() {
        let logits = kernel_logits(case, isa);
        if let Some(index) = (0..expected.len()).find(|&index| !same_bits(expected[index], logits[index])) {
            let (expected, got) = (expected[index], logits[index]);
            return Err(TestCaseError::fail(format!(
                "{isa:?}: logit {index}: expected {expected:e}, got {got:e}"
            )));
        }
        if let Some(from_pixels) = pixel_logits(case, isa) {
            let same = logits.iter().zip(&from_pixels).all(|(&one, &other)| same_bits(one, other));
            prop_assert!(same, "{isa:?}: {logits:?} from planes, {from_pixels:?} from pixels");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn mlps_equal_the_reference(case in case(mlp())) {
        check(&case)?;
    }

    #[test]
    fn cnns_equal_the_reference(case in case(cnn())) {
        check(&case)?;
    }

    #[test]
    fn matrix_convolutions_equal_the_reference(case in case(matrix_cnn())) {
        check(&case)?;
    }
}

/// Every split of rows into tiles, for one individual and for an individual per lane.
#[test]
fn any_number_of_lanes_gives_the_same_logits() {
    let layers = vec![
        Layer::Linear { outputs: 88, bias: true },
        Layer::TANH,
        Layer::Linear { outputs: 13, bias: true },
        Layer::RELU,
        Layer::Linear { outputs: 7, bias: true },
    ];
    let architecture = Architecture::new(InputShape::Flat(200), layers).expect("positive sizes fit");
    for lanes in 1..=17 {
        for slot_of_lane in [vec![0; lanes], (0..lanes).rev().collect()] {
            let mut values = Values::new(lanes as u64, 0);
            let weights = (0..lanes).map(|_| values.take(architecture.n_params())).collect();
            let observations = values.take(lanes * architecture.n_inputs());
            let case = Case { architecture: architecture.clone(), weights, slot_of_lane, observations };
            check(&case).expect("kernels equal the reference");
        }
    }
}

/// An infinite weight over the padding does not leak into the sum, and -0 survives exactly where PyTorch keeps it.
#[test]
fn padding_is_skipped_not_multiplied() {
    let conv = Layer::Conv2d {
        out_channels: 1,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
        bias: false,
    };
    let input = InputShape::Image { channels: 1, height: 2, width: 2 };
    let architecture = Architecture::new(input, vec![conv]).expect("the kernel fits");
    let mut filter = vec![0.0; 9];
    filter[0] = f32::INFINITY; // the tap up and left: on the image for the last pixel only
    let case =
        Case { architecture, weights: vec![filter], slot_of_lane: vec![0], observations: vec![1.0; 4] };
    check(&case).expect("kernels equal the reference");
    assert_eq!(kernel_logits(&case, Isa::detect()), [0.0, 0.0, 0.0, f32::INFINITY]);
}

/// Where PyTorch computes a convolution as a matrix product, the padding is multiplied, and the bias comes last.
#[test]
fn padding_of_a_matrix_convolution_is_multiplied() {
    let conv = Layer::Conv2d {
        out_channels: 2,
        kernel: (1, 1),
        stride: (2, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    };
    let input = InputShape::Image { channels: 1, height: 1, width: 1 };
    let architecture = Architecture::new(input, vec![conv]).expect("the kernel fits");
    let case = Case {
        architecture,
        weights: vec![vec![f32::INFINITY, 1.0, 3.0, -0.0]],
        slot_of_lane: vec![0],
        observations: vec![1.0],
    };
    check(&case).expect("kernels equal the reference");
    let logits = kernel_logits(&case, Isa::detect());
    assert!(logits[..6].iter().all(|logit| logit.is_nan()), "{logits:?}");
    assert_eq!(logits[6..].iter().map(|logit| logit.to_bits()).collect::<Vec<_>>(), [0; 6]);
}

/// Where every product and every bias is -0, what is left of the sign shows where a sum started from +0.
#[test]
fn the_sign_of_zero_is_kept_where_the_reference_keeps_it() {
    for inputs in 1..=9 {
        for outputs in 1..=13 {
            let linear = Layer::Linear { outputs, bias: true };
            let architecture = Architecture::new(InputShape::Flat(inputs), vec![linear]).expect("sizes fit");
            let weights = Values::new(0, Values::MINUS_ZERO).take(architecture.n_params());
            let observations = Values::new(0, Values::POSITIVE).take(2 * inputs);
            let case = Case { architecture, weights: vec![weights], slot_of_lane: vec![0, 0], observations };
            check(&case).unwrap_or_else(|error| panic!("{inputs} inputs, {outputs} outputs: {error}"));
        }
    }
}

/// Products with zeros are left out for images that are mostly zeros, but not where that could be seen.
#[test]
fn zeros_count_where_they_change_the_sum() {
    let conv = Layer::Conv2d {
        out_channels: 8,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    };
    let input = InputShape::Image { channels: 2, height: 6, width: 7 };
    let architecture = Architecture::new(input, vec![conv]).expect("the kernel fits");
    let tiny = f32::from_bits(1) * 1024.0; // its product with 2^-30 is below half of the smallest subnormal
    let small = 1.0 / (1 << 30) as f32;
    // What all weights are, the bias, and the few values of the observation that are not zero.
    let hazards = [
        ("ordinary", 0.75, 0.5, 1.0),
        ("a bias of -0", 0.75, -0.0, 1.0),
        ("an infinite weight", f32::INFINITY, 0.5, 1.0),
        ("a weight that is NaN", f32::NAN, 0.5, 1.0),
        ("an infinite observation", 0.75, 0.5, f32::INFINITY),
        ("weights whose products vanish", -tiny, 0.0, small),
        ("observations whose products vanish", -small, 0.0, tiny),
    ];
    for (hazard, weight, bias, value) in hazards {
        let mut weights = vec![weight; 8 * 2 * 9];
        weights.extend([bias; 8]);
        for zero in [0.0, -0.0] {
            let mut observations = vec![zero; 2 * 6 * 7];
            observations[9] = value;
            observations[50] = -value;
            let case = Case {
                architecture: architecture.clone(),
                weights: vec![weights.clone()],
                slot_of_lane: vec![0],
                observations,
            };
            check(&case).unwrap_or_else(|error| panic!("{hazard}: {error}"));
        }
    }
}

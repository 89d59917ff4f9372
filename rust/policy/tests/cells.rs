//! Recurrent cells against the scalar reference, step after step: every kind, sizes around all rules, every instruction
//! set, lanes in any order; and what a step may not change.

mod common;

use common::{Values, same_bits};
use lane_math::Isa;
use policy::{Architecture, CellKind, InputShape, Inputs, Layer, Network, States, reference};
use proptest::prelude::*;
use std::ops::ControlFlow;

const KINDS: [CellKind; 4] = [CellKind::RnnTanh, CellKind::RnnRelu, CellKind::Gru, CellKind::Lstm];
const STEPS: usize = 3;

fn cell() -> impl Strategy<Value = Layer> {
    let hidden = prop_oneof![6 => 1_usize..=20, 2 => 21_usize..=70, 1 => 191_usize..=194];
    (proptest::sample::select(KINDS.to_vec()), hidden, any::<bool>())
        .prop_map(|(kind, hidden, bias)| Layer::Cell { kind, hidden, bias })
}

/// A cell behind a vector, a linear layer or a convolution; perhaps a second one; perhaps a linear layer behind.
fn architecture() -> impl Strategy<Value = Architecture> {
    let inputs = prop_oneof![4 => 1_usize..=24, 1 => 190_usize..=196];
    let image = (1_usize..=9, 1_usize..=6, 1_usize..=6)
        .prop_map(|(channels, height, width)| InputShape::Image { channels, height, width });
    let input = prop_oneof![3 => inputs.prop_map(InputShape::Flat), 1 => image];
    let between = proptest::sample::select(vec![vec![], vec![Layer::RELU], vec![Layer::TANH]]);
    let last = proptest::option::of((1_usize..=14).prop_map(|outputs| Layer::Linear { outputs, bias: true }));
    (input, cell(), between, proptest::option::of(cell()), last).prop_map(
        |(input, first, between, second, last)| {
            let mut layers = Vec::new();
            if let InputShape::Image { .. } = input {
                let (kernel, stride, padding) = ((1, 1), (1, 1), (0, 0));
                layers.push(Layer::Conv2d {
                    out_channels: 5,
                    kernel,
                    stride,
                    padding,
                    dilation: (1, 1),
                    groups: 1,
                    bias: true,
                });
            }
            layers.push(first);
            layers.extend(between);
            layers.extend(second);
            layers.extend(last);
            Architecture::new(input, layers).expect("positive sizes fit")
        },
    )
}

/// What each lane gives and remembers at each step, on an instruction set and by the reference.
fn check(
    architecture: &Architecture,
    slot_of_lane: &[usize],
    seed: u64,
    kinds: (u64, u64),
) -> Result<(), TestCaseError> {
    let slots = slot_of_lane.iter().max().expect("lanes") + 1;
    let lanes = slot_of_lane.len();
    let (n_inputs, n_outputs, n_state) =
        (architecture.n_inputs(), architecture.n_outputs(), architecture.n_state());
    let mut values = Values::new(seed, kinds.0);
    let weights: Vec<Vec<f32>> = (0..slots).map(|_| values.take(architecture.n_params())).collect();
    let mut values = Values::new(!seed, kinds.1);
    let observations: Vec<Vec<f32>> = (0..STEPS).map(|_| values.take(lanes * n_inputs)).collect();
    for isa in Isa::all_available() {
        let network = Network::with_isa(architecture, isa);
        let mut packed = vec![network.packed(); slots];
        for (slot, weights) in packed.iter_mut().zip(&weights) {
            network.pack(&vec![f32::NAN; weights.len()], slot);
            network.pack(weights, slot);
        }
        let mut expected_state = vec![0.0; lanes * n_state];
        let (mut before, mut after) = (vec![0.0; lanes * n_state], vec![f32::NAN; lanes * n_state]);
        let mut scratch = network.scratch(lanes);
        for (step, observations) in observations.iter().enumerate() {
            let mut logits = vec![f32::NAN; lanes * n_outputs];
            let inputs = Inputs { slots: &packed, slot_of_lane, observations, are_pixels: false };
            for _ in 0..2 {
                // A step may be made once more.
                let states = States { before: &before, after: &mut after };
                let go_on = &mut || ControlFlow::Continue(());
                assert!(
                    network.forward_while(inputs, states, &mut logits, &mut scratch, go_on).is_continue()
                );
            }
            for lane in 0..lanes {
                let state = &mut expected_state[lane * n_state..][..n_state];
                let observation = &observations[lane * n_inputs..][..n_inputs];
                let expected =
                    reference::step(architecture, &weights[slot_of_lane[lane]], observation, state);
                let pairs = expected
                    .iter()
                    .zip(&logits[lane * n_outputs..])
                    .chain(state.iter().zip(&after[lane * n_state..]));
                for (index, (&expected, &got)) in pairs.enumerate() {
                    prop_assert!(
                        same_bits(expected, got),
                        "{isa:?}, step {step}, lane {lane}, value {index}: expected {expected:e}, got {got:e}"
                    );
                }
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn cells_equal_the_reference(
        architecture in architecture(),
        slot_of_lane in proptest::collection::vec(0_usize..4, 1..=17),
        seed in any::<u64>(),
        kinds in (0..Values::KINDS, 0..Values::KINDS),
    ) {
        check(&architecture, &slot_of_lane, seed, kinds)?;
    }
}

fn lone(kind: CellKind, inputs: usize, hidden: usize, bias: bool) -> Architecture {
    Architecture::new(InputShape::Flat(inputs), vec![Layer::Cell { kind, hidden, bias }]).expect("it fits")
}

/// Numbers of outputs of the matrices, and rests of rows, of all sizes.
#[test]
fn every_hidden_size_equals_the_reference() {
    for kind in KINDS {
        for hidden in (1..=34).chain([47, 48, 49, 64, 193]) {
            let architecture = lone(kind, 5, hidden, hidden % 3 > 0);
            check(&architecture, &[0, 1, 0, 0, 1], hidden as u64, (0, 0))
                .expect("kernels equal the reference");
        }
    }
}

#[test]
fn parameters_and_states_are_as_many_as_pytorchs_cells_have() {
    let sizes = |kind, bias| {
        let architecture = lone(kind, 5, 7, bias);
        (architecture.n_params(), architecture.n_state(), architecture.n_outputs(), architecture.macs())
    };
    assert_eq!(sizes(CellKind::RnnTanh, false), (7 * 12, 7, 7, 7 * 12));
    assert_eq!(sizes(CellKind::RnnRelu, true), (7 * 12 + 14, 7, 7, 7 * 12));
    assert_eq!(sizes(CellKind::Gru, true), (3 * (7 * 12 + 14), 7, 7, 3 * 7 * 12));
    assert_eq!(sizes(CellKind::Lstm, true), (4 * (7 * 12 + 14), 14, 7, 4 * 7 * 12));
}

/// By hand: one unit, weights that tell where each parameter lies.
#[test]
fn weights_lie_in_pytorchs_order() {
    let architecture = lone(CellKind::RnnRelu, 2, 1, true);
    let weights = [1.0, 10.0, 100.0, 1000.0, 10_000.0]; // weight_ih, weight_hh, bias_ih, bias_hh
    let mut state = [2.0];
    assert_eq!(reference::step(&architecture, &weights, &[3.0, 4.0], &mut state), [11_243.0]);
    assert_eq!(state, [11_243.0]);
}

#[test]
fn a_size_of_zero_is_refused_by_name() {
    let layers = vec![Layer::Cell { kind: CellKind::Gru, hidden: 0, bias: true }];
    let error = Architecture::new(InputShape::Flat(3), layers).unwrap_err();
    assert_eq!(error.to_string(), "layer 1 (gru cell, 0 outputs): the hidden size must be at least 1, got 0");
    let layers = vec![Layer::Cell { kind: CellKind::Lstm, hidden: 1 << 15, bias: true }];
    let error = Architecture::new(InputShape::Flat(3), layers).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer 1 (lstm cell, 32768 outputs): more than 1073741824 values in its weights or activations"
    );
}

#[test]
#[should_panic(expected = "the states before are not (lanes, n_state)")]
fn a_network_that_remembers_is_not_run_without_its_state() {
    let network = Network::new(&lone(CellKind::Gru, 3, 4, true));
    network.forward(&[network.packed()], &[0], &[0.0; 3], &mut [0.0; 4], &mut network.scratch(1));
}

//! Long forward passes ask whether to go on, in every kind of layer, and end where they are told to.

use policy::{Architecture, InputShape, Inputs, Layer, Network, States};
use std::ops::ControlFlow;

/// No more multiply-adds than these lie between two questions, plus what cannot be parted: a tile of a convolution, a
/// panel of a linear layer.
const MACS_PER_QUESTION: u64 = 1 << 22;

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

fn conv(out_channels: usize, kernel: usize) -> Layer {
    Layer::Conv2d {
        out_channels,
        kernel: (kernel, kernel),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    }
}

/// Asks for `lanes` lanes until `question` has been answered with an end; how many questions there were, and the answer.
fn asked(network: &Network, lanes: usize, end_at: u64) -> (u64, ControlFlow<()>) {
    let architecture = network.architecture();
    let mut packed = network.packed();
    network.pack(&vec![0.01; architecture.n_params()], &mut packed);
    let slots = [packed];
    let observations = vec![0.5; lanes * architecture.n_inputs()];
    let slot_of_lane = vec![0; lanes];
    let inputs =
        Inputs { slots: &slots, slot_of_lane: &slot_of_lane, observations: &observations, are_pixels: false };
    let mut logits = vec![0.0; lanes * architecture.n_outputs()];
    let mut questions = 0;
    let answer =
        network.forward_while(inputs, States::none(), &mut logits, &mut network.scratch(lanes), &mut || {
            questions += 1;
            if questions == end_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    (questions, answer)
}

#[test]
fn every_kind_of_layer_asks_at_distances_of_work() {
    let image = |channels, side| InputShape::Image { channels, height: side, width: side };
    let cases = [
        ("convolution", image(3, 64), vec![conv(32, 8), linear(2)], 2),
        ("convolution of eight channels", image(16, 64), vec![conv(8, 8), linear(2)], 2),
        ("linear, in tiles", InputShape::Flat(4096), vec![linear(2048), linear(2)], 6),
        ("linear, alone", InputShape::Flat(4096), vec![linear(4096), linear(2)], 1),
        ("dot products", InputShape::Flat(1 << 22), vec![linear(11)], 1),
    ];
    for (name, input, layers, lanes) in cases {
        let network = Network::new(&Architecture::new(input, layers).unwrap());
        let macs = network.architecture().macs() * lanes as u64;
        let (questions, answer) = asked(&network, lanes, u64::MAX);
        assert!(answer.is_continue());
        assert!(questions <= macs / MACS_PER_QUESTION + 1, "{name}: {questions} questions");
        let least = if name == "dot products" { 1 } else { macs / (2 * MACS_PER_QUESTION) };
        assert!(least > 0 && questions >= least, "{name}: {questions} questions for {macs} multiply-adds");
        for end_at in [1, questions.div_ceil(2), questions] {
            assert_eq!(asked(&network, lanes, end_at), (end_at, ControlFlow::Break(())), "{name}");
        }
    }
}

#[test]
fn lists_of_images_that_are_mostly_zeros_ask_too() {
    let side = 512;
    let input = InputShape::Image { channels: 1, height: side, width: side };
    let network = Network::new(&Architecture::new(input, vec![conv(16, 9), linear(2)]).unwrap());
    let mut packed = network.packed();
    network.pack(&vec![0.01; network.architecture().n_params()], &mut packed);
    let mut observations = vec![0.0; side * side];
    observations.iter_mut().step_by(10).for_each(|value| *value = 1.0);
    let (slots, mut logits) = ([packed], [0.0; 2]);
    let inputs = Inputs { slots: &slots, slot_of_lane: &[0], observations: &observations, are_pixels: false };
    let answer =
        network.forward_while(inputs, States::none(), &mut logits, &mut network.scratch(1), &mut || {
            ControlFlow::Break(())
        });
    assert!(answer.is_break());
}

#[test]
fn short_passes_never_ask() {
    let network = Network::new(
        &Architecture::new(InputShape::Flat(4), vec![linear(64), Layer::TANH, linear(2)]).unwrap(),
    );
    assert_eq!(asked(&network, 64, 1), (0, ControlFlow::Continue(())));
}

#[test]
fn memory_that_is_not_there_is_an_unwinding_with_its_size() {
    let input = InputShape::Image { channels: 3, height: 96, width: 96 };
    let network =
        Network::new(&Architecture::new(input, vec![conv(110_000, 1), conv(1, 1), linear(3)]).unwrap());
    let refused = std::panic::catch_unwind(|| network.scratch(1 << 20)).unwrap_err();
    let refused: Box<lane_math::memory::OutOfMemory> = refused.downcast().unwrap();
    assert_eq!(refused.bytes, 4 * 110_000 * 96 * 96 * (1 << 20));
}

//! What an architecture is refused for, what follows from its layers, and where PyTorch's bits are promised.

use policy::{Architecture, Exactness, InputShape, Layer, Network};

const IMAGE: InputShape = InputShape::Image { channels: 3, height: 8, width: 6 };

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

fn conv(kernel: (usize, usize), stride: (usize, usize), padding: (usize, usize)) -> Layer {
    Layer::Conv2d { out_channels: 4, kernel, stride, padding, dilation: (1, 1), groups: 1, bias: true }
}

fn refusal(input: InputShape, layers: Vec<Layer>) -> String {
    Architecture::new(input, layers).expect_err("the architecture is impossible").to_string()
}

#[test]
fn refusals_name_the_layer_and_what_it_got() {
    let wide = |padding| Layer::Conv2d {
        out_channels: 4,
        kernel: (3, 3),
        stride: (1, 1),
        padding,
        dilation: (1, 1),
        groups: 1,
        bias: true,
    };
    let cases = [
        (
            InputShape::Image { channels: 3, height: 0, width: 6 },
            vec![linear(1)],
            "input shape 3x0x6: every size must be at least 1",
        ),
        (
            InputShape::Flat(4),
            vec![Layer::RELU],
            "the network needs at least one linear or conv2d layer, got 1 layer(s) without weights",
        ),
        (
            InputShape::Flat(4),
            vec![linear(2), Layer::TANH, linear(0)],
            "layer 3 (linear, 0 outputs): the number of outputs must be at least 1, got 0",
        ),
        (
            IMAGE,
            vec![conv((3, 3), (1, 1), (0, 0)), Layer::Softmax],
            "layer 2 (softmax): needs a vector, but its input is an image of 4x6x4",
        ),
        (
            IMAGE,
            vec![conv((3, 0), (1, 1), (0, 0))],
            "layer 1 (conv2d, 4 channels, kernel 3x0): the kernel size must be at least 1, got 0",
        ),
        (
            IMAGE,
            vec![conv((3, 3), (0, 1), (0, 0))],
            "layer 1 (conv2d, 4 channels, kernel 3x3): the stride must be at least 1, got 0",
        ),
        (
            InputShape::Flat(4),
            vec![linear(9), conv((3, 3), (1, 1), (0, 0))],
            "layer 2 (conv2d, 4 channels, kernel 3x3): needs an image of channels x height x width, but its input is a \
             vector of 9 values",
        ),
        (
            IMAGE,
            vec![conv((3, 9), (1, 1), (0, 1))],
            "layer 1 (conv2d, 4 channels, kernel 3x9): the kernel does not fit into its padded input of 8x8",
        ),
        (
            IMAGE,
            vec![wide((usize::MAX, 0))],
            "layer 1 (conv2d, 4 channels, kernel 3x3): more than 1073741824 values in its weights or activations",
        ),
        (
            InputShape::Flat(1 << 20),
            vec![linear(1 << 11)],
            "layer 1 (linear, 2048 outputs): more than 1073741824 values in its weights or activations",
        ),
    ];
    for (input, layers, message) in cases {
        assert_eq!(refusal(input, layers), message);
    }
    let huge = InputShape::Image { channels: usize::MAX, height: 2, width: 2 };
    assert!(refusal(huge, vec![linear(1)]).starts_with("the input: more than"));
}

#[test]
fn sizes_follow_from_the_layers() {
    let snake = InputShape::Image { channels: 5, height: 12, width: 12 };
    let conv = |out_channels| Layer::Conv2d {
        out_channels,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    };
    let layers = vec![conv(16), Layer::RELU, conv(32), Layer::RELU, linear(64), Layer::RELU, linear(4)];
    let architecture = Architecture::new(snake, layers.clone()).expect("the kernels fit");
    assert_eq!(architecture.input(), snake);
    assert_eq!(architecture.layers(), layers);
    assert_eq!(architecture.n_inputs(), 720);
    assert_eq!(architecture.n_outputs(), 4);
    assert_eq!(
        architecture.n_params(),
        (5 * 9 + 1) * 16 + (16 * 9 + 1) * 32 + (2048 + 1) * 64 + (64 + 1) * 4
    );
    assert_eq!(architecture.macs(), 498_240);
    assert_eq!(architecture.exactness(), Exactness::Exact);
}

#[test]
fn a_convolution_may_be_last() {
    let layers = vec![conv((3, 2), (2, 1), (1, 0))];
    let architecture = Architecture::new(IMAGE, layers).expect("the kernel fits");
    assert_eq!(architecture.n_outputs(), 4 * 4 * 5);
}

#[test]
fn reasons_name_the_layers_that_are_not_exact() {
    let reason = |input, layers| match Architecture::new(input, layers).expect("the layers fit").exactness() {
        Exactness::Exact => String::new(),
        Exactness::Unclaimed { reason } => reason,
    };
    assert_eq!(reason(InputShape::Flat(4), vec![linear(16), Layer::TANH, linear(16), Layer::RELU]), "");
    // Matrix products of images that fit into the smallest cache, and of one that does not.
    assert_eq!(reason(IMAGE, vec![conv((2, 2), (1, 1), (2, 0))]), "");
    assert_eq!(reason(IMAGE, vec![conv((8, 8), (2, 2), (1, 1))]), "");
    let image = InputShape::Image { channels: 16, height: 32, width: 32 };
    let cut =
        "layer 1 (conv2d, 4 channels, kernel 2x2): PyTorch cuts this shape's sums by the processor's cache";
    assert_eq!(reason(image, vec![conv((2, 2), (1, 1), (2, 0))]), cut);
    assert_eq!(reason(IMAGE, vec![conv((2, 2), (1, 1), (1, 1))]), "");
    let cut =
        "layer 1 (conv2d, 4 channels, kernel 8x8): PyTorch cuts this shape's sums by the processor's cache";
    assert_eq!(reason(image, vec![conv((8, 8), (2, 2), (1, 1))]), cut);
    assert_eq!(reason(IMAGE, vec![conv((8, 6), (2, 2), (0, 0))]), "");
}

#[test]
#[should_panic(expected = "the weights do not fit the network")]
fn packing_checks_the_number_of_weights() {
    let network = Network::new(&Architecture::new(InputShape::Flat(2), vec![linear(3)]).expect("sizes fit"));
    network.pack(&[0.0; 8], &mut network.packed());
}

#[test]
#[should_panic(expected = "the packed weights belong to another network")]
fn forward_checks_whose_weights_it_gets() {
    // The same number of weights and of outputs.
    let [relu, tanh] = [Layer::RELU, Layer::TANH].map(|activation| {
        Network::new(&Architecture::new(InputShape::Flat(2), vec![linear(3), activation]).expect("sizes fit"))
    });
    relu.forward(&[tanh.packed()], &[0], &[0.0; 2], &mut [0.0; 3], &mut relu.scratch(1));
}

#[test]
#[should_panic(expected = "the scratch memory has room for 1 lanes, got 2")]
fn forward_checks_its_scratch_memory() {
    let network = Network::new(&Architecture::new(InputShape::Flat(2), vec![linear(1)]).expect("sizes fit"));
    network.forward(&[network.packed()], &[0, 0], &[0.0; 4], &mut [0.0; 2], &mut network.scratch(1));
}

#[test]
fn no_lanes_are_no_work() {
    let network = Network::new(&Architecture::new(InputShape::Flat(2), vec![linear(1)]).expect("sizes fit"));
    network.forward(&[], &[], &[], &mut [], &mut network.scratch(0));
}

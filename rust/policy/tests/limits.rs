//! Where an architecture just fits, and where it just does not: nothing is allocated for either.

use policy::{Architecture, InputShape, Layer};

const LIMIT: usize = 1 << 30;
const TOO_LARGE: &str = "more than 1073741824 values in its weights or activations";

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: false }
}

fn conv(
    out_channels: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
) -> Layer {
    Layer::Conv2d { out_channels, kernel, stride, padding, dilation: (1, 1), groups: 1, bias: false }
}

fn image(channels: usize, height: usize, width: usize) -> InputShape {
    InputShape::Image { channels, height, width }
}

fn assert_fits(input: InputShape, layers: &[Layer]) {
    Architecture::new(input, layers.to_vec()).unwrap_or_else(|error| panic!("{input}: {error}"));
}

fn assert_refused(input: InputShape, layers: &[Layer], message: &str) {
    let error = Architecture::new(input, layers.to_vec()).expect_err("one too many").to_string();
    assert_eq!(error, message);
}

#[test]
fn an_input_may_have_as_many_values_as_the_limit() {
    assert_fits(InputShape::Flat(LIMIT), &[linear(1)]);
    assert_refused(InputShape::Flat(LIMIT + 1), &[linear(1)], &format!("the input: {TOO_LARGE}"));
    assert_fits(image(4, 1 << 14, 1 << 14), &[linear(1)]);
    assert_refused(image(5, 1 << 14, 1 << 14), &[linear(1)], &format!("the input: {TOO_LARGE}"));
}

#[test]
fn empty_inputs_are_shown() {
    let message = |shape| format!("input shape {shape}: every size must be at least 1");
    assert_refused(InputShape::Flat(0), &[linear(1)], &message("0"));
    assert_refused(image(0, 8, 6), &[linear(1)], &message("0x8x6"));
    assert_refused(image(3, 8, 0), &[linear(1)], &message("3x8x0"));
}

#[test]
fn weights_may_be_as_many_as_the_limit_in_all_layers_together() {
    let biased = Layer::Linear { outputs: 1, bias: true };
    let message = format!("layer 1 (linear, 1 outputs): {TOO_LARGE}");
    assert_refused(InputShape::Flat(LIMIT), &[biased], &message);
    let halves = [linear(1 << 15), linear(1 << 14)];
    assert_fits(InputShape::Flat(1 << 14), &halves);
    let message = format!("layer 3 (linear, 1 outputs): {TOO_LARGE}");
    assert_refused(InputShape::Flat(1 << 14), &[halves[0], halves[1], linear(1)], &message);
    assert_fits(image(1, 64, 64), &[conv(1 << 18, (64, 64), (1, 1), (0, 0))]);
    let message = format!("layer 1 (conv2d, 262145 channels, kernel 64x64): {TOO_LARGE}");
    assert_refused(image(1, 64, 64), &[conv((1 << 18) + 1, (64, 64), (1, 1), (0, 0))], &message);
}

#[test]
fn a_convolution_s_images_may_be_as_large_as_the_limit() {
    assert_fits(image(1, 1 << 14, 1 << 14), &[conv(4, (1, 1), (1, 1), (0, 0))]);
    let message = format!("layer 1 (conv2d, 5 channels, kernel 1x1): {TOO_LARGE}");
    assert_refused(image(1, 1 << 14, 1 << 14), &[conv(5, (1, 1), (1, 1), (0, 0))], &message);
    // Padded, before a stride makes it small again.
    let message = format!("layer 1 (conv2d, 1 channels, kernel 1x1): {TOO_LARGE}");
    let tall = conv(1, (1, 1), (1 << 29, 1), ((1 << 29) - 1, 0));
    assert_fits(image(1, 2, 2), &[tall]);
    assert_refused(image(1, 3, 2), &[tall], &message);
    let wide = conv(1, (1, 1), (1, 1 << 29), (0, (1 << 29) - 1));
    assert_fits(image(1, 2, 2), &[wide]);
    assert_refused(image(1, 2, 3), &[wide], &message);
}

#[test]
fn a_kernel_may_cover_the_whole_padded_input() {
    assert_fits(image(3, 8, 6), &[conv(4, (8, 6), (1, 1), (0, 0))]);
    assert_fits(image(3, 8, 6), &[conv(4, (10, 12), (1, 1), (1, 3))]);
    let message = |kernel, padded| {
        format!(
            "layer 1 (conv2d, 4 channels, kernel {kernel}): the kernel does not fit into its padded input of {padded}"
        )
    };
    assert_refused(image(3, 8, 6), &[conv(4, (9, 6), (1, 1), (0, 0))], &message("9x6", "8x6"));
    assert_refused(image(3, 8, 6), &[conv(4, (8, 7), (1, 1), (0, 0))], &message("8x7", "8x6"));
    assert_refused(image(3, 8, 6), &[conv(4, (11, 12), (1, 1), (1, 3))], &message("11x12", "10x12"));
}

#[test]
fn every_size_of_a_convolution_is_at_least_one() {
    let message = |channels, kernel, what| {
        format!("layer 1 (conv2d, {channels} channels, kernel {kernel}): {what} must be at least 1, got 0")
    };
    let refused = |layer, message: String| assert_refused(image(3, 8, 6), &[layer], &message);
    refused(conv(0, (1, 1), (1, 1), (0, 0)), message(0, "1x1", "the number of channels"));
    refused(conv(4, (0, 1), (1, 1), (0, 0)), message(4, "0x1", "the kernel size"));
    refused(conv(4, (1, 1), (1, 0), (0, 0)), message(4, "1x1", "the stride"));
}

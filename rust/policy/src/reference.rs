//! The forward pass one product at a time: slow, obvious, and the definition of what the kernels compute.
//!
//! Every sum is written in the order in which PyTorch 2.13.0 does it. "fma" is [`f32::mul_add`], rounded once; a
//! product and a sum that stand apart are rounded twice.

mod rows;

use lane_math::{Activation, tanh};

use crate::architecture::Architecture;
use crate::cell::CellKind;
use crate::layer::{Layer, PlacedLayer};
use crate::matrix_order::{BlockSum, MatrixSum, blocks, dot_pieces, matrix_sum, wide_pixels};
use crate::order::{
    CHANNEL_BLOCK, ConvOrder, LinearOrder, conv_order, dot_lanes, executes_channel_padding, linear_order,
};
use crate::shape::InputShape;

/// The logits of one observation.
///
/// `weights` is the flat vector (`n_params` values, per layer weight then bias), `observation` has `n_inputs` values,
/// row-major; the result has `n_outputs`.
///
/// # Panics
///
/// If `weights` or `observation` has another length.
#[must_use]
pub fn forward(architecture: &Architecture, weights: &[f32], observation: &[f32]) -> Vec<f32> {
    step(architecture, weights, observation, &mut vec![0.0; architecture.n_state()])
}

/// The logits of one observation after others, of which a network with recurrent cells remembers `state`, `n_state` values,
/// which become what it remembers now.
///
/// # Panics
///
/// If an argument has another length.
#[must_use]
pub fn step(
    architecture: &Architecture,
    weights: &[f32],
    observation: &[f32],
    state: &mut [f32],
) -> Vec<f32> {
    assert_eq!(state.len(), architecture.n_state(), "the state does not fit the architecture");
    assert_eq!(weights.len(), architecture.n_params(), "the weights do not fit the architecture");
    assert_eq!(observation.len(), architecture.n_inputs(), "the observation does not fit the architecture");
    let mut values = observation.to_vec();
    let mut skips = Vec::new();
    for place in architecture.placed() {
        let params = &weights[place.weights_at..][..place.n_params()];
        values = match place.layer {
            Layer::Linear { outputs, .. } => {
                let (weight, bias) = params.split_at(outputs * values.len());
                (0..outputs).map(|output| linear_output(output, outputs, &values, weight, bias)).collect()
            }
            Layer::Cell { kind, hidden, .. } => {
                cell(kind, &values, params, &mut state[place.state_at..][..kind.states() * hidden])
            }
            Layer::Conv2d { groups, .. } => match conv_order(place) {
                Some(ConvOrder::Matrix) => by_group(place, &values, params, matrix_conv2d),
                // Of groups, what is not known to the bit is computed as a matrix product.
                Some(ConvOrder::Unknown) if groups > 1 => by_group(place, &values, params, matrix_conv2d),
                _ => by_group(place, &values, params, |place, image, params| {
                    conv2d(place, groups, image, params)
                }),
            },
            Layer::Pool2d(pool) => rows::pool2d(pool, place, &values),
            Layer::GlobalAvgPool2d => rows::global_mean(place, &values),
            Layer::LayerNorm(norm) => rows::layer_norm(norm, &values, params),
            Layer::Skip => {
                skips.push(values.clone());
                values
            }
            Layer::AddSkip => {
                let kept = skips.pop().unwrap_or_default();
                values.iter().zip(kept).map(|(value, kept)| value + kept).collect()
            }
            Layer::Activation(Activation::Relu) => values.into_iter().map(relu).collect(),
            Layer::Softmax => row_by(values, lane_math::softmax),
            Layer::LogSoftmax => row_by(values, lane_math::log_softmax),
            Layer::Activation(activation) => {
                values.into_iter().map(|value| activation.value(value)).collect()
            }
        };
    }
    values
}

fn row_by(mut values: Vec<f32>, function: fn(&mut [f32])) -> Vec<f32> {
    function(&mut values);
    values
}

/// +0 for values below zero; -0 and NaN are not below zero.
fn relu(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// One output of a linear layer; `bias` is empty if the layer has none.
fn linear_output(output: usize, outputs: usize, inputs: &[f32], weight: &[f32], bias: &[f32]) -> f32 {
    let row = &weight[output * inputs.len()..][..inputs.len()];
    let bias = bias.get(output).copied();
    match linear_order(inputs.len(), outputs) {
        LinearOrder::Product => {
            let product = inputs[0] * row[0];
            bias.map_or(product, |bias| bias + product)
        }
        LinearOrder::Chain { block } => {
            let mut sum = bias.unwrap_or(0.0);
            for (inputs, row) in inputs.chunks(block).zip(row.chunks(block)) {
                let mut chain = 0.0;
                for (input, weight) in inputs.iter().zip(row) {
                    chain = input.mul_add(*weight, chain);
                }
                sum += chain;
            }
            sum
        }
        LinearOrder::Dots => bias.unwrap_or(0.0) + dot(0.0, inputs, row, dot_lanes(output, outputs)),
        LinearOrder::SingleDot => bias.unwrap_or(0.0) + dot(inputs[0] * row[0], &inputs[1..], &row[1..], 4),
    }
}

/// The output of a recurrent cell, whose output before, and cell state, `state` holds and gets.
fn cell(kind: CellKind, inputs: &[f32], params: &[f32], state: &mut [f32]) -> Vec<f32> {
    let hidden = state.len() / kind.states();
    let rows = kind.gates() * hidden;
    let (of_input, rest) = params.split_at(rows * inputs.len());
    let (of_hidden, biases) = rest.split_at(rows * hidden);
    let (bias_of_input, bias_of_hidden) = biases.split_at(biases.len() / 2);
    let a = |row| linear_output(row, rows, inputs, of_input, bias_of_input);
    let b = |row| linear_output(row, rows, &state[..hidden], of_hidden, bias_of_hidden);
    let gate = |gate: usize, k: usize| sigmoid(b(gate * hidden + k) + a(gate * hidden + k), k, hidden);
    let next = |k: usize| match kind {
        CellKind::RnnTanh => (tanh(b(k) + a(k)), 0.0),
        CellKind::RnnRelu => (relu(b(k) + a(k)), 0.0),
        CellKind::Gru => {
            let new = tanh(a(2 * hidden + k) + b(2 * hidden + k) * gate(0, k));
            ((state[k] - new) * gate(1, k) + new, 0.0)
        }
        CellKind::Lstm => {
            let candidate = tanh(b(2 * hidden + k) + a(2 * hidden + k));
            let cell = gate(1, k) * state[hidden + k] + gate(0, k) * candidate;
            (gate(3, k) * tanh(cell), cell)
        }
    };
    let (output, cell): (Vec<f32>, Vec<f32>) = (0..hidden).map(next).unzip();
    state[..hidden].copy_from_slice(&output);
    if kind == CellKind::Lstm {
        state[hidden..].copy_from_slice(&cell);
    }
    output
}

/// The sigmoid of value `index` of a row of a gate: the last ones, which fill no vector of 16, are other ones.
fn sigmoid(value: f32, index: usize, hidden: usize) -> f32 {
    if index < hidden / 16 * 16 {
        Activation::Sigmoid.value(value)
    } else {
        1.0 / (1.0 + lane_math::expf(-value))
    }
}

/// `start` plus a dot product: strided lanes over as many whole steps as there are, folded by halves, then the rest in
/// sequence. Multiplications and additions are not fused. If no step is whole, `start` is not folded, so its -0 stays.
fn dot(start: f32, inputs: &[f32], row: &[f32], lanes: usize) -> f32 {
    let whole = inputs.len() / lanes * lanes;
    let mut sum = start;
    if whole > 0 {
        let mut partial = vec![0.0; lanes];
        partial[0] = start;
        for k in 0..whole {
            partial[k % lanes] += inputs[k] * row[k];
        }
        let mut half = lanes / 2;
        while half > 0 {
            for lane in 0..half {
                partial[lane] += partial[lane + half];
            }
            half /= 2;
        }
        sum = partial[0];
    }
    for k in whole..inputs.len() {
        sum += inputs[k] * row[k];
    }
    sum
}

/// The sizes of a convolution's images: (channels, height, width) of the input, (height, width) of the output.
fn image_sizes(place: &PlacedLayer) -> ([usize; 3], [usize; 2]) {
    match (place.input, place.output) {
        (
            InputShape::Image { channels, height, width },
            InputShape::Image { height: out_height, width: out_width, .. },
        ) => ([channels, height, width], [out_height, out_width]),
        _ => unreachable!("Architecture::new gives a convolution an image for input and output"),
    }
}

/// Each group of channels as a convolution by itself, of its part of the image, with its part of the parameters.
fn by_group(
    place: &PlacedLayer,
    image: &[f32],
    params: &[f32],
    convolution: impl Fn(&PlacedLayer, &[f32], &[f32]) -> Vec<f32>,
) -> Vec<f32> {
    let Layer::Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias } = place.layer else {
        unreachable!("the caller matched a convolution")
    };
    let part = |shape: InputShape| match shape {
        InputShape::Image { channels, height, width } => {
            InputShape::Image { channels: channels / groups, height, width }
        }
        flat => flat,
    };
    let layer = Layer::Conv2d {
        out_channels: out_channels / groups,
        kernel,
        stride,
        padding,
        dilation,
        groups: 1,
        bias,
    };
    let place = PlacedLayer { layer, input: part(place.input), output: part(place.output), ..*place };
    let (filters, biases) = params.split_at(out_channels * place.taps());
    let own = |values: &[f32], group: usize| {
        let len = values.len() / groups;
        values[group * len..][..len].to_vec()
    };
    let parts = (0..groups).map(|group| {
        let params = [own(filters, group), own(biases, group)].concat();
        convolution(&place, &own(image, group), &params)
    });
    parts.flatten().collect()
}

/// A convolution: per output value one chain of fused multiply-adds that starts from the bias and goes over blocks of
/// eight channels, kernel rows, kernel columns, and the channels of the block. It may be that of one of so many groups.
fn conv2d(place: &PlacedLayer, groups: usize, image: &[f32], params: &[f32]) -> Vec<f32> {
    let Layer::Conv2d { out_channels, kernel, stride, padding, dilation, .. } = place.layer else {
        unreachable!("the caller matched a convolution")
    };
    let ([channels, height, width], [out_height, out_width]) = image_sizes(place);
    let pads_channels = executes_channel_padding(channels, groups, (height, width), kernel, stride);
    let (weight, bias) = params.split_at(out_channels * channels * kernel.0 * kernel.1);
    let mut output = Vec::with_capacity(place.output.size());
    for out_channel in 0..out_channels {
        for (out_y, out_x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            let mut chain = bias.get(out_channel).copied().unwrap_or(0.0);
            for first in (0..channels).step_by(CHANNEL_BLOCK) {
                for (kernel_y, kernel_x) in (0..kernel.0).flat_map(|y| (0..kernel.1).map(move |x| (y, x))) {
                    // A tap in the padding is skipped, not multiplied by zero.
                    let (Some(y), Some(x)) = (
                        (out_y * stride.0 + kernel_y * dilation.0)
                            .checked_sub(padding.0)
                            .filter(|&y| y < height),
                        (out_x * stride.1 + kernel_x * dilation.1)
                            .checked_sub(padding.1)
                            .filter(|&x| x < width),
                    ) else {
                        continue;
                    };
                    for channel in first..channels.min(first + CHANNEL_BLOCK) {
                        let input = image[(channel * height + y) * width + x];
                        let tap = (out_channel * channels + channel) * kernel.0 + kernel_y;
                        chain = input.mul_add(weight[tap * kernel.1 + kernel_x], chain);
                    }
                    if pads_channels && first + CHANNEL_BLOCK > channels {
                        chain = 0.0_f32.mul_add(0.0, chain);
                    }
                }
            }
            output.push(chain);
        }
    }
    output
}

/// A convolution as a matrix product: per output value the products of all taps, those in the padding included, are added
/// up, then the bias.
fn matrix_conv2d(place: &PlacedLayer, image: &[f32], params: &[f32]) -> Vec<f32> {
    let Layer::Conv2d { out_channels, kernel, stride, padding, dilation, .. } = place.layer else {
        unreachable!("the caller matched a convolution")
    };
    let ([channels, height, width], [out_height, out_width]) = image_sizes(place);
    let (taps, pixels) = (place.taps(), out_height * out_width);
    let (weight, bias) = params.split_at(out_channels * taps);
    let mut output = vec![0.0; out_channels * pixels];
    for pixel in 0..pixels {
        let (out_y, out_x) = (pixel / out_width, pixel % out_width);
        let mut patch = Vec::with_capacity(taps);
        for channel in 0..channels {
            for (kernel_y, kernel_x) in (0..kernel.0).flat_map(|y| (0..kernel.1).map(move |x| (y, x))) {
                let y =
                    (out_y * stride.0 + kernel_y * dilation.0).checked_sub(padding.0).filter(|&y| y < height);
                let x =
                    (out_x * stride.1 + kernel_x * dilation.1).checked_sub(padding.1).filter(|&x| x < width);
                patch.push(y.zip(x).map_or(0.0, |(y, x)| image[(channel * height + y) * width + x]));
            }
        }
        for channel in 0..out_channels {
            let sum = matrix_sum(channel, out_channels, pixels, pixel < wide_pixels(pixels));
            let value = sum_of_products(sum, &patch, &weight[channel * taps..][..taps]);
            output[channel * pixels + pixel] = bias.get(channel).map_or(value, |bias| value + bias);
        }
    }
    output
}

fn sum_of_products(sum: MatrixSum, inputs: &[f32], weights: &[f32]) -> f32 {
    match sum {
        MatrixSum::Chain => block_sum(BlockSum::Chain, inputs, weights),
        MatrixSum::Dot => {
            let (mut sum, mut at) = (0.0, 0);
            for piece in dot_pieces(inputs.len()) {
                let mut lanes = [0.0; 8];
                for j in 0..piece {
                    lanes[j % 8] = inputs[at + j].mul_add(weights[at + j], lanes[j % 8]);
                }
                let [a, b, c, d, e, f, g, h] = lanes;
                sum += ((a + b) + (e + f)) + ((c + d) + (g + h));
                at += piece;
            }
            sum
        }
        MatrixSum::Blocks(sum) => {
            let mut at = 0;
            let sums = blocks(inputs.len()).map(|block| {
                at += block;
                block_sum(sum, &inputs[at - block..at], &weights[at - block..at])
            });
            sums.reduce(|sum, block| sum + block).unwrap_or(0.0)
        }
    }
}

fn block_sum(sum: BlockSum, inputs: &[f32], weights: &[f32]) -> f32 {
    let add_product = |fused: bool, sum: f32, k: usize| match fused {
        true => inputs[k].mul_add(weights[k], sum),
        false => sum + inputs[k] * weights[k],
    };
    match sum {
        BlockSum::Chain => (0..inputs.len()).fold(0.0, |sum, k| add_product(true, sum, k)),
        BlockSum::TwoChains { fused } => {
            let paired = inputs.len() / 2 * 2;
            let chain =
                |first: usize| (first..paired).step_by(2).fold(0.0, |sum, k| add_product(fused, sum, k));
            (paired..inputs.len()).fold(chain(0) + chain(1), |sum, k| add_product(fused, sum, k))
        }
    }
}

//! The forward pass one product at a time: slow, obvious, and the definition of what the kernels compute.
//!
//! Every sum is written in the order in which PyTorch 2.13.0 does it. "fma" is [`f32::mul_add`], rounded once; a
//! product and a sum that stand apart are rounded twice.

use lane_math::Activation;

use crate::architecture::Architecture;
use crate::layer::{InputShape, Layer, PlacedLayer};
use crate::order::{CHANNEL_BLOCK, LinearOrder, dot_lanes, executes_channel_padding, linear_order};

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
    assert_eq!(weights.len(), architecture.n_params(), "the weights do not fit the architecture");
    assert_eq!(observation.len(), architecture.n_inputs(), "the observation does not fit the architecture");
    let mut values = observation.to_vec();
    for place in architecture.placed() {
        let params = &weights[place.weights_at..][..place.n_params()];
        values = match place.layer {
            Layer::Linear { outputs, .. } => {
                let (weight, bias) = params.split_at(outputs * values.len());
                (0..outputs).map(|output| linear_output(output, outputs, &values, weight, bias)).collect()
            }
            Layer::Conv2d { .. } => conv2d(place, &values, params),
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

/// A convolution: per output value one chain of fused multiply-adds that starts from the bias and goes over blocks of
/// eight channels, kernel rows, kernel columns, and the channels of the block.
fn conv2d(place: &PlacedLayer, image: &[f32], params: &[f32]) -> Vec<f32> {
    let Layer::Conv2d { out_channels, kernel, stride, padding, .. } = place.layer else {
        unreachable!("the caller matched a convolution")
    };
    let (
        InputShape::Image { channels, height, width },
        InputShape::Image { height: out_height, width: out_width, .. },
    ) = (place.input, place.output)
    else {
        unreachable!("Architecture::new gives a convolution an image for input and output")
    };
    let pads_channels = executes_channel_padding(channels, (height, width), kernel, stride);
    let (weight, bias) = params.split_at(out_channels * channels * kernel.0 * kernel.1);
    let mut output = Vec::with_capacity(place.output.size());
    for out_channel in 0..out_channels {
        for (out_y, out_x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            let mut chain = bias.get(out_channel).copied().unwrap_or(0.0);
            for first in (0..channels).step_by(CHANNEL_BLOCK) {
                for (kernel_y, kernel_x) in (0..kernel.0).flat_map(|y| (0..kernel.1).map(move |x| (y, x))) {
                    // A tap in the padding is skipped, not multiplied by zero.
                    let (Some(y), Some(x)) = (
                        (out_y * stride.0 + kernel_y).checked_sub(padding.0).filter(|&y| y < height),
                        (out_x * stride.1 + kernel_x).checked_sub(padding.1).filter(|&x| x < width),
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

//! Which stages layers become.

use super::{Linear, Operation, Plan};
use crate::architecture::Architecture;
use crate::layer::Layer;
use crate::norm::LayerNorm;
use crate::pool::{Pool2d, PoolKind};
use crate::shape::InputShape;
use lane_math::Activation;

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

/// A kernel of 3 by 3.
fn conv(out_channels: usize) -> Layer {
    Layer::Conv2d {
        out_channels,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    }
}

fn image(channels: usize, height: usize, width: usize) -> InputShape {
    InputShape::Image { channels, height, width }
}

fn plan(input: InputShape, layers: &[Layer]) -> Plan {
    Plan::new(&Architecture::new(input, layers.to_vec()).expect("the layers fit"))
}

fn stages(input: InputShape, layers: &[Layer]) -> String {
    let names = plan(input, layers).stages.into_iter().map(|stage| match stage.operation {
        Operation::Linear(Linear::Chain(_)) => "chain".to_owned(),
        Operation::Linear(Linear::Dots(_)) => "dots".to_owned(),
        Operation::Cell(_) => "cell".to_owned(),
        Operation::Conv(_) => "conv".to_owned(),
        Operation::MatrixConv(_) => "matrix".to_owned(),
        Operation::Depthwise(_) => "depthwise".to_owned(),
        Operation::Groups(_) => "groups".to_owned(),
        Operation::Pool(_) => "pool".to_owned(),
        Operation::Mean(_) => "mean".to_owned(),
        Operation::Norm(_) => "norm".to_owned(),
        Operation::Keep { .. } => "keep".to_owned(),
        Operation::Add { .. } => "add".to_owned(),
        Operation::Activation(activation) => activation.to_string(),
        Operation::Softmax(..) => "softmax".to_owned(),
        Operation::ToBlocks(..) => "blocks".to_owned(),
        Operation::ToGroups(..) => "parts".to_owned(),
        Operation::ToRows(_) => "rows".to_owned(),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// Every stage is a pass over memory: what another takes along, or what would change nothing, is none.
#[test]
fn stages_are_as_few_as_the_layers_need() {
    let flat = InputShape::Flat(4);
    assert_eq!(stages(flat, &[linear(16), Layer::TANH, linear(2)]), "chain tanh dots");
    let layers = [Layer::RELU, linear(16), Layer::RELU, Layer::RELU, linear(2), Layer::RELU];
    assert_eq!(stages(flat, &layers), "relu chain relu dots relu");
    assert_eq!(stages(image(3, 8, 8), &[conv(4), Layer::RELU, conv(5)]), "blocks conv conv rows");
    let layers = [linear(16), Layer::Activation(Activation::Identity), linear(2), Layer::Softmax];
    assert_eq!(stages(flat, &layers), "chain dots softmax");
    let layers = [conv(4), Layer::TANH, linear(2), linear(3)];
    assert_eq!(stages(image(3, 8, 8), &layers), "blocks conv tanh rows dots dots");
    // One channel, or one pixel, is in the same order either way; lists of what is not zero are made all the same.
    assert_eq!(stages(image(1, 8, 8), &[conv(1), linear(2)]), "conv dots");
    assert_eq!(stages(image(1, 8, 8), &[conv(8), linear(2)]), "blocks conv rows dots");
    assert_eq!(stages(image(9, 3, 3), &[conv(16), linear(2)]), "blocks conv dots");
    // A convolution that PyTorch computes as a matrix product takes images as they come.
    let padded = Layer::Conv2d {
        out_channels: 4,
        kernel: (1, 1),
        stride: (1, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
        bias: true,
    };
    assert_eq!(stages(image(3, 8, 8), &[padded, Layer::RELU, padded, linear(2)]), "matrix matrix dots");
    let layers = [conv(4), Layer::RELU, padded, conv(5)];
    assert_eq!(stages(image(3, 8, 8), &layers), "blocks conv rows matrix blocks conv rows");
}

/// Pools take images as they lie, sums are made in the layout in which what is added was kept.
#[test]
fn images_change_their_layout_where_they_have_to_only() {
    let pool = Layer::Pool2d(Pool2d { kind: PoolKind::Max, kernel: (2, 2), stride: (2, 2), padding: (0, 0) });
    let norm = Layer::LayerNorm(LayerNorm { eps: 1e-5, weight: true, bias: true });
    let image = image(3, 12, 12);
    assert_eq!(stages(image, &[conv(8), Layer::RELU, pool, linear(2)]), "blocks conv pool rows dots");
    assert_eq!(stages(image, &[pool, linear(2)]), "pool dots");
    let layers = [conv(8), pool, Layer::GlobalAvgPool2d, linear(2)];
    assert_eq!(stages(image, &layers), "blocks conv pool mean dots");
    assert_eq!(
        stages(image, &[conv(8), norm, conv(8), linear(2)]),
        "blocks conv rows norm blocks conv rows dots"
    );
    let layers = [conv(8), Layer::Skip, Layer::TANH, Layer::AddSkip, conv(4), linear(2)];
    assert_eq!(stages(image, &layers), "blocks conv keep tanh add conv rows dots");
    let layers = [conv(8), Layer::Skip, norm, Layer::AddSkip, linear(2)];
    assert_eq!(stages(image, &layers), "blocks conv keep rows norm blocks add rows dots");
    let grouped = |out_channels, groups| {
        let (kernel, one) = ((3, 3), (1, 1));
        Layer::Conv2d {
            out_channels,
            kernel,
            stride: one,
            padding: (0, 0),
            dilation: one,
            groups,
            bias: true,
        }
    };
    assert_eq!(stages(image, &[conv(4), grouped(4, 4), linear(2)]), "blocks conv depthwise rows dots");
    assert_eq!(stages(image, &[conv(16), grouped(8, 2), linear(2)]), "blocks conv rows groups dots");
    assert_eq!(stages(image, &[conv(16), grouped(16, 2), linear(2)]), "blocks conv groups rows dots");
    assert_eq!(stages(image, &[grouped(24, 3), linear(2)]), "groups rows dots");
    assert_eq!(
        stages(image, &[conv(6), grouped(16, 2), linear(2)]),
        "blocks conv rows parts groups rows dots"
    );
}

#[test]
fn what_the_first_stage_does_with_the_observations() {
    let reads_pixels = |input, layers: &[Layer]| plan(input, layers).reads_pixels();
    assert!(
        [2, 3, 8].map(|channels| reads_pixels(image(channels, 8, 8), &[conv(4)])).into_iter().all(|yes| yes)
    );
    assert!(!reads_pixels(image(9, 8, 8), &[conv(4)]));
    assert!(!reads_pixels(image(3, 8, 8), &[Layer::RELU, conv(4)]));
    assert!(!reads_pixels(image(3, 8, 8), &[linear(4)]));
    assert!(plan(image(3, 8, 8), &[Layer::RELU, conv(4)]).starts_in_place());
    assert!(!plan(image(3, 8, 8), &[conv(4), Layer::RELU]).starts_in_place());
}

#[test]
fn lanes_are_sorted_from_a_number_of_products_on() {
    let bias_free = |outputs| Layer::Linear { outputs, bias: false };
    assert!(!plan(InputShape::Flat(63), &[bias_free(65)]).gains_from_sorting);
    assert!(plan(InputShape::Flat(64), &[bias_free(64)]).gains_from_sorting);
}

#[test]
fn kernels_that_store_whole_vectors_do_not_write_logits() {
    let may = |input, layer| {
        plan(input, &[layer])
            .stages
            .iter()
            .map(|stage| stage.operation.leaves_padding_alone())
            .collect::<Vec<_>>()
    };
    assert_eq!(may(InputShape::Flat(4), linear(12)), [false]);
    assert_eq!(may(InputShape::Flat(4), linear(11)), [true]);
    assert_eq!(may(image(3, 8, 8), conv(4)), [true; 3]);
}

//! The kernels against PyTorch: digests of logits that `record_torch_vectors.py` recorded.

mod common;

use common::{Values, digest};
use lane_math::Isa;
use policy::{Architecture, Exactness, InputShape, Layer, Network};

/// One line of the recording.
struct Recorded {
    architecture: Architecture,
    seed: u64,
    weight_kind: u64,
    observation_kind: u64,
    rows: usize,
    digest: u64,
}

impl Recorded {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(' ').collect();
        let [network, seed, weight_kind, observation_kind, rows, digest] = fields[..] else {
            panic!("six fields in {line:?}")
        };
        Self {
            architecture: architecture(network),
            seed: number(seed) as u64,
            weight_kind: number(weight_kind) as u64,
            observation_kind: number(observation_kind) as u64,
            rows: number(rows),
            digest: u64::from_str_radix(digest, 16).expect("a digest in hexadecimal"),
        }
    }

    /// The digest of our logits: every row is a lane of the one individual.
    fn ours(&self, isa: Isa) -> u64 {
        let weights = Values::new(self.seed, self.weight_kind).take(self.architecture.n_params());
        let observations =
            Values::new(self.seed + 1, self.observation_kind).take(self.rows * self.architecture.n_inputs());
        let network = Network::with_isa(&self.architecture, isa);
        let mut packed = network.packed();
        network.pack(&weights, &mut packed);
        let mut logits = vec![0.0; self.rows * self.architecture.n_outputs()];
        let slot_of_lane = vec![0; self.rows];
        network.forward(
            &[packed],
            &slot_of_lane,
            &observations,
            &mut logits,
            &mut network.scratch(self.rows),
        );
        digest(&logits)
    }
}

fn number(field: &str) -> usize {
    field.parse().unwrap_or_else(|_| panic!("a number, got {field:?}"))
}

fn pair(field: &str) -> (usize, usize) {
    let (first, second) = field.split_once('x').unwrap_or_else(|| panic!("a pair, got {field:?}"));
    (number(first), number(second))
}

/// `3x9x9,conv:16:3x3:1x1:0x0:bias,relu,linear:4:nobias`
fn architecture(network: &str) -> Architecture {
    let (shape, layers) = network.split_once(',').expect("a shape and layers");
    let sizes: Vec<usize> = shape.split('x').map(number).collect();
    let input = match sizes[..] {
        [inputs] => InputShape::Flat(inputs),
        [channels, height, width] => InputShape::Image { channels, height, width },
        _ => panic!("a vector or an image, got {shape:?}"),
    };
    let layers = layers.split(',').map(|layer| match layer.split(':').collect::<Vec<_>>()[..] {
        ["relu"] => Layer::RELU,
        ["linear", outputs, bias] => Layer::Linear { outputs: number(outputs), bias: bias == "bias" },
        ["conv", channels, kernel, stride, padding, bias] => Layer::Conv2d {
            out_channels: number(channels),
            kernel: pair(kernel),
            stride: pair(stride),
            padding: pair(padding),
            dilation: (1, 1),
            groups: 1,
            bias: bias == "bias",
        },
        _ => panic!("a layer, got {layer:?}"),
    });
    Architecture::new(input, layers.collect()).expect("PyTorch has run it")
}

#[test]
fn logits_equal_torch_in_every_bit() {
    let recording = std::env::var("POLICY_TORCH_VECTORS").map_or_else(
        |_| include_str!("torch_vectors.txt").to_owned(),
        |path| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")),
    );
    let lines: Vec<&str> = recording.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() >= 300, "the recording holds {} cases", lines.len());
    let mut different = Vec::new();
    for line in lines {
        let recorded = Recorded::parse(line);
        assert_eq!(recorded.architecture.exactness(), Exactness::Exact, "{line}");
        for isa in Isa::all_available() {
            if recorded.ours(isa) != recorded.digest {
                different.push(format!("{} {line}", isa.name()));
            }
        }
    }
    assert!(different.is_empty(), "{} cases differ from PyTorch:\n{}", different.len(), different.join("\n"));
}

/// The comparison can see: one changed bit changes the digest.
#[test]
fn digest_sees_every_bit_and_place() {
    let logits = [1.0, -0.0, 2.5, f32::NAN];
    let neighbours = [
        [1.0 + f32::EPSILON, -0.0, 2.5, f32::NAN],
        [1.0, 0.0, 2.5, f32::NAN],
        [1.0, 2.5, -0.0, f32::NAN],
        [1.0, -0.0, 2.5, f32::INFINITY],
    ];
    for neighbour in neighbours {
        assert_ne!(digest(&logits), digest(&neighbour), "{neighbour:?}");
    }
    assert_eq!(digest(&logits), digest(&[1.0, -0.0, 2.5, -f32::NAN]));
}

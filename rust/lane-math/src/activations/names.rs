//! Activations by PyTorch's names, and as values that can be compared and hashed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use super::Activation;

impl Activation {
    /// The activation that PyTorch calls `name` (`torch.nn.functional`), with all of its parameters in PyTorch's order:
    ///
    /// `identity`, `relu`, `leaky_relu` (negative_slope), `relu6`, `elu` (alpha), `selu`, `celu` (alpha), `gelu`,
    /// `gelu_tanh`, `silu`, `mish`, `softplus` (beta, threshold), `softsign`, `hardtanh` (min, max), `hardsigmoid`,
    /// `hardswish`, `sigmoid`, `logsigmoid`, `tanh`, `sin`.
    ///
    /// None if there is no such name, or not with so many parameters, or if a parameter is not finite in float32.
    ///
    /// ```
    /// use lane_math::Activation;
    ///
    /// assert_eq!(Activation::from_name("elu", &[0.5]), Some(Activation::elu(0.5)));
    /// assert_eq!(Activation::from_name("elu", &[]), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str, parameters: &[f64]) -> Option<Self> {
        let found = match (name, parameters) {
            ("identity", []) => Self::Identity,
            ("relu", []) => Self::Relu,
            ("leaky_relu", &[slope]) => Self::LeakyRelu { negative_slope: slope as f32 },
            ("relu6", []) => Self::RELU6,
            ("elu", &[alpha]) => Self::elu(alpha),
            ("selu", []) => Self::SELU,
            ("celu", &[alpha]) => Self::celu(alpha),
            ("gelu", []) => Self::Gelu,
            ("gelu_tanh", []) => Self::GeluTanh,
            ("silu", []) => Self::Silu,
            ("mish", []) => Self::Mish,
            ("softplus", &[beta, threshold]) => {
                Self::Softplus { beta: beta as f32, threshold: threshold as f32 }
            }
            ("softsign", []) => Self::Softsign,
            ("hardtanh", &[min, max]) => Self::Hardtanh { min: min as f32, max: max as f32 },
            ("hardsigmoid", []) => Self::Hardsigmoid,
            ("hardswish", []) => Self::Hardswish,
            ("sigmoid", []) => Self::Sigmoid,
            ("logsigmoid", []) => Self::LogSigmoid,
            ("tanh", []) => Self::Tanh,
            ("sin", []) => Self::Sin,
            _ => return None,
        };
        found.parameters().into_iter().all(f32::is_finite).then_some(found)
    }

    /// The kind's name; the parameters are not part of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            // The one curve that PyTorch has three names for.
            Self::Elu { .. } => "elu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
            Self::Mish => "mish",
            Self::Softplus { .. } => "softplus",
            Self::Softsign => "softsign",
            Self::Hardtanh { .. } => "hardtanh",
            Self::Hardsigmoid => "hardsigmoid",
            Self::Hardswish => "hardswish",
            Self::Sigmoid => "sigmoid",
            Self::LogSigmoid => "logsigmoid",
            Self::Tanh => "tanh",
            Self::Sin => "sin",
        }
    }

    /// Zeros where it has fewer.
    fn parameters(self) -> [f32; 3] {
        match self {
            Self::LeakyRelu { negative_slope } => [negative_slope, 0.0, 0.0],
            Self::Elu { alpha, scale, input_scale } => [alpha, scale, input_scale],
            Self::Softplus { beta, threshold } => [beta, threshold, 0.0],
            Self::Hardtanh { min, max } => [min, max, 0.0],
            _ => [0.0; 3],
        }
    }
}

impl PartialEq for Activation {
    fn eq(&self, other: &Self) -> bool {
        discriminant(self) == discriminant(other)
            && self.parameters().map(f32::to_bits) == other.parameters().map(f32::to_bits)
    }
}

impl Eq for Activation {}

impl Hash for Activation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        self.parameters().map(f32::to_bits).hash(state);
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;

    #[test]
    fn names_and_parameters_make_activations() {
        let all: [(&str, &[f64]); 20] = [
            ("identity", &[]),
            ("relu", &[]),
            ("leaky_relu", &[0.01]),
            ("relu6", &[]),
            ("elu", &[0.5]),
            ("selu", &[]),
            ("celu", &[0.5]),
            ("gelu", &[]),
            ("gelu_tanh", &[]),
            ("silu", &[]),
            ("mish", &[]),
            ("softplus", &[1.0, 20.0]),
            ("softsign", &[]),
            ("hardtanh", &[-1.0, 2.0]),
            ("hardsigmoid", &[]),
            ("hardswish", &[]),
            ("sigmoid", &[]),
            ("logsigmoid", &[]),
            ("tanh", &[]),
            ("sin", &[]),
        ];
        let made: Vec<_> = all
            .map(|(name, parameters)| {
                assert_eq!(Activation::from_name(name, &[parameters, &[1.0]].concat()), None, "{name}");
                Activation::from_name(name, parameters).unwrap_or_else(|| panic!("{name}"))
            })
            .to_vec();
        for (index, activation) in made.iter().enumerate() {
            assert_eq!(made.iter().position(|other| other == activation), Some(index), "{activation:?}");
        }
        assert_eq!(made[8].to_string(), "gelu_tanh");
    }

    #[test]
    fn parameters_are_finite_numbers_and_compared_by_their_bits() {
        for parameter in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Activation::from_name("leaky_relu", &[parameter]), None);
        }
        assert_eq!(Activation::from_name("celu", &[0.0]), None);
        let [plus, minus] = [0.0, -0.0].map(|slope| Activation::from_name("leaky_relu", &[slope]));
        assert_ne!(plus, minus);
        assert_eq!(Activation::from_name("swish", &[]), None);
    }
}

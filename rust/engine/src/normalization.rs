//! What makes observations comparable before a policy sees them: `(x - mean) / std` in float32, as PyTorch computes it.

use crate::error::EngineError;

/// What is subtracted from each value of an observation, what it is divided by, and how far from 0 it may then be.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a> {
    /// `(observation size,)`, in Gymnasium's order.
    pub mean: &'a [f32],
    /// `(observation size,)`, each above 0.
    pub std: &'a [f32],
    /// Results are clipped to `-clip..=clip`.
    pub clip: Option<f32>,
}

impl Normalization<'_> {
    /// As many values as an observation has, all of them of use.
    pub(crate) fn check(&self, size: usize) -> Result<(), EngineError> {
        for (name, values) in [("mean", self.mean), ("std", self.std)] {
            if values.len() != size {
                let got = values.len();
                return Err(EngineError::input(format!(
                    "normalize: {name}: expected {size} values, got {got}"
                )));
            }
        }
        if let Some(got) = self.mean.iter().find(|value| !value.is_finite()) {
            return Err(EngineError::input(format!("normalize: mean: expected finite numbers, got {got}")));
        }
        if let Some(got) = self.std.iter().find(|&&value| !(value.is_finite() && value > 0.0)) {
            let message = format!("normalize: std: expected finite numbers above 0, got {got}");
            return Err(EngineError::input(message));
        }
        match self.clip {
            Some(got) if got.is_nan() || got <= 0.0 => {
                Err(EngineError::input(format!("normalize: clip: expected a number above 0, got {got}")))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_refused() {
        let message = |mean: &[f32], std: &[f32], clip| {
            Normalization { mean, std, clip }.check(2).unwrap_err().to_string()
        };
        assert_eq!(message(&[0.0], &[1.0; 2], None), "normalize: mean: expected 2 values, got 1");
        assert_eq!(message(&[0.0; 2], &[1.0; 3], None), "normalize: std: expected 2 values, got 3");
        assert_eq!(
            message(&[0.0, f32::NAN], &[1.0; 2], None),
            "normalize: mean: expected finite numbers, got NaN"
        );
        for bad in [0.0, -1.0, f32::INFINITY, f32::NAN] {
            let expected = format!("normalize: std: expected finite numbers above 0, got {bad}");
            assert_eq!(message(&[0.0; 2], &[1.0, bad], None), expected);
        }
        for bad in [0.0, -1.0, f32::NAN] {
            let expected = format!("normalize: clip: expected a number above 0, got {bad}");
            assert_eq!(message(&[0.0; 2], &[1.0; 2], Some(bad)), expected);
        }
    }
}

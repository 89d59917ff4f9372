//! Observations made comparable before a policy sees them: `(x - mean) / std` in float32, as PyTorch computes it.

use crate::error::EngineError;
use crate::task::Task;
use envs::View;

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

/// A worker's own: mean and standard deviation in the order in which its policy sees observations.
pub(crate) struct Normalizer {
    mean: Vec<f32>,
    std: Vec<f32>,
    clip: Option<f32>,
    /// `(lanes, observation size)`.
    normalized: Vec<f32>,
}

impl Normalizer {
    /// The task's, if it has one.
    pub(crate) fn new(task: &Task<'_>, lanes: usize) -> Option<Self> {
        let Normalization { mean, std, clip } = task.normalization?;
        let ordered = |values: &[f32]| match task.view() {
            View::Gymnasium => values.to_vec(),
            View::ChannelsFirst => {
                task.spec.channels_first_order().into_iter().map(|index| values[index]).collect()
            }
        };
        let normalized = vec![0.0; lanes * mean.len()];
        Some(Self { mean: ordered(mean), std: ordered(std), clip, normalized })
    }

    /// The observations of some lanes, normalised.
    pub(crate) fn normalized(&mut self, observations: &[f32]) -> &[f32] {
        let n = self.mean.len();
        let normalized = &mut self.normalized[..observations.len()];
        for (row, seen) in normalized.chunks_exact_mut(n).zip(observations.chunks_exact(n)) {
            for (((value, &seen), &mean), &std) in row.iter_mut().zip(seen).zip(&self.mean).zip(&self.std) {
                *value = (seen - mean) / std;
            }
        }
        if let Some(clip) = self.clip {
            normalized.iter_mut().for_each(|value| *value = clipped(*value, clip));
        }
        normalized
    }
}

/// Compare and select, as `torch.clamp(value, -clip, clip)`; NaN stays NaN.
fn clipped(value: f32, clip: f32) -> f32 {
    let raised = if value < -clip { -clip } else { value };
    if raised > clip { clip } else { raised }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_shifted_and_then_divided() {
        let normalizer = |clip| Normalizer {
            mean: vec![0.1, -2.0],
            std: vec![0.3, 7.0],
            clip,
            normalized: vec![f32::NAN; 6],
        };
        let seen = [1.0, 2.0, 0.1, -9.0];
        let expected = [(1.0_f32 - 0.1) / 0.3, 4.0 / 7.0, 0.0, -1.0];
        assert_eq!(normalizer(None).normalized(&seen), expected);
        let clipped = [0.75, 4.0 / 7.0, 0.0, -0.75];
        assert_eq!(normalizer(Some(0.75)).normalized(&seen), clipped);
        assert!(normalizer(Some(1.0)).normalized(&[f32::NAN, 0.0])[0].is_nan());
    }

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

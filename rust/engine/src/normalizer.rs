//! Observations made comparable before a policy sees them, as a worker does it.

use crate::normalization::Normalization;
use crate::task::Task;
use envs::View;

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
}

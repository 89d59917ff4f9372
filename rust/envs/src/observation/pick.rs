//! Which values of a vector are seen, and within which bounds.

/// Which values of a vector are seen, and within which bounds.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    kept: Vec<usize>,
    clip: Option<(f32, f32)>,
}

impl Pick {
    /// Of the values at the positions `kept`.
    pub(super) fn new(kept: Vec<usize>, clip: Option<(f32, f32)>) -> Self {
        Self { kept, clip }
    }

    /// How many values are seen.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Copies the values of a whole vector that are kept.
    pub(super) fn write(&self, whole: &[f32], values: &mut [f32]) {
        for (value, &index) in values.iter_mut().zip(&self.kept) {
            *value = whole[index];
        }
    }

    /// What `numpy.clip` makes of values: of zeros of both signs the value, NaN of NaN.
    pub(super) fn clip(&self, values: &mut [f32]) {
        if let Some((low, high)) = self.clip {
            for value in values {
                *value = if *value < low { low } else { *value };
                *value = if *value > high { high } else { *value };
            }
        }
    }
}

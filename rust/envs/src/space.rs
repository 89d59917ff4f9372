//! What an environment shows and what it takes, in Gymnasium's terms.

use crate::environment::Action;

/// The type that the reference gives its observations.
///
/// Observations are handed over as `f32` in either case; a `U8` one holds whole numbers 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservationDtype {
    /// `numpy.float32`.
    F32,
    /// `numpy.uint8`, of images.
    U8,
}

impl ObservationDtype {
    /// NumPy's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::U8 => "uint8",
        }
    }
}

/// The observation space: a box of `shape`, row-major, as Gymnasium has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationSpace {
    /// The shape in Gymnasium: `(features,)`, or `(height, width, channels)`.
    pub shape: Vec<usize>,
    /// The reference's type.
    pub dtype: ObservationDtype,
}

impl ObservationSpace {
    /// The number of values in one observation.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The action space.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionSpace {
    /// Actions `0..n`.
    Discrete(u32),
    /// Real vectors between `low` and `high`, one value per dimension.
    Box {
        /// The lower bounds.
        low: Vec<f32>,
        /// The upper bounds.
        high: Vec<f32>,
    },
}

impl ActionSpace {
    /// The number of logits that a policy needs: one per discrete action, or one per dimension.
    pub fn n_logits(&self) -> usize {
        match self {
            Self::Discrete(n) => *n as usize,
            Self::Box { low, .. } => low.len(),
        }
    }
}

/// The actions of a group's first lanes.
#[derive(Clone, Copy, Debug)]
pub enum Actions<'a> {
    /// One index per lane.
    Discrete(&'a [u32]),
    /// `(lanes, dimensions)`, row-major.
    Continuous(&'a [f32]),
}

impl<'a> Actions<'a> {
    /// For how many lanes they are, if a continuous one has so many dimensions.
    pub(crate) fn lanes(self, dimensions: usize) -> usize {
        match self {
            Self::Discrete(indices) => indices.len(),
            Self::Continuous(values) => values.len() / dimensions,
        }
    }

    /// The action of each lane.
    pub(crate) fn by_lane(self, dimensions: usize) -> impl Iterator<Item = Action<'a>> {
        (0..self.lanes(dimensions)).map(move |lane| match self {
            Self::Discrete(indices) => Action::Discrete(indices[lane]),
            Self::Continuous(values) => {
                Action::Continuous(&values[lane * dimensions..(lane + 1) * dimensions])
            }
        })
    }
}

//! What a call may want recorded, and what a descriptor is: reductions of numbers over the steps in which a condition holds.

use crate::expression::Expression;

/// A call's place in a larger population, which is evaluated in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The number of this call's first individual there.
    pub first: usize,
    /// The individuals of all shares together.
    pub population: usize,
}

/// What is to be recorded; by default nothing. Borrowed, as everything in a [`Task`](crate::Task).
#[derive(Clone, Copy, Debug, Default)]
pub struct Recording<'a> {
    /// Numbers that each episode is reduced to.
    pub descriptors: &'a [Descriptor],
    /// The individuals whose episodes are kept step by step, in ascending order.
    pub trajectories: &'a [usize],
    /// The bytes that all trajectories may need at most, if every episode lasts as long as it can.
    pub most_trajectory_bytes: u64,
    /// Sum up the observations that the policies see.
    pub statistics: bool,
    /// This call's individuals are a share of a larger population: `trajectories` has numbers of that, their bytes are
    /// of all shares together, and statistics come as [`PartialSum`](crate::PartialSum)s.
    pub share: Option<Share>,
}

impl Recording<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        self.descriptors.is_empty() && self.trajectories.is_empty() && !self.statistics
    }
}

/// How the values of the steps become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reducer {
    /// The first.
    First,
    /// The last.
    Last,
    /// The least, the first of equals.
    Min,
    /// The largest, the first of equals.
    Max,
    /// The sum over their number.
    Mean,
    /// The sum, from 0.0, first to last; 0.0 of none.
    Sum,
    /// The standard deviation, by Welford's recurrence: with the number `n` of values so far, each `value` makes
    /// `delta = value - mean`, `mean += delta / n`, `squares += delta * (value - mean)`; `sqrt(squares / n)`.
    Std,
    /// The one of largest magnitude, with its sign; the first of equals.
    Extreme,
}

/// A number of each step of an episode in which a condition holds, reduced to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// How.
    pub reducer: Reducer,
    /// Of what.
    pub value: Expression,
    /// In which steps; without a condition in all.
    pub condition: Option<Expression>,
}

/// The first of some reductions that has a step to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// In the order in which they are tried; at least one.
    pub reductions: Vec<Reduction>,
    /// What it is if none has a step; by default 0.0 where the last of them is a sum, else NaN.
    pub otherwise: Option<f64>,
}

impl Reduction {
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> + Clone {
        std::iter::once(&self.value).chain(&self.condition)
    }
}

//! What a call may want recorded, and what a descriptor is: fields of a step, conditions on steps, reductions over them.

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

/// A number that every step has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field {
    /// A value of the observation after the step, by its index as Gymnasium has it.
    Observation(usize),
    /// The reward of the step.
    Reward,
    /// The discrete action that led to the step, or a value of the continuous one.
    Action(usize),
    /// What happened in the step, by its index in `Spec::event_fields`.
    Event(usize),
    /// How many steps of the environment the episode has had, this one included.
    Step,
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
}

/// Compares a field with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// What must hold of a step for it to be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The left side.
    pub field: Field,
    /// The comparison.
    pub comparison: Comparison,
    /// The right side.
    pub value: f64,
}

/// One field over the steps of an episode in which all conditions hold, reduced to a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduction {
    /// How.
    pub reducer: Reducer,
    /// Of what.
    pub field: Field,
    /// In which steps; without conditions in all.
    pub conditions: Vec<Condition>,
}

/// The first of some reductions that has a step to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// In the order in which they are tried; at least one.
    pub reductions: Vec<Reduction>,
    /// What it is if none has a step; by default 0.0 where the last of them is a sum, else NaN.
    pub otherwise: Option<f64>,
}

impl Condition {
    /// Whether it holds of a step with this value of [`field`](Self::field).
    pub fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Less => value < self.value,
            Comparison::LessOrEqual => value <= self.value,
            Comparison::Greater => value > self.value,
            Comparison::GreaterOrEqual => value >= self.value,
            Comparison::Equal => value == self.value,
            Comparison::NotEqual => value != self.value,
        }
    }
}

impl Reduction {
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + Clone + '_ {
        std::iter::once(self.field).chain(self.conditions.iter().map(|condition| condition.field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_as_they_say() {
        let cases = [
            (Comparison::Less, [true, false, false]),
            (Comparison::LessOrEqual, [true, true, false]),
            (Comparison::Greater, [false, false, true]),
            (Comparison::GreaterOrEqual, [false, true, true]),
            (Comparison::Equal, [false, true, false]),
            (Comparison::NotEqual, [true, false, true]),
        ];
        for (comparison, expected) in cases {
            let condition = Condition { field: Field::Reward, comparison, value: 0.5 };
            assert_eq!([0.25, 0.5, 1.0].map(|value| condition.holds(value)), expected, "{comparison:?}");
        }
    }
}

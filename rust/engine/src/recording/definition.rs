//! What a descriptor is: fields of a step, conditions on steps, reductions over them.

use crate::error::EngineError;
use crate::task::Task;
use envs::ActionSpace;

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
    pub(super) fn holds(&self, value: f64) -> bool {
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
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        std::iter::once(self.field).chain(self.conditions.iter().map(|condition| condition.field))
    }
}

/// Every field is one that the environment has.
pub(super) fn check(descriptors: &[Descriptor], task: &Task<'_>) -> Result<(), EngineError> {
    let spec = task.spec;
    let n_actions = match spec.action_space() {
        ActionSpace::Discrete(_) => 1,
        ActionSpace::Box { low, .. } => low.len(),
    };
    for (index, descriptor) in descriptors.iter().enumerate() {
        if descriptor.reductions.is_empty() {
            return Err(EngineError::input(format!("descriptors[{index}]: expected a reduction, got none")));
        }
        for field in descriptor.reductions.iter().flat_map(Reduction::fields) {
            let (kind, got, most) = match field {
                Field::Observation(got) => ("observation", got, spec.observation_space().size()),
                Field::Action(got) => ("action", got, n_actions),
                Field::Event(got) => ("event", got, spec.event_fields().len()),
                Field::Reward | Field::Step => continue,
            };
            if got >= most {
                let message =
                    format!("descriptors[{index}]: expected an {kind} field below {most}, got {got}");
                return Err(EngineError::input(message));
            }
        }
    }
    Ok(())
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

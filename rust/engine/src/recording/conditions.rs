//! Whether steps meet the condition of the rule that stops episodes.

use super::Steps;
use crate::expression::{Expression, holds};
use crate::step_values::StepValues;
use crate::task::Task;

/// Looks at the steps of a worker's lanes for the condition of its task.
pub(crate) struct ConditionWatch<'a> {
    condition: &'a Expression,
    values: StepValues,
    /// Which lanes' last steps met it.
    pub(crate) met: Vec<bool>,
}

impl<'a> ConditionWatch<'a> {
    /// Of `lanes` lanes; none if the task has no condition.
    pub(crate) fn new(task: &'a Task<'a>, lanes: usize) -> Option<Box<Self>> {
        let condition = task.rules.condition?;
        let values = StepValues::new(task.spec, lanes, std::iter::once(condition));
        Some(Box::new(Self { condition, values, met: vec![false; lanes] }))
    }

    /// Looks at a step.
    pub(crate) fn step(&mut self, steps: &Steps<'_>) {
        self.values.look(steps);
        for (lane, met) in self.met[..steps.active].iter_mut().enumerate() {
            *met = holds(self.values.lane(steps, lane)(self.condition));
        }
    }
}

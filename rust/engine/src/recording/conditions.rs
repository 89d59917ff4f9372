//! Whether steps meet the conditions of the rule that stops episodes.

use super::Steps;
use super::definition::Condition;
use super::fields::FieldReader;
use crate::task::Task;

/// Looks at the steps of a worker's lanes for the conditions of its task.
pub(crate) struct ConditionWatch<'a> {
    conditions: &'a [Condition],
    reader: FieldReader,
    /// Which lanes' last steps met them.
    pub(crate) met: Vec<bool>,
}

impl<'a> ConditionWatch<'a> {
    /// Of `lanes` lanes; none if the task has no conditions.
    pub(crate) fn new(task: &'a Task<'a>, lanes: usize) -> Option<Box<Self>> {
        let conditions = task.rules.condition;
        let fields = conditions.iter().map(|condition| condition.field);
        let watch =
            || Self { conditions, reader: FieldReader::new(task, lanes, fields), met: vec![false; lanes] };
        (!conditions.is_empty()).then(|| Box::new(watch()))
    }

    /// Looks at a step.
    pub(crate) fn step(&mut self, steps: &Steps<'_>) {
        self.reader.look(steps);
        for (lane, met) in self.met[..steps.active].iter_mut().enumerate() {
            let value_of = self.reader.of_lane(steps, lane);
            *met = self.conditions.iter().all(|condition| condition.holds(value_of(condition.field)));
        }
    }
}

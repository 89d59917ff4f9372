//! The numbers of the step that all lanes have made, by their fields: what descriptors reduce, and what conditions look at.

use super::Steps;
use super::definition::Field;
use crate::task::Task;
use envs::{Actions, View};

/// Reads the fields that it was made for; one for each worker that needs any.
pub(crate) struct FieldReader {
    observation_size: usize,
    /// `(lanes, observation_size)`, or empty if no field is one of an observation.
    observations: Vec<f32>,
    /// One lane's, or empty if no field is one of them.
    events: Vec<f64>,
    dimensions: usize,
}

impl FieldReader {
    /// Of `lanes` lanes, for these fields.
    pub(crate) fn new(task: &Task<'_>, lanes: usize, fields: impl Iterator<Item = Field> + Clone) -> Self {
        let looks = fields.clone().any(|field| matches!(field, Field::Observation(_)));
        let listens = fields.clone().any(|field| matches!(field, Field::Event(_)));
        let observation_size = task.spec.observation_space().size();
        Self {
            observation_size,
            observations: vec![0.0; if looks { lanes * observation_size } else { 0 }],
            events: vec![0.0; if listens { task.spec.event_fields().len() } else { 0 }],
            dimensions: task.spec.action_space().n_logits(),
        }
    }

    /// Looks at the observations that the step led to, if any field is one of them.
    pub(crate) fn look(&mut self, steps: &Steps<'_>) {
        if !self.observations.is_empty() {
            let observations = &mut self.observations[..steps.active * self.observation_size];
            steps.group.observe(steps.active, View::Gymnasium, observations);
        }
    }

    /// The numbers of one lane, once they have been [looked](Self::look) at.
    pub(crate) fn of_lane<'s>(&'s mut self, steps: &'s Steps<'_>, lane: usize) -> impl Fn(Field) -> f64 + 's {
        if !self.events.is_empty() {
            steps.group.events(lane, &mut self.events);
        }
        move |field| match field {
            Field::Observation(index) => f64::from(self.observations[lane * self.observation_size + index]),
            Field::Reward => steps.outcomes.rewards[lane],
            Field::Action(index) => match steps.actions {
                Actions::Discrete(indices) => f64::from(indices[lane]),
                Actions::Continuous(values) => f64::from(values[lane * self.dimensions + index]),
            },
            Field::Event(index) => self.events[index],
            Field::Step => steps.lengths[lane] as f64,
        }
    }
}

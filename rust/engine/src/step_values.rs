//! The values of expressions in a step of each lane: reads the fields that some expressions need, and no others.

use crate::error::EngineError;
use crate::expression::{Expression, Field};
use envs::{ActionSpace, Actions, Group, Outcomes, Spec, View};

/// One step of all lanes in play, after the group has made it.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) group: &'a dyn Group,
    pub(crate) active: usize,
    /// `(active, n_inputs)`: the observations that the policies saw, before normalisation.
    pub(crate) seen: &'a [f32],
    pub(crate) actions: Actions<'a>,
    pub(crate) outcomes: &'a Outcomes,
    /// The steps of the environment so far, this one included.
    pub(crate) lengths: &'a [u64],
    /// The sums of their rewards so far, this step's included.
    pub(crate) totals: &'a [f64],
}

/// What a worker's expressions need of its steps. It remembers nothing from one step to the next.
pub(crate) struct StepValues {
    observation_size: usize,
    /// `(lanes, observation_size)`, or empty if no field is one of an observation.
    observations: Vec<f32>,
    /// One lane's, or empty if no field is one of them.
    events: Vec<f64>,
    dimensions: usize,
    stack: Vec<f64>,
}

impl StepValues {
    pub(crate) fn new<'e>(
        spec: &dyn Spec,
        lanes: usize,
        expressions: impl Iterator<Item = &'e Expression> + Clone,
    ) -> Self {
        let uses = |kind: fn(Field) -> bool| expressions.clone().flat_map(Expression::fields).any(kind);
        let looks = uses(|field| matches!(field, Field::Observation(_)));
        let listens = uses(|field| matches!(field, Field::Event(_)));
        let observation_size = spec.observation_space().size();
        Self {
            observation_size,
            observations: vec![0.0; if looks { lanes * observation_size } else { 0 }],
            events: vec![0.0; if listens { spec.event_fields().len() } else { 0 }],
            dimensions: spec.action_space().n_logits(),
            stack: vec![0.0; expressions.map(Expression::depth).max().unwrap_or(0)],
        }
    }

    /// Reads what is read for all lanes at once; comes before the lanes of a step.
    pub(crate) fn look(&mut self, steps: &Steps<'_>) {
        if !self.observations.is_empty() {
            let observations = &mut self.observations[..steps.active * self.observation_size];
            steps.group.observe(steps.active, View::Gymnasium, observations);
        }
    }

    /// The values in a lane, of one expression after another.
    pub(crate) fn lane<'s>(
        &'s mut self,
        steps: &'s Steps<'_>,
        lane: usize,
    ) -> impl FnMut(&Expression) -> f64 + 's {
        if !self.events.is_empty() {
            steps.group.events(lane, &mut self.events);
        }
        let Self { observation_size, observations, events, dimensions, stack } = self;
        let read = move |field| match field {
            Field::Observation(index) => f64::from(observations[lane * *observation_size + index]),
            Field::Reward => steps.outcomes.rewards[lane],
            Field::Return => steps.totals[lane],
            Field::Action(index) => match steps.actions {
                Actions::Discrete(indices) => f64::from(indices[lane]),
                Actions::Continuous(values) => f64::from(values[lane * *dimensions + index]),
            },
            Field::Event(index) => events[index],
            Field::Step => steps.lengths[lane] as f64,
        };
        move |expression| expression.value(&read, stack)
    }
}

/// Every field of an expression is one that the environment has; `name` is what the expression is called in a message.
pub(crate) fn check_fields(
    name: impl Fn() -> String,
    expression: &Expression,
    spec: &dyn Spec,
) -> Result<(), EngineError> {
    let n_actions = match spec.action_space() {
        ActionSpace::Discrete(_) => 1,
        ActionSpace::Box { low, .. } => low.len(),
    };
    for field in expression.fields() {
        let (kind, got, most) = match field {
            Field::Observation(got) => ("observation", got, spec.observation_space().size()),
            Field::Action(got) => ("action", got, n_actions),
            Field::Event(got) => ("event", got, spec.event_fields().len()),
            Field::Reward | Field::Return | Field::Step => continue,
        };
        if got >= most {
            let name = name();
            return Err(EngineError::input(format!(
                "{name}: expected an {kind} field below {most}, got {got}"
            )));
        }
    }
    Ok(())
}

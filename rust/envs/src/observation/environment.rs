//! One scalar episode behind the wrappers.

use super::pipeline::{Memory, Pipeline};
use crate::environment::{Action, Environment, StateField, Step, View};

/// An environment behind the wrappers; its state is that of the environment.
pub(super) struct ObservedEnvironment {
    inner: Box<dyn Environment>,
    pipeline: Pipeline,
    memory: Memory,
}

impl ObservedEnvironment {
    pub(super) fn new(inner: Box<dyn Environment>, pipeline: Pipeline) -> Self {
        Self { inner, memory: pipeline.memory(), pipeline }
    }
}

impl Environment for ObservedEnvironment {
    fn reset(&mut self, seed: Option<u64>) {
        self.inner.reset(seed);
        self.pipeline.reset(&mut self.memory, |frame| self.inner.observe(View::Gymnasium, frame));
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let mut total = Step { reward: 0.0, terminated: false, truncated: false };
        for index in 0..self.pipeline.skip() {
            let step = self.inner.step(action);
            total.reward += step.reward;
            total.terminated = step.terminated;
            total.truncated = step.truncated | self.pipeline.is_at_limit(&mut self.memory);
            self.pipeline.look(&mut self.memory, index, |frame| self.inner.observe(View::Gymnasium, frame));
            if total.terminated | total.truncated {
                break;
            }
        }
        self.pipeline.push(&mut self.memory);
        total
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        self.pipeline.observe(&self.memory, view, observation);
    }

    fn state(&self) -> Vec<StateField> {
        self.inner.state()
    }
}

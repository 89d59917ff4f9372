//! One scalar episode behind the wrappers.

use super::pipeline::Pipeline;
use crate::arguments::Arguments;
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::error::EnvError;

/// An environment behind the wrappers; its state is that of the environment.
pub(super) struct ObservedEnvironment<P: Pipeline> {
    inner: Box<dyn Environment>,
    pipeline: P,
    memory: P::Memory,
    /// What happened in the last step, and room for what happened in one of its skip.
    events: [Vec<f64>; 2],
    /// Of the environment, so far.
    steps: u64,
}

impl<P: Pipeline> ObservedEnvironment<P> {
    pub(super) fn new(inner: Box<dyn Environment>, pipeline: P, n_events: usize) -> Self {
        let events = [(); 2].map(|()| vec![0.0; n_events]);
        Self { inner, memory: pipeline.memory(), pipeline, events, steps: 0 }
    }
}

impl<P: Pipeline> Environment for ObservedEnvironment<P> {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        self.inner.set_reset_options(options)
    }

    fn reset(&mut self, seed: Option<u64>) {
        self.inner.reset(seed);
        self.steps = 0;
        self.inner.events(&mut self.events[0]);
        self.pipeline.reset(&mut self.memory, |frame| self.inner.observe(View::Gymnasium, frame));
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let mut total = Step { reward: 0.0, terminated: false, truncated: false };
        let [events, latest] = &mut self.events;
        events.fill(0.0);
        for index in 0..self.pipeline.skip() {
            let step = self.inner.step(action);
            self.steps += 1;
            total.reward += step.reward;
            self.inner.events(latest);
            events.iter_mut().zip(&*latest).for_each(|(event, happened)| *event += happened);
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

    fn events(&self, events: &mut [f64]) {
        events.copy_from_slice(&self.events[0]);
    }

    fn elapsed_steps(&self) -> Option<u64> {
        self.inner.elapsed_steps().or(Some(self.steps))
    }

    fn state(&self) -> Vec<StateField> {
        self.inner.state()
    }
}

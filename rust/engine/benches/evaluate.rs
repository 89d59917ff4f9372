//! Whole evaluations on one thread: `cargo bench -p engine`. Items are environment steps.
//!
//! `bookkeeping` has an environment that does nothing and a policy of eight products, so what is left is what the engine
//! itself costs: lanes, returns, lengths, ends, claims.

use divan::Bencher;
use divan::counter::ItemsCount;
use engine::Task;
use envs::{
    ActionSpace, Actions, Environment, Group, ObservationDtype, ObservationSpace, Outcomes, Spec, View,
};
use policy::{Architecture, InputShape, Layer, Network};
use std::ops::ControlFlow;

fn main() {
    divan::main();
}

/// An environment of four zeros and two actions that never ends by itself.
struct Idle {
    observation_space: ObservationSpace,
    action_space: ActionSpace,
}

impl Idle {
    fn new() -> Self {
        let observation_space = ObservationSpace { shape: vec![4], dtype: ObservationDtype::F32 };
        Self { observation_space, action_space: ActionSpace::Discrete(2) }
    }
}

impl Spec for Idle {
    fn observation_space(&self) -> &ObservationSpace {
        &self.observation_space
    }

    fn action_space(&self) -> &ActionSpace {
        &self.action_space
    }

    fn environment(&self) -> Box<dyn Environment> {
        unimplemented!("the engine runs groups only")
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        Box::new(IdleGroup { lanes })
    }
}

struct IdleGroup {
    lanes: usize,
}

impl Group for IdleGroup {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn vary(&mut self, _lane: usize, _prototype: &dyn std::any::Any) {}

    fn reset(&mut self, _lane: usize, _seed: u64) {}

    fn move_lane(&mut self, _from: usize, _to: usize) {}

    fn take_lane(&mut self, _to: usize, _other: &mut dyn Group, _from: usize) {}

    fn observe(&self, _active: usize, _view: View, _observations: &mut [f32]) {}

    fn observe_lane(&self, _lane: usize, _view: View, _observation: &mut [f32]) {}

    fn step(&mut self, _actions: Actions<'_>, outcomes: &mut Outcomes) {
        outcomes.truncated.fill(false);
    }
}

/// Evaluates individuals with weights between -0.1 and 0.1 without a pattern that matters.
fn evaluate(bencher: Bencher<'_, '_>, spec: &dyn Spec, layers: Vec<Layer>, episodes: usize, limit: u64) {
    const POPULATION: usize = 512;
    let inputs = InputShape::Flat(spec.observation_space().size());
    let network = Network::new(&Architecture::new(inputs, layers).expect("sizes fit"));
    let n_weights = POPULATION * network.architecture().n_params();
    let weights: Vec<f32> = (0..n_weights).map(|index| (index * 7919 % 2001) as f32 * 1e-4 - 0.1).collect();
    let seeds: Vec<u64> = (0..episodes as u64).collect();
    let task = Task { max_episode_steps: Some(limit), ..Task::new(spec, &network, &weights, &seeds) };
    let run = || engine::evaluate(&task, &mut |_, _| ControlFlow::Continue(())).expect("weights are finite");
    bencher.counter(ItemsCount::new(run().lengths.iter().sum::<u64>())).bench_local(run);
}

fn linear(outputs: usize) -> Layer {
    Layer::Linear { outputs, bias: true }
}

/// Episodes of so many steps: what a step costs (500), and what starting an episode adds (1).
#[divan::bench(args = [1, 20, 500])]
fn bookkeeping(bencher: Bencher<'_, '_>, limit: u64) {
    evaluate(bencher, &Idle::new(), vec![linear(2)], 16, limit);
}

/// Policies of so many hidden units, 16 short episodes each.
#[divan::bench(args = [16, 64])]
fn cart_pole(bencher: Bencher<'_, '_>, hidden: usize) {
    let spec =
        envs::registry::find("cartpole").and_then(|entry| entry.spec(&[], &[])).expect("it is registered");
    evaluate(bencher, spec.as_ref(), vec![linear(hidden), Layer::TANH, linear(2)], 16, 500);
}

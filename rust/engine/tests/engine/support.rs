//! What the engine's tests share: populations, tasks with defaults, and environments made for tests.

use engine::{EngineError, Evaluation, Task};
use envs::{
    Action, ActionSpace, Environment, ObservationDtype, ObservationSpace, PrototypeSpec, Spec, StateField,
    Step, View,
};
use numpy_rng::Generator;
use policy::{Architecture, InputShape, Layer, Network};
use std::ops::ControlFlow;

/// A small policy for any environment: one hidden layer, or a convolution to about 12 by 12 before it for images.
pub fn small_policy(spec: &dyn Spec) -> Network {
    let hidden = Layer::Linear { outputs: 12, bias: true };
    let output = Layer::Linear { outputs: spec.action_space().n_logits(), bias: true };
    let (input, layers) = match spec.observation_space().shape[..] {
        [height, width, channels] => {
            let convolution = Layer::Conv2d {
                out_channels: 8,
                kernel: (3, 3),
                stride: (height.div_ceil(12), width.div_ceil(12)),
                padding: (1, 1),
                dilation: (1, 1),
                groups: 1,
                bias: true,
            };
            (
                InputShape::Image { channels, height, width },
                vec![convolution, Layer::RELU, hidden, Layer::RELU, output],
            )
        }
        _ => (InputShape::Flat(spec.observation_space().size()), vec![hidden, Layer::TANH, output]),
    };
    Network::new(&Architecture::new(input, layers).unwrap())
}

/// `(population, n_params)` uniform weights.
pub fn random_population(network: &Network, population: usize, seed: u64) -> Vec<f32> {
    let mut rng = Generator::from_seed(seed);
    (0..population * network.architecture().n_params()).map(|_| rng.uniform(-0.5, 0.5) as f32).collect()
}

/// A task with one thread, the engine's choice of lanes, and errors on NaN.
pub fn task<'a>(spec: &'a dyn Spec, network: &'a Network, weights: &'a [f32], seeds: &'a [u64]) -> Task<'a> {
    Task { max_episode_steps: Some(200), ..Task::new(spec, network, weights, seeds) }
}

/// What two results must share to be equal.
pub fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Evaluates without ever cancelling.
pub fn evaluate(task: &Task<'_>) -> Result<Evaluation, EngineError> {
    engine::evaluate(task, &mut |_, _| ControlFlow::Continue(()))
}

/// What a [`Scripted`] environment does at each step.
#[derive(Clone, Copy)]
pub enum Script {
    /// Goes on for ever.
    Endless,
    /// Panics when the episode's seed is this one.
    PanicsOn(u64),
    /// Shows an observation of infinity at the second step of the episodes with these seeds.
    InfiniteOn(u64, u64),
}

/// An environment with one observed value and two actions that does what its script says.
#[derive(Clone)]
pub struct Scripted {
    script: Script,
    seed: u64,
    elapsed_steps: u64,
}

/// The spec of a [`Scripted`] environment.
pub fn scripted(script: Script) -> PrototypeSpec<Scripted> {
    let observation_space = ObservationSpace { shape: vec![1], dtype: ObservationDtype::F32 };
    PrototypeSpec::new(
        Scripted { script, seed: 0, elapsed_steps: 0 },
        observation_space,
        ActionSpace::Discrete(2),
    )
}

impl Environment for Scripted {
    fn reset(&mut self, seed: Option<u64>) {
        self.seed = seed.unwrap_or_default();
        self.elapsed_steps = 0;
    }

    fn step(&mut self, _action: Action<'_>) -> Step {
        self.elapsed_steps += 1;
        match self.script {
            Script::PanicsOn(seed) if seed == self.seed => panic!("scripted panic"),
            _ => Step { reward: 1.0, terminated: false, truncated: false },
        }
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        observation[0] = match self.script {
            Script::InfiniteOn(a, b) if self.elapsed_steps > 0 && (a == self.seed || b == self.seed) => {
                f32::INFINITY
            }
            _ => 1.0,
        };
    }

    fn state(&self) -> Vec<StateField> {
        Vec::new()
    }
}

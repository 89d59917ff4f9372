//! What the parts of a step cost beside the whole: `cargo bench -p engine --bench parts`, or `make parts`.
//!
//! Prints a line of CSV for each part of each workload: nanoseconds for one lane. The parts are timed in a plain loop of
//! their own over the same kernels: observe, forward pass, decoding, step, new episodes. The forward pass is made twice,
//! with the activations and without, so that both are known. What reading the clock costs is taken off. The whole is
//! [`engine::evaluate`] on one thread, in as many lanes; what it takes longer than the sum of its parts is what the engine
//! adds: returns, lengths, ends, claims. It plays all individuals and the loop the first few, so where steps differ much from
//! one to the other, as walkers' do, the two cannot be compared.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use engine::Task;
use envs::{ActionSpace, Actions, Outcomes, Spec, View, registry};
use lane_math::{Isa, MULTIPLY_ADDS_PER_STEP, multiply_add_chains};
use policy::{Architecture, InputShape, Layer, Network};

/// An environment's short name, the hidden units of its policy, and the lanes that the engine takes for both.
const WORKLOADS: [(&str, usize, usize); 9] = [
    ("cartpole", 16, 64),
    ("cartpole", 64, 16),
    ("acrobot", 64, 16),
    ("pendulum", 64, 16),
    ("mountaincar", 64, 16),
    ("mountaincarcontinuous", 64, 16),
    ("lunarlander", 64, 32),
    ("bipedalwalker", 64, 32),
    ("bipedalwalkerhardcore", 64, 32),
];

const PARTS: [&str; 7] = ["observe", "forward", "activation", "decode", "step", "new episodes", "clock"];
const POPULATION: usize = 64;
const EPISODES: usize = 8;
/// Rounds of everything; the median counts.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(60);

fn main() {
    println!("isa,env,policy,part,nanoseconds,macs");
    let isa = Isa::detect().name();
    println!("{isa},,,multiply-add,{:.6},1", median((0..ROUNDS).map(|_| 1e9 / peak())));
    for (name, hidden, lanes) in WORKLOADS {
        let workload = Workload::new(name, hidden, lanes);
        let (mut parts, mut wholes) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            parts.push(workload.parts());
            wholes.push(workload.whole());
        }
        let (policy, macs) = (workload.policy(), workload.network.architecture().macs());
        for (index, part) in PARTS.iter().enumerate() {
            let of_part = median(parts.iter().map(|round| round[index]));
            println!("{isa},{name},{policy},{part},{of_part:.3},{macs}");
        }
        println!("{isa},{name},{policy},whole,{:.3},{macs}", median(wholes));
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Multiply-adds a second that this core can do at most.
fn peak() -> f64 {
    const STEPS: usize = 1_000_000;
    let start = Instant::now();
    black_box(multiply_add_chains(Isa::detect(), black_box(STEPS)));
    (STEPS * MULTIPLY_ADDS_PER_STEP) as f64 / start.elapsed().as_secs_f64()
}

struct Workload {
    spec: Box<dyn Spec>,
    /// Where episodes end.
    limit: u64,
    hidden: usize,
    lanes: usize,
    network: Network,
    /// The same without activations.
    linear: Network,
    weights: Vec<f32>,
    seeds: Vec<u64>,
}

impl Workload {
    fn new(name: &str, hidden: usize, lanes: usize) -> Self {
        let entry = registry::find(name).expect("it is registered");
        let spec = entry.spec(&[], &[]).expect("without arguments");
        let inputs = InputShape::Flat(spec.observation_space().size());
        let outputs = spec.action_space().n_logits();
        let linear = |outputs| Layer::Linear { outputs, bias: true };
        let of = |layers| Network::new(&Architecture::new(inputs, layers).expect("sizes fit"));
        let network = of(vec![linear(hidden), Layer::TANH, linear(outputs)]);
        let n_weights = POPULATION * network.architecture().n_params();
        // Between -1 and 1 without a pattern that matters, as wide as tanh is asked for in practice.
        let weights = (0..n_weights).map(|index| (index * 7919 % 2001) as f32 * 1e-3 - 1.0).collect();
        let seeds = (0..EPISODES as u64).collect();
        let limit = entry.max_episode_steps.expect("episodes end");
        Self {
            limit: limit.into(),
            linear: of(vec![linear(hidden), linear(outputs)]),
            network,
            spec,
            hidden,
            lanes,
            weights,
            seeds,
        }
    }

    fn policy(&self) -> String {
        let architecture = self.network.architecture();
        format!("mlp:{}-{}-{}", architecture.n_inputs(), self.hidden, architecture.n_outputs())
    }

    /// Nanoseconds of a step of one lane in each part.
    fn parts(&self) -> [f64; PARTS.len()] {
        let architecture = self.network.architecture();
        let (lanes, n_params) = (self.lanes, architecture.n_params());
        let individuals = lanes.div_ceil(EPISODES);
        let mut slots = vec![self.network.packed(); individuals];
        let mut linear_slots = vec![self.linear.packed(); individuals];
        for individual in 0..individuals {
            let weights = &self.weights[individual * n_params..][..n_params];
            self.network.pack(weights, &mut slots[individual]);
            self.linear.pack(weights, &mut linear_slots[individual]);
        }
        let slot_of_lane: Vec<usize> = (0..lanes).map(|lane| lane / EPISODES).collect();
        let mut group = self.spec.group(lanes);
        (0..lanes).for_each(|lane| group.reset(lane, (lane % EPISODES) as u64));
        let mut observations = vec![0.0; lanes * architecture.n_inputs()];
        let (mut logits, mut others) = (vec![0.0; lanes * architecture.n_outputs()], Vec::new());
        others.clone_from(&logits);
        let (mut scratch, mut linear_scratch) = (self.network.scratch(lanes), self.linear.scratch(lanes));
        let (mut indices, mut lengths) = (vec![0; lanes], vec![0; lanes]);
        let mut outcomes = Outcomes::new(lanes);
        let mut spent = [Duration::ZERO; PARTS.len()];
        let (mut steps, mut seed) = (0_u64, EPISODES as u64);
        let begun = Instant::now();
        while begun.elapsed() < ROUND {
            let mut last = Instant::now();
            let mut lap = |part: usize| {
                let now = Instant::now();
                spent[part] += now - last;
                last = now;
            };
            group.observe(lanes, View::Gymnasium, black_box(&mut observations));
            lap(0);
            self.linear.forward(
                &linear_slots,
                &slot_of_lane,
                &observations,
                &mut others,
                &mut linear_scratch,
            );
            black_box(&others);
            lap(1);
            self.network.forward(&slots, &slot_of_lane, &observations, &mut logits, &mut scratch);
            black_box(&logits);
            lap(2);
            let actions = decode(self.spec.action_space(), &mut logits, &mut indices);
            lap(3);
            group.step(actions, &mut outcomes);
            lap(4);
            for (lane, length) in lengths.iter_mut().enumerate() {
                *length += 1;
                if outcomes.terminated[lane] | outcomes.truncated[lane] | (*length == self.limit) {
                    (seed, *length) = (seed + 1, 0);
                    group.reset(lane, seed);
                }
            }
            lap(5);
            lap(6); // nothing but the clock
            steps += lanes as u64;
        }
        let mut nanoseconds = spent.map(|spent| spent.as_nanos() as f64 / steps as f64);
        let clock = nanoseconds[6];
        nanoseconds[..6].iter_mut().for_each(|part| *part -= clock);
        nanoseconds[2] -= nanoseconds[1];
        nanoseconds
    }

    /// Nanoseconds of a step in the engine.
    fn whole(&self) -> f64 {
        let task = Task {
            group_width: Some(self.lanes),
            max_episode_steps: Some(self.limit),
            ..Task::new(self.spec.as_ref(), &self.network, &self.weights, &self.seeds)
        };
        let (mut steps, begun) = (0, Instant::now());
        while begun.elapsed() < ROUND {
            let results = engine::evaluate(&task, &mut |_, _| ControlFlow::Continue(()));
            steps += results.expect("weights are finite").lengths.iter().sum::<u64>();
        }
        begun.elapsed().as_nanos() as f64 / steps as f64
    }
}

/// The greatest logit of each lane, or tanh of all of them.
fn decode<'a>(space: &ActionSpace, logits: &'a mut [f32], indices: &'a mut [u32]) -> Actions<'a> {
    match *space {
        ActionSpace::Discrete(n) => {
            for (index, logits) in indices.iter_mut().zip(logits.chunks_exact(n as usize)) {
                let mut best = 0;
                for (place, &logit) in logits.iter().enumerate() {
                    if logit > logits[best] {
                        best = place;
                    }
                }
                *index = best as u32;
            }
            Actions::Discrete(indices)
        }
        ActionSpace::Box { .. } => {
            lane_math::tanh_in_place(Isa::detect(), logits);
            Actions::Continuous(logits)
        }
    }
}

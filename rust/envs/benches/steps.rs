//! What a step, an observation and a reset cost, per episode: `cargo bench -p envs`.

use divan::{Bencher, black_box};
use envs::{ActionSpace, Actions, Group, Outcomes, Spec, View, registry};
use numpy_rng::Generator;

fn main() {
    divan::main();
}

/// Lanes of a group.
const LANES: usize = 16;
/// Calls per sample, so that the clock's resolution does not count.
const CALLS: usize = 100;
/// Short names, as `evalengine bench` takes them.
const ENVIRONMENTS: [&str; 9] = [
    "snake",
    "cartpole",
    "acrobot",
    "pendulum",
    "mountaincar",
    "mountaincarcontinuous",
    "lunarlander",
    "bipedalwalker",
    "carracing",
];

fn make(name: &str) -> (Box<dyn Spec>, Box<dyn Group>) {
    let spec = registry::find(name).and_then(|entry| entry.spec(&[], &[])).expect("it is registered");
    let mut group = spec.group(LANES);
    (0..LANES).for_each(|lane| group.reset(lane, lane as u64));
    (spec, group)
}

/// Random actions; lanes that end start anew, so a share of resets is in the figure, as in an evaluation.
#[divan::bench(args = ENVIRONMENTS)]
fn step(bencher: Bencher, name: &str) {
    let (spec, mut group) = make(name);
    let mut rng = Generator::from_seed(0);
    let mut indices = [0; LANES];
    let mut values = vec![0.0; LANES * spec.action_space().n_logits()];
    let mut outcomes = Outcomes::new(LANES);
    let mut seed = LANES as u64;
    bencher.counter(CALLS * LANES).bench_local(|| {
        for _ in 0..CALLS {
            let actions = match spec.action_space() {
                ActionSpace::Discrete(n) => {
                    indices.iter_mut().for_each(|index| *index = rng.integers(0, i64::from(*n)) as u32);
                    Actions::Discrete(&indices)
                }
                ActionSpace::Box { .. } => {
                    values.iter_mut().for_each(|value| *value = rng.uniform(-1.0, 1.0) as f32);
                    Actions::Continuous(&values)
                }
            };
            group.step(actions, &mut outcomes);
            for lane in (0..LANES).filter(|&lane| outcomes.terminated[lane] | outcomes.truncated[lane]) {
                seed += 1;
                group.reset(lane, seed);
            }
        }
    });
}

#[divan::bench(args = ENVIRONMENTS)]
fn observe(bencher: Bencher, name: &str) {
    let (spec, group) = make(name);
    let mut observations = vec![0.0; LANES * spec.observation_space().size()];
    bencher.counter(CALLS * LANES).bench_local(|| {
        for _ in 0..CALLS {
            group.observe(LANES, View::Gymnasium, black_box(&mut observations));
        }
    });
}

#[divan::bench(args = ENVIRONMENTS)]
fn reset(bencher: Bencher, name: &str) {
    let (_, mut group) = make(name);
    let mut seed = 0;
    bencher.counter(CALLS).bench_local(|| {
        for _ in 0..CALLS {
            seed += 1;
            group.reset(0, black_box(seed));
        }
    });
}

//! Resets for the tests of every environment: nothing of an episode reaches into the next but the random stream, and
//! other reset options do not touch that.

use crate::arguments::Value;
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::observation::ObservationOptions;
use crate::registry::{self, Entry};
use crate::space::ActionSpace;
use crate::spec::Spec;
use numpy_rng::Generator;

/// Arguments as the registry takes them.
type Named = Vec<(String, Value)>;

fn named(given: &[(&str, Value)]) -> Named {
    given.iter().map(|&(name, value)| (name.to_string(), value)).collect()
}

/// All that an episode shows: the bits of observation and events, and the state.
fn shown(episode: &dyn Environment, spec: &dyn Spec) -> (Vec<u32>, Vec<u64>, Vec<StateField>) {
    let mut observation = vec![f32::NAN; spec.observation_space().size()];
    episode.observe(View::Gymnasium, &mut observation);
    let mut events = vec![f64::NAN; spec.event_fields().len()];
    episode.events(&mut events);
    let observation = observation.into_iter().map(f32::to_bits).collect();
    (observation, events.into_iter().map(f64::to_bits).collect(), episode.state())
}

/// A random action, as a box has it: beyond the bounds now and then.
fn random_action(space: &ActionSpace, rng: &mut Generator) -> (u32, Vec<f32>) {
    match space {
        ActionSpace::Discrete(n) => (rng.integers(0, i64::from(*n)) as u32, Vec::new()),
        ActionSpace::Box { low, high } => {
            let bounds = low.iter().zip(high).map(|(&low, &high)| (f64::from(low), f64::from(high)));
            (0, bounds.map(|(low, high)| rng.uniform(low - 0.5, high + 0.5) as f32).collect())
        }
    }
}

/// Resets both episodes and plays them with the same random actions to the end, or for so many steps; panics at the
/// first difference.
fn play_both(
    both: [&mut dyn Environment; 2],
    spec: &dyn Spec,
    seed: Option<u64>,
    steps: usize,
    rng: &mut Generator,
) {
    let [used, fresh] = both;
    used.reset(seed);
    fresh.reset(seed);
    assert_eq!(shown(used, spec), shown(fresh, spec), "after a reset");
    for step in 0..steps {
        let (index, values) = random_action(spec.action_space(), rng);
        let action = if values.is_empty() { Action::Discrete(index) } else { Action::Continuous(&values) };
        let (ours, theirs) = (used.step(action), fresh.step(action));
        let bits = |step: Step| (step.reward.to_bits(), step.terminated, step.truncated);
        assert_eq!(bits(ours), bits(theirs), "step {step}");
        assert_eq!(shown(used, spec), shown(fresh, spec), "step {step}");
        if ours.terminated || ours.truncated {
            return;
        }
    }
}

/// Plays one environment's episodes, each beside a fresh environment's, seeded and then going on with the stream.
pub(crate) fn compare_with_fresh(spec: &dyn Spec, seed: u64, episodes: usize, steps: usize) {
    let mut rng = Generator::from_seed(seed);
    let mut used = spec.environment();
    for _ in 0..episodes {
        let mut fresh = spec.environment();
        for seed in [Some(rng.next_u64()), None] {
            play_both([used.as_mut(), fresh.as_mut()], spec, seed, steps, &mut rng);
        }
    }
}

/// Keyword arguments that bring an environment's rare ends and draws into reach of random actions.
fn variants(entry: &Entry) -> Vec<Named> {
    let yes = Value::Bool(true);
    match entry.short_name {
        "snake" => [(1, 2, 9), (2, 2, 9), (3, 3, 4), (12, 12, 100)]
            .map(|(rows, cols, limit)| {
                named(&[
                    ("rows", Value::Int(rows)),
                    ("cols", Value::Int(cols)),
                    ("time_limit", Value::Int(limit)),
                ])
            })
            .to_vec(),
        "cartpole" => vec![named(&[]), named(&[("sutton_barto_reward", yes)])],
        "lunarlander" => vec![named(&[]), named(&[("continuous", yes), ("enable_wind", yes)])],
        "carracing" => vec![
            named(&[("domain_randomize", yes)]),
            named(&[("continuous", Value::Bool(false)), ("lap_complete_percent", Value::Float(0.005))]),
        ],
        _ => vec![named(&[])],
    }
}

/// Reset options likewise: Acrobot's first observation is float32's, which shows where angles are not small.
fn options(entry: &Entry) -> Named {
    match entry.short_name {
        "acrobot" => named(&[("low", Value::Float(-10.0)), ("high", Value::Float(10.0))]),
        _ => named(&[]),
    }
}

/// Episodes and steps of a comparison: a picture takes as long as hundreds of other steps.
fn amount(entry: &Entry) -> (usize, usize) {
    if entry.short_name == "carracing" { (3, 25) } else { (20, 250) }
}

#[test]
fn a_reset_forgets_the_episode_before() {
    for entry in registry::ENTRIES {
        for (seed, kwargs) in (0..).zip(variants(entry)) {
            let spec = entry.spec(&kwargs, &options(entry)).unwrap();
            let (episodes, steps) = amount(entry);
            compare_with_fresh(spec.as_ref(), seed, episodes, steps);
        }
    }
}

/// Options that each entry with reset options takes beside its defaults, and some that it refuses.
const OPTIONS: [(&str, &str, f64, f64); 3] =
    [("cartpole", "low", -0.2, 7.0), ("acrobot", "high", 1.0, -7.0), ("pendulum", "y_init", 0.25, -1.0)];

#[test]
fn other_reset_options_go_on_with_the_random_stream() {
    for (name, option, other, refused) in OPTIONS {
        let entry = registry::find(name).unwrap();
        let [other, refused] = [other, refused].map(|value| named(&[(option, Value::Float(value))]));
        let spec = entry.spec(&[], &other).unwrap();
        let (mut changed, mut constant) = (entry.spec(&[], &[]).unwrap().environment(), spec.environment());
        changed.reset(Some(3));
        constant.reset(Some(3));
        assert_ne!(shown(changed.as_ref(), spec.as_ref()), shown(constant.as_ref(), spec.as_ref()));
        changed.set_reset_options(&entry.reset_arguments(&other).unwrap()).unwrap();
        // What is refused changes nothing.
        assert!(changed.set_reset_options(&entry.reset_arguments(&refused).unwrap()).is_err());
        for _ in 0..3 {
            changed.reset(None);
            constant.reset(None);
            assert_eq!(shown(changed.as_ref(), spec.as_ref()), shown(constant.as_ref(), spec.as_ref()));
        }
    }
}

#[test]
fn wrappers_hand_the_options_on() {
    let entry = registry::find("carracing").unwrap();
    let wrappers = ObservationOptions { stack: Some(1), ..Default::default() };
    let kwargs = named(&[("domain_randomize", Value::Bool(true))]);
    let mut episode = entry.observed_spec(&kwargs, &[], &wrappers, None).unwrap().environment();
    let tracks = [true, false].map(|randomize| {
        let options = entry.reset_arguments(&named(&[("randomize", Value::Bool(randomize))])).unwrap();
        episode.set_reset_options(&options).unwrap();
        episode.reset(Some(9));
        episode.state()
    });
    assert_ne!(tracks[0], tracks[1], "colours are drawn from the stream of the track");
}

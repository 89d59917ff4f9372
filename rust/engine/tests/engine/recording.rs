//! Descriptors, trajectories, statistics and normalisation: equal with the same computed from scalar episodes, for any
//! number of threads and lanes, in every environment.

use crate::support::{bits, evaluate, random_population, small_policy, task};
use engine::{
    Comparison, Descriptor, Evaluation, Expression, Field, Normalization, ObservationStatistics, Operation,
    RecordedActions, RecordedObservations, Recording, Reducer, Reduction, Task, Trajectory,
};
use envs::registry::ENTRIES;
use envs::{Action, ActionSpace, ObservationDtype, Spec, View};
use policy::{InputShape, Network};

pub const SEEDS: [u64; 3] = [4, 1 << 33, 0];
const MOST_BYTES: u64 = 1 << 30;

/// A reduction of a field over the steps after one, or over all, or over those the return is not above.
#[derive(Clone, Copy)]
struct Wanted {
    reducer: Reducer,
    field: Field,
    steps: Steps,
}

#[derive(Clone, Copy)]
enum Steps {
    All,
    After(f64),
    /// `not (step > after or return <= most)`
    NotAfterNorUpTo(f64, f64),
}

impl Wanted {
    fn reduction(self) -> Reduction {
        let late = |after| {
            [
                Operation::Field(Field::Step),
                Operation::Constant(after),
                Operation::Compare(Comparison::Greater),
            ]
        };
        let condition = match self.steps {
            Steps::All => None,
            Steps::After(after) => Some(late(after).to_vec()),
            Steps::NotAfterNorUpTo(after, most) => {
                let mut operations = late(after).to_vec();
                operations.extend([
                    Operation::Field(Field::Return),
                    Operation::Constant(most),
                    Operation::Compare(Comparison::LessOrEqual),
                    Operation::Or,
                    Operation::Not,
                ]);
                Some(operations)
            }
        };
        let condition = condition.map(|operations| Expression::new(operations).unwrap());
        Reduction { reducer: self.reducer, value: self.field.into(), condition }
    }

    fn holds(self, row: &Row) -> bool {
        match self.steps {
            Steps::All => true,
            Steps::After(after) => row.step > after,
            Steps::NotAfterNorUpTo(after, most) => !(row.step > after || row.total <= most),
        }
    }
}

/// Every reducer, every kind of field, conditions and alternatives.
fn wanted(spec: &dyn Spec) -> Vec<Vec<Wanted>> {
    let last = Field::Observation(spec.observation_space().size() - 1);
    let fields = [Field::Observation(0), last, Field::Reward, Field::Return, Field::Action(0), Field::Step];
    let events = (0..spec.event_fields().len()).map(Field::Event);
    let reducers = [
        Reducer::First,
        Reducer::Last,
        Reducer::Min,
        Reducer::Max,
        Reducer::Mean,
        Reducer::Sum,
        Reducer::Std,
        Reducer::Extreme,
    ];
    let never = Wanted { reducer: Reducer::Min, field: last, steps: Steps::After(1e9) };
    let mut all: Vec<Vec<Wanted>> = Vec::new();
    for field in fields.into_iter().chain(events) {
        for reducer in reducers {
            for steps in [Steps::All, Steps::After(7.0), Steps::NotAfterNorUpTo(9.0, -3.0)] {
                all.push(vec![Wanted { reducer, field, steps }]);
            }
        }
        all.push(vec![never, Wanted { reducer: Reducer::Max, field, steps: Steps::All }]);
    }
    all.push(vec![never]);
    all
}

fn descriptors(spec: &dyn Spec) -> Vec<Descriptor> {
    let reductions = |wanted: Vec<Wanted>| wanted.into_iter().map(Wanted::reduction).collect();
    let described = |wanted| Descriptor { reductions: reductions(wanted), otherwise: None };
    wanted(spec).into_iter().map(described).collect()
}

/// One step of a scalar episode.
struct Row {
    observation: Vec<f32>,
    reward: f64,
    total: f64,
    action: Vec<f64>,
    events: Vec<f64>,
    step: f64,
}

impl Row {
    fn value(&self, field: Field) -> f64 {
        match field {
            Field::Observation(index) => f64::from(self.observation[index]),
            Field::Reward => self.reward,
            Field::Return => self.total,
            Field::Action(index) => self.action[index],
            Field::Event(index) => self.events[index],
            Field::Step => self.step,
        }
    }
}

/// Plays a trajectory's actions in a scalar episode, and compares what it shows with what was recorded.
fn replay(spec: &dyn Spec, seed: u64, trajectory: &Trajectory) -> (Vec<f32>, Vec<Row>) {
    let mut episode = spec.environment();
    let size = spec.observation_space().size();
    let observe = |episode: &dyn envs::Environment| {
        let mut observation = vec![f32::NAN; size];
        episode.observe(View::Gymnasium, &mut observation);
        observation
    };
    episode.reset(Some(seed));
    let first = observe(episode.as_ref());
    let (mut rows, mut total) = (Vec::new(), 0.0);
    for index in 0..trajectory.rewards.len() {
        let (step, action) = match &trajectory.actions {
            RecordedActions::Discrete(indices) => {
                (episode.step(Action::Discrete(indices[index] as u32)), vec![indices[index] as f64])
            }
            RecordedActions::Continuous(values) => {
                let dimensions = values.len() / trajectory.rewards.len();
                let values = &values[index * dimensions..(index + 1) * dimensions];
                let widened = values.iter().map(|&value| f64::from(value)).collect();
                (episode.step(Action::Continuous(values)), widened)
            }
        };
        assert_eq!(step.reward.to_bits(), trajectory.rewards[index].to_bits());
        let mut events = vec![f64::NAN; spec.event_fields().len()];
        episode.events(&mut events);
        let observation = observe(episode.as_ref());
        total += step.reward;
        let number = (index + 1) as f64;
        rows.push(Row { observation, reward: step.reward, total, action, events, step: number });
    }
    let shown: Vec<f32> = first.iter().chain(rows.iter().flat_map(|row| &row.observation)).copied().collect();
    match &trajectory.observations {
        RecordedObservations::F32(values) => {
            assert!(values.iter().map(|value| value.to_bits()).eq(shown.iter().map(|value| value.to_bits())));
        }
        RecordedObservations::U8(bytes) => {
            assert!(bytes.iter().map(|&byte| f32::from(byte)).eq(shown.iter().copied()));
        }
    }
    (first, rows)
}

/// A descriptor over an episode's rows, by its definition.
fn described(alternatives: &[Wanted], rows: &[Row]) -> f64 {
    for wanted in alternatives {
        let holding = rows.iter().filter(|row| wanted.holds(row));
        let values: Vec<f64> = holding.map(|row| row.value(wanted.field)).collect();
        let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
            continue;
        };
        let sum = values.iter().fold(0.0, |sum, value| sum + value);
        return match wanted.reducer {
            Reducer::First => first,
            Reducer::Last => last,
            Reducer::Min => {
                values.into_iter().reduce(|one, other| if other < one { other } else { one }).unwrap()
            }
            Reducer::Max => {
                values.into_iter().reduce(|one, other| if other > one { other } else { one }).unwrap()
            }
            Reducer::Sum => sum,
            Reducer::Mean => sum / values.len() as f64,
            Reducer::Std => {
                let (mut mean, mut squares) = (0.0, 0.0);
                for (number, value) in (1..).zip(&values) {
                    let delta = value - mean;
                    mean += delta / f64::from(number);
                    squares += delta * (value - mean);
                }
                (squares / values.len() as f64).sqrt()
            }
            Reducer::Extreme => {
                let larger = |one: f64, other: f64| if other.abs() > one.abs() { other } else { one };
                values.into_iter().reduce(larger).unwrap()
            }
        };
    }
    let is_sum = alternatives.last().is_some_and(|last| last.reducer == Reducer::Sum);
    if is_sum { 0.0 } else { f64::NAN }
}

/// Something to normalise with: no two values are equal.
fn mean_and_std(size: usize) -> [Vec<f32>; 2] {
    let value = |index: usize| (index * 7919 % 4001) as f32 / 4001.0;
    [(0..size).map(|index| value(index) - 0.5).collect(), (0..size).map(|index| 0.3 + value(index)).collect()]
}

/// A task of every environment that records everything.
pub fn for_each_environment(check: impl Fn(&Task<'_>)) {
    for entry in ENTRIES {
        let spec = entry.spec(&[], &[]).unwrap();
        let network = small_policy(spec.as_ref());
        let is_drawn = spec.observation_space().dtype == ObservationDtype::U8;
        let (population, steps) = if is_drawn { (2, 12) } else { (11, 90) };
        let weights = random_population(&network, population, 8);
        let [mean, std] = mean_and_std(spec.observation_space().size());
        let descriptors = descriptors(spec.as_ref());
        let everyone: Vec<usize> = (0..population).collect();
        check(&Task {
            max_episode_steps: Some(steps),
            normalization: Some(Normalization { mean: &mean, std: &std, clip: Some(1.5) }),
            recording: Recording {
                descriptors: &descriptors,
                trajectories: &everyone,
                most_trajectory_bytes: MOST_BYTES,
                statistics: true,
                share: None,
            },
            ..task(spec.as_ref(), &network, &weights, &SEEDS)
        });
    }
}

pub fn assert_same(one: &Evaluation, other: &Evaluation, context: &str) {
    assert_eq!(bits(&one.descriptors), bits(&other.descriptors), "{context}");
    assert!(one.trajectories == other.trajectories, "trajectories: {context}");
    let sums = |evaluation: &Evaluation| {
        evaluation.statistics.as_ref().map(|sums| (sums.count, bits(&sums.sum), bits(&sums.sum_of_squares)))
    };
    assert!(sums(one) == sums(other), "statistics: {context}");
}

#[test]
fn threads_and_lanes_change_nothing() {
    for_each_environment(|task| {
        let expected = evaluate(task).unwrap();
        for threads in [1, 2, 5] {
            for group_width in [None, Some(1), Some(3), Some(16)] {
                let got = evaluate(&Task { threads, group_width, ..*task }).unwrap();
                assert_same(&got, &expected, &format!("{threads} threads, width {group_width:?}"));
            }
        }
    });
}

#[test]
fn recording_changes_no_return() {
    for_each_environment(|task| {
        let recorded = evaluate(task).unwrap();
        let plain = evaluate(&Task { recording: Recording::default(), ..*task }).unwrap();
        assert_eq!(bits(&plain.returns), bits(&recorded.returns));
        assert!(plain.descriptors.is_empty() && plain.trajectories.is_empty() && plain.statistics.is_none());
        let raw = evaluate(&Task { normalization: None, ..*task }).unwrap();
        assert_ne!(raw.trajectories, recorded.trajectories, "the normalisation is of use");
    });
}

#[test]
fn descriptors_are_those_of_scalar_episodes() {
    for_each_environment(|task| {
        let evaluation = evaluate(&Task { threads: 2, ..*task }).unwrap();
        let rows = evaluation.descriptors.chunks_exact(task.recording.descriptors.len());
        assert_eq!(evaluation.trajectories.len(), task.population * SEEDS.len());
        for (job, (row, trajectory)) in rows.zip(&evaluation.trajectories).enumerate() {
            assert_eq!(trajectory.job, job);
            assert_eq!(trajectory.rewards.len() as u64, evaluation.lengths[job]);
            let ends = (trajectory.terminated, trajectory.truncated);
            assert_eq!(ends, (evaluation.terminated[job], evaluation.truncated[job]));
            let (_, steps) = replay(task.spec, SEEDS[job % SEEDS.len()], trajectory);
            let expected: Vec<f64> =
                wanted(task.spec).iter().map(|alternatives| described(alternatives, &steps)).collect();
            assert_eq!(bits(row), bits(&expected), "job {job}");
        }
    });
}

/// What the policies of an episode saw: each observation but the last, images as byte / 255.
fn seen(spec: &dyn Spec, first: Vec<f32>, rows: &[Row]) -> Vec<Vec<f32>> {
    let mut observations = vec![first];
    observations.extend(rows[..rows.len() - 1].iter().map(|row| row.observation.clone()));
    if spec.observation_space().dtype == ObservationDtype::U8 {
        observations.iter_mut().flatten().for_each(|value| *value /= 255.0);
    }
    observations
}

fn sums_in_pairs(mut parts: Vec<[Vec<f64>; 2]>) -> [Vec<f64>; 2] {
    let plus = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one + other).collect();
    while parts.len() > 1 {
        parts = parts
            .chunks(2)
            .map(|pair| match pair {
                [one, other] => [plus(&one[0], &other[0]), plus(&one[1], &other[1])],
                _ => pair[0].clone(),
            })
            .collect();
    }
    parts.remove(0)
}

#[test]
fn statistics_are_those_of_scalar_episodes_before_normalisation() {
    for_each_environment(|task| {
        let evaluation = evaluate(&Task { threads: 2, ..*task }).unwrap();
        let size = task.spec.observation_space().size();
        let parts = evaluation.trajectories.iter().map(|trajectory| {
            let (first, rows) = replay(task.spec, SEEDS[trajectory.job % SEEDS.len()], trajectory);
            let mut sums = [vec![0.0; size], vec![0.0; size]];
            for observation in seen(task.spec, first, &rows) {
                for (index, value) in observation.into_iter().map(f64::from).enumerate() {
                    sums[0][index] += value;
                    sums[1][index] += value * value;
                }
            }
            sums
        });
        let [sum, sum_of_squares] = sums_in_pairs(parts.collect());
        let expected = ObservationStatistics { count: evaluation.steps, sum, sum_of_squares };
        assert!(evaluation.statistics == Some(expected));
    });
}

/// The logits of one observation in Gymnasium's order.
fn logits(task: &Task<'_>, weights: &[f32], observation: &[f32]) -> Vec<f32> {
    let network: &Network = task.network;
    let mut packed = network.packed();
    network.pack(weights, &mut packed);
    let inputs: Vec<f32> = match network.architecture().input() {
        InputShape::Flat(_) => observation.to_vec(),
        InputShape::Image { .. } => {
            task.spec.channels_first_order().into_iter().map(|index| observation[index]).collect()
        }
    };
    let mut logits = vec![0.0; network.architecture().n_outputs()];
    network.forward(&[packed], &[0], &inputs, &mut logits, &mut network.scratch(1));
    logits
}

#[test]
fn policies_see_normalised_observations() {
    for_each_environment(|task| {
        let evaluation = evaluate(task).unwrap();
        let Some(Normalization { mean, std, clip: Some(clip) }) = task.normalization else {
            panic!("the task normalises");
        };
        let n_params = task.network.architecture().n_params();
        for trajectory in &evaluation.trajectories {
            let (individual, episode) = (trajectory.job / SEEDS.len(), trajectory.job % SEEDS.len());
            let weights = &task.weights[individual * n_params..(individual + 1) * n_params];
            let (first, rows) = replay(task.spec, SEEDS[episode], trajectory);
            for (step, observation) in seen(task.spec, first, &rows).into_iter().enumerate() {
                let normalized =
                    observation.iter().zip(mean).zip(std).map(|((x, mean), std)| (x - mean) / std);
                let clipped: Vec<f32> = normalized.map(|value| value.clamp(-clip, clip)).collect();
                let mut logits = logits(task, weights, &clipped);
                let action: Vec<f64> = match task.spec.action_space() {
                    ActionSpace::Discrete(_) => {
                        let largest = logits.iter().fold(f32::NEG_INFINITY, |one, other| one.max(*other));
                        vec![logits.iter().position(|&logit| logit == largest).unwrap() as f64]
                    }
                    ActionSpace::Box { low, high } => {
                        let isa = lane_math::Isa::detect();
                        engine::continuous_actions(task.head, isa, &mut logits, low, high);
                        logits.iter().map(|&value| f64::from(value)).collect()
                    }
                };
                assert_eq!(bits(&rows[step].action), bits(&action));
            }
        }
    });
}

//! The one call: a population in, returns out, with the GIL released.

use crate::InternalError;
use crate::acting::{Acting, RawActing};
use crate::boundary::{Items, copied, guarded, values_of};
use crate::convert::{
    RawVaried, Wrappers, from_engine_error, from_env_error, named_values, to_spec, to_varied,
};
use crate::head::{RawExploration, RawHead, to_exploration};
use crate::network::Network;
use crate::recording::{
    RawDescriptor, RawExpression, RawNormalization, statistics_tuple, to_descriptor, to_expression,
    trajectory_dict,
};
use engine::envs::Variation;
use engine::envs::registry::find;
use engine::{
    Evaluation, Expression, NoOps, Normalization, OnNonFinite, PartialSum, Recording, Rules, Seeds, Share,
    StopRule, Task,
};
use numpy::ndarray::{Array, IntoDimension};
use numpy::{
    Element, IntoPyArray, PyArray, PyArray1, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods,
    ToPyArray,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How often `progress` is called.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Populations of up to so many bytes are copied, so that Python may write to them meanwhile. Larger ones, which may be
/// files, are read in place.
const MOST_COPIED_BYTES: usize = 1 << 20;

/// The same where a function of the caller's is called meanwhile: such calls are not the shortest.
const MOST_COPIED_BYTES_WITH_PROGRESS: usize = 16 << 20;

/// Results of up to so many values are copied.
const MOST_VALUES_COPIED: usize = 64;

/// Evaluates a population; see `_engine.pyi`.
#[pyfunction]
#[pyo3(signature = (env_id, env_kwargs, reset_options, network, head, weights, seeds, *, threads, max_episode_steps=None,
                    on_nan=None, keep_final_observation=false, progress=None, observation=None, normalization=None,
                    descriptors=Items(Vec::new()), trajectories=Items(Vec::new()), most_trajectory_bytes=0, statistics=false,
                    share=None, exploration=(Some(Items(Vec::new())), 0.0, 0.0),
                    rules=(0, Items(Vec::new()), None, 0.0, None, None), action_repeat=1, variation=Items(Vec::new()),
                    graphs=None))]
#[allow(clippy::too_many_arguments)] // the keyword arguments of one Python function
pub(crate) fn evaluate<'py>(
    py: Python<'py>,
    env_id: &str,
    env_kwargs: &Bound<'py, PyMapping>,
    reset_options: &Bound<'py, PyMapping>,
    network: &Bound<'py, Network>,
    head: &str,
    weights: PyReadonlyArray2<'py, f32>,
    seeds: PyReadonlyArray2<'py, u64>,
    threads: usize,
    max_episode_steps: Option<u64>,
    on_nan: Option<f32>,
    keep_final_observation: bool,
    progress: Option<Py<PyAny>>,
    observation: Option<Wrappers>,
    normalization: Option<RawNormalization<'py>>,
    descriptors: Items<RawDescriptor>,
    trajectories: Items<usize>,
    most_trajectory_bytes: u64,
    statistics: bool,
    share: Option<(usize, usize)>,
    exploration: RawExploration,
    rules: RawRules,
    action_repeat: usize,
    variation: Items<RawVaried<'py>>,
    graphs: Option<RawActing<'py>>,
) -> PyResult<Bound<'py, PyDict>> {
    guarded(py, || {
        let entry = find(env_id).map_err(from_env_error)?;
        let kwargs = named_values("env_kwargs", env_kwargs)?;
        let reset_options = named_values("reset option", reset_options)?;
        let max_episode_steps = max_episode_steps.or(entry.max_episode_steps.map(u64::from));
        let varied = to_varied(variation.0)?;
        let variation = if varied.is_empty() {
            None
        } else {
            Some(Variation::new(entry, &kwargs, &reset_options, varied).map_err(from_env_error)?)
        };
        let kwargs = variation.as_ref().map_or(kwargs, Variation::first_kwargs);
        let spec =
            to_spec(entry, &kwargs, &reset_options, observation.as_ref(), action_repeat, max_episode_steps)?;
        let (population, episodes) = (weights.shape()[0], seeds.shape()[1]);
        // Copies of whatever is small: Python runs meanwhile, and may write to its arrays.
        let is_shared = seeds.shape()[0] == 1;
        let seeds = copied(&seeds);
        let most_copied =
            if progress.is_some() { MOST_COPIED_BYTES_WITH_PROGRESS } else { MOST_COPIED_BYTES };
        let weights = match values_of("weights", &weights)? {
            values if size_of_val(values) <= most_copied => Cow::Owned(values.to_vec()),
            values => Cow::Borrowed(values),
        };
        let descriptors = descriptors.0.into_iter().map(to_descriptor).collect::<PyResult<Vec<_>>>()?;
        let acting = graphs.map(Acting::of).transpose()?;
        let programs = acting.as_ref().map(Acting::programs);
        let graphs = acting.as_ref().zip(programs.as_ref());
        let graphs = graphs.map(|(acting, programs)| engine::Graphs { programs, head: acting.head });
        let normalization = normalization.map(|(mean, std, clip)| (copied(&mean), copied(&std), clip));
        let head = RawHead::of(head)?;
        let rules = OwnRules::of(rules)?;
        let task = Task {
            spec: spec.as_ref(),
            network: &network.get().network,
            head: head.head(),
            exploration: to_exploration(&exploration),
            rules: rules.rules(),
            variation: variation.as_ref(),
            weights: &weights,
            population,
            episodes,
            seeds: if is_shared { Seeds::Shared(&seeds) } else { Seeds::PerIndividual(&seeds) },
            threads,
            group_width: None,
            max_episode_steps,
            on_non_finite: on_nan.map_or(OnNonFinite::Stop, OnNonFinite::Fitness),
            keep_final_observation,
            normalization: normalization.as_ref().map(|(mean, std, clip)| Normalization {
                mean,
                std,
                clip: *clip,
            }),
            recording: Recording {
                descriptors: &descriptors,
                trajectories: &trajectories.0,
                most_trajectory_bytes,
                statistics,
                share: share.map(|(first, population)| Share { first, population }),
            },
            graphs,
        };
        let feed = || match acting.as_ref().zip(programs.as_ref()) {
            Some((acting, programs)) => acting.read(programs),
            None => Ok(()),
        };
        let evaluation = run(py, &task, progress.as_ref(), &feed)?;
        to_dict(py, &spec.observation_space().shape, &task, evaluation)
    })
}

/// Runs the task without the GIL, which is taken back briefly for signals and for `progress`, and by `feed`, which is called
/// before the calling thread plays.
fn run(
    py: Python<'_>,
    task: &Task<'_>,
    progress: Option<&Py<PyAny>>,
    feed: &(impl Fn() -> PyResult<()> + Sync),
) -> PyResult<Evaluation> {
    let (mut interruption, mut refusal) = (None, None);
    let mut next_report = Instant::now() + PROGRESS_INTERVAL;
    let mut poll = |done: usize, total: usize| {
        let result = Python::attach(|py| {
            py.check_signals()?;
            if let Some(progress) = progress.filter(|_| Instant::now() >= next_report) {
                // From when it was due, so that they are ten a second, unless it is late by more than one.
                next_report = (next_report + PROGRESS_INTERVAL).max(Instant::now());
                progress.call1(py, (done, total))?;
            }
            Ok(())
        });
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                interruption = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let mut fed = || match feed() {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            refusal = Some(error);
            ControlFlow::Break(())
        }
    };
    let evaluation = py.detach(|| engine::evaluate_fed(task, &mut poll, &mut fed));
    if let Some(error) = refusal.or(interruption) {
        return Err(error);
    }
    let evaluation = evaluation.map_err(|error| from_engine_error(py, &error))?;
    if let Some(progress) = progress {
        let total = task.population * task.episodes;
        progress.call1(py, (total, total))?;
    }
    Ok(evaluation)
}

/// (the first steps that play an action, the action, patience, reward_above, return_below, condition).
pub(crate) type RawRules = (u64, Items<f32>, Option<u64>, f64, Option<f64>, Option<RawExpression>);

/// What rules borrow from.
pub(crate) struct OwnRules {
    raw: RawRules,
    condition: Option<Expression>,
}

impl OwnRules {
    pub(crate) fn of(mut raw: RawRules) -> PyResult<Self> {
        let condition = raw.5.take().map(to_expression).transpose()?;
        Ok(Self { raw, condition })
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        let (count, action, patience, reward_above, return_below, _) = &self.raw;
        Rules {
            no_ops: NoOps { count: *count, action: &action.0 },
            patience: *patience,
            reward_above: *reward_above,
            return_below: *return_below,
            condition: self.condition.as_ref(),
        }
    }
}

/// Positions in `environments.rules.STOP_RULES`.
pub(crate) fn stop_code(stopped: Option<StopRule>) -> i8 {
    match stopped {
        None => 0,
        Some(StopRule::Patience) => 1,
        Some(StopRule::ReturnBelow) => 2,
        Some(StopRule::Condition) => 3,
    }
}

/// What was not asked for has no key: every one costs as much as a step or two.
fn to_dict<'py>(
    py: Python<'py>,
    observation_shape: &[usize],
    task: &Task<'_>,
    evaluation: Evaluation,
) -> PyResult<Bound<'py, PyDict>> {
    let shape = [task.population, task.episodes];
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "fitness"), to_array(py, shape[0], evaluation.fitness)?)?;
    dict.set_item(intern!(py, "returns"), to_array(py, shape, evaluation.returns)?)?;
    // In place: collected into the memory that they have.
    let lengths: Vec<i64> = evaluation.lengths.into_iter().map(|length| length as i64).collect();
    dict.set_item(intern!(py, "lengths"), to_array(py, shape, lengths)?)?;
    dict.set_item(intern!(py, "terminated"), to_array(py, shape, evaluation.terminated)?)?;
    dict.set_item(intern!(py, "truncated"), to_array(py, shape, evaluation.truncated)?)?;
    let stopped: Vec<i8> = evaluation.stopped.into_iter().map(stop_code).collect();
    dict.set_item(intern!(py, "stopped"), to_array(py, shape, stopped)?)?;
    dict.set_item(intern!(py, "failed"), to_array(py, shape[0], evaluation.failed)?)?;
    dict.set_item(intern!(py, "steps"), evaluation.steps)?;
    dict.set_item(intern!(py, "seconds"), evaluation.elapsed.as_secs_f64())?;
    if let Some(values) = evaluation.final_observations {
        let shape: Vec<usize> = shape.iter().chain(observation_shape).copied().collect();
        dict.set_item("final_observation", PyArray1::from_vec(py, values).reshape(shape)?)?;
    }
    let n_descriptors = task.recording.descriptors.len();
    if n_descriptors > 0 {
        let shape = [shape[0], shape[1], n_descriptors];
        dict.set_item("descriptors", to_array(py, shape, evaluation.descriptors)?)?;
    }
    if !task.recording.trajectories.is_empty() {
        let trajectories = evaluation.trajectories.into_iter();
        let trajectories = trajectories
            .map(|trajectory| trajectory_dict(py, task, trajectory))
            .collect::<PyResult<Vec<_>>>()?;
        dict.set_item("trajectories", trajectories)?;
    }
    if let Some(sums) = evaluation.statistics {
        dict.set_item("statistics", statistics_tuple(py, observation_shape, sums)?)?;
    }
    if !evaluation.partial_sums.is_empty() {
        let partial_sums = evaluation.partial_sums.into_iter();
        let partial_sums = partial_sums
            .map(|PartialSum { level, index, statistics }| {
                Ok((level, index, statistics_tuple(py, observation_shape, statistics)?))
            })
            .collect::<PyResult<Vec<_>>>()?;
        dict.set_item("partial_sums", partial_sums)?;
    }
    Ok(dict)
}

/// The values in C order: in the memory that they have, unless they are so few that NumPy's own is cheaper than an object
/// that keeps it.
fn to_array<'py, T: Element, S: IntoDimension>(
    py: Python<'py>,
    shape: S,
    values: Vec<T>,
) -> PyResult<Bound<'py, PyArray<T, S::Dim>>> {
    let is_small = values.len() <= MOST_VALUES_COPIED;
    let array = Array::from_shape_vec(shape.into_dimension(), values);
    let array = array.map_err(|error| InternalError::new_err(error.to_string()))?;
    Ok(if is_small { array.to_pyarray(py) } else { array.into_pyarray(py) })
}

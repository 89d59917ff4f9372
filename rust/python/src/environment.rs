//! One native episode, stepped from Python.

use crate::EngineError;
use crate::boundary::guarded;
use crate::convert::{Wrappers, from_env_error, named_values, to_spec};
use crate::evaluate::{OwnRules, RawRules, stop_code};
use engine::envs::registry::{Entry, find};
use engine::envs::{Action, ActionSpace, FloatType, ObservationDtype, Spec, StateValue, Step, View};
use engine::lane_math::StandardFloatMode;
use engine::{Field, StopRule};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyTuple};

/// One episode of an environment, behind Gymnasium's `TimeLimit` and the wrappers of its observations.
#[pyclass(module = "evalengine._engine")]
pub(crate) struct Environment {
    entry: &'static Entry,
    is_wrapped: bool,
    max_episode_steps: Option<u64>,
    spec: Box<dyn Spec>,
    episode: Box<dyn engine::envs::Environment>,
    elapsed_steps: u64,
    ruling: Option<Ruling>,
}

/// Rules of the episodes, and what has been counted for them since the reset.
struct Ruling {
    rules: OwnRules,
    actions: u64,
    idle: u64,
    total: f64,
}

impl Ruling {
    fn of(raw: RawRules) -> PyResult<Self> {
        Ok(Self { rules: OwnRules::of(raw)?, actions: 0, idle: 0, total: 0.0 })
    }

    fn restart(&mut self) {
        (self.actions, self.idle, self.total) = (0, 0, 0.0);
    }

    /// The rule that stops an episode after a step with this reward, whose fields `read` has.
    fn count(&mut self, reward: f64, read: impl Fn(Field) -> f64) -> Option<StopRule> {
        let rules = self.rules.rules();
        self.actions += 1;
        self.total += reward;
        self.idle = if reward > rules.reward_above { 0 } else { self.idle + 1 };
        let total = self.total;
        let read = |field| if field == Field::Return { total } else { read(field) };
        let meets = rules.condition.is_some_and(|condition| condition.evaluated(read) != 0.0);
        rules.stop(self.idle, self.total, meets)
    }
}

/// An action of the caller's, or of the rules.
enum Given {
    Index(u32),
    Values(Vec<f32>),
    Typed(Vec<f64>, FloatType),
}

impl Given {
    fn action(&self) -> Action<'_> {
        match self {
            Self::Index(index) => Action::Discrete(*index),
            Self::Values(values) => Action::Continuous(values),
            Self::Typed(values, float) => Action::Typed(values, *float),
        }
    }
}

/// An array of the reference's type and shape.
type Observation<'py> = Bound<'py, PyAny>;

#[pymethods]
impl Environment {
    #[new]
    #[pyo3(signature = (env_id, kwargs, max_episode_steps, observation=None, action_repeat=1, rules=None))]
    fn new(
        py: Python<'_>,
        env_id: &str,
        kwargs: &Bound<'_, PyMapping>,
        max_episode_steps: Option<u64>,
        observation: Option<Wrappers>,
        action_repeat: usize,
        rules: Option<RawRules>,
    ) -> PyResult<Self> {
        guarded(py, || {
            let mut environment = Self::open(env_id, kwargs, max_episode_steps, observation, action_repeat)?;
            environment.ruling = rules.map(Ruling::of).transpose()?;
            Ok(environment)
        })
    }

    #[getter]
    fn observation_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.spec.observation_space().shape)
    }

    /// `seed` None goes on with the random stream of the episodes before, whatever the options are now.
    fn reset<'py>(
        &mut self,
        py: Python<'py>,
        seed: Option<u64>,
        options: &Bound<'py, PyMapping>,
    ) -> PyResult<Observation<'py>> {
        guarded(py, || self.start_episode(py, seed, options))
    }

    /// Continuous actions are float32, as policies give them, or float64; `is_float16` says that those are float16's. The
    /// last of what it returns is the rule that has stopped the episode, or 0.
    #[pyo3(signature = (action, is_float16=false))]
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
        is_float16: bool,
    ) -> PyResult<(Observation<'py>, f64, bool, bool, i8)> {
        guarded(py, || self.act(py, action, is_float16))
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guarded(py, || self.fields(py))
    }
}

impl Environment {
    fn open(
        env_id: &str,
        kwargs: &Bound<'_, PyMapping>,
        max_episode_steps: Option<u64>,
        observation: Option<Wrappers>,
        action_repeat: usize,
    ) -> PyResult<Self> {
        let entry = find(env_id).map_err(from_env_error)?;
        let kwargs = named_values("env_kwargs", kwargs)?;
        let max_episode_steps = max_episode_steps.or(entry.max_episode_steps.map(u64::from));
        let spec = to_spec(entry, &kwargs, &[], observation.as_ref(), action_repeat, max_episode_steps)?;
        let episode = spec.environment();
        let is_wrapped = observation.is_some() || action_repeat > 1;
        Ok(Self { entry, is_wrapped, max_episode_steps, spec, episode, elapsed_steps: 0, ruling: None })
    }

    fn start_episode<'py>(
        &mut self,
        py: Python<'py>,
        seed: Option<u64>,
        options: &Bound<'py, PyMapping>,
    ) -> PyResult<Observation<'py>> {
        let options = named_values("reset option", options)?;
        let options = self.entry.reset_arguments(&options).map_err(from_env_error)?;
        self.episode.set_reset_options(&options).map_err(from_env_error)?;
        let _standard = StandardFloatMode::enter();
        self.episode.reset(seed);
        self.elapsed_steps = 0;
        if let Some(ruling) = &mut self.ruling {
            ruling.restart();
        }
        self.observation(py)
    }

    fn act<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
        is_float16: bool,
    ) -> PyResult<(Observation<'py>, f64, bool, bool, i8)> {
        let _standard = StandardFloatMode::enter();
        let given = match self.first_action() {
            Some(first) => first,
            None => self.given(action, is_float16)?,
        };
        let Step { reward, terminated, truncated } = self.episode.step(given.action());
        self.elapsed_steps += 1;
        // Behind wrappers a step may be several of the environment's: then the limit is theirs.
        let at_limit =
            !self.is_wrapped && self.max_episode_steps.is_some_and(|limit| self.elapsed_steps >= limit);
        let truncated = truncated || at_limit;
        let stopped = self.stopped(reward, &given).filter(|_| !terminated && !truncated);
        Ok((self.observation(py)?, reward, terminated, truncated || stopped.is_some(), stop_code(stopped)))
    }

    /// What the rules play in place of the caller's action.
    fn first_action(&self) -> Option<Given> {
        let ruling = self.ruling.as_ref()?;
        let no_ops = ruling.rules.rules().no_ops;
        (ruling.actions < no_ops.count).then(|| match self.spec.action_space() {
            ActionSpace::Discrete(_) => Given::Index(no_ops.action[0] as u32),
            ActionSpace::Box { .. } => Given::Values(no_ops.action.to_vec()),
        })
    }

    fn given(&self, action: &Bound<'_, PyAny>, is_float16: bool) -> PyResult<Given> {
        match self.spec.action_space() {
            ActionSpace::Discrete(n) => {
                let index = action.extract().ok().filter(|index| index < n);
                let expected =
                    || EngineError::new_err(format!("action: expected 0 to {}, got {action}", n - 1));
                index.map(Given::Index).ok_or_else(expected)
            }
            ActionSpace::Box { low, .. } => {
                let dimensions = low.len();
                if let Ok(values) = action.extract::<PyReadonlyArray1<'_, f32>>() {
                    return Ok(Given::Values(of_length(values.as_slice()?, dimensions)?.to_vec()));
                }
                let values: PyReadonlyArray1<'_, f64> = action.extract()?;
                let float = if is_float16 { FloatType::F16 } else { FloatType::F64 };
                Ok(Given::Typed(of_length(values.as_slice()?, dimensions)?.to_vec(), float))
            }
        }
    }

    /// Which rule the last step meets.
    fn stopped(&mut self, reward: f64, given: &Given) -> Option<StopRule> {
        let ruling = self.ruling.as_mut()?;
        let mut observation = Vec::new();
        let mut events = vec![0.0; self.spec.event_fields().len()];
        // Pictures have no names, and are not looked at.
        if !self.spec.observation_fields().is_empty() {
            observation = vec![0.0; self.spec.observation_space().size()];
            self.episode.observe(View::Gymnasium, &mut observation);
        }
        self.episode.events(&mut events);
        let steps = self.episode.elapsed_steps().unwrap_or(self.elapsed_steps);
        ruling.count(reward, |field| match field {
            Field::Observation(index) => f64::from(observation[index]),
            Field::Reward | Field::Return => reward, // the return is the ruling's to know
            Field::Action(index) => match given {
                Given::Index(number) => f64::from(*number),
                given => given.action().value(index),
            },
            Field::Event(index) => events[index],
            Field::Step => steps as f64,
        })
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.episode.state() {
            match value {
                StateValue::Ints(values) => dict.set_item(name, values.into_pyarray(py))?,
                StateValue::Floats(values) => dict.set_item(name, values.into_pyarray(py))?,
            }
        }
        Ok(dict)
    }

    fn observation<'py>(&self, py: Python<'py>) -> PyResult<Observation<'py>> {
        let space = self.spec.observation_space();
        let mut observation = vec![0.0; space.size()];
        self.episode.observe(View::Gymnasium, &mut observation);
        let shape = space.shape.clone();
        match space.dtype {
            ObservationDtype::F32 => Ok(PyArray1::from_vec(py, observation).reshape(shape)?.into_any()),
            ObservationDtype::U8 => {
                let bytes = observation.iter().map(|&value| value as u8).collect();
                Ok(PyArray1::from_vec(py, bytes).reshape(shape)?.into_any())
            }
        }
    }
}

/// The values of an action, which must be as many as the space has dimensions.
fn of_length<T>(values: &[T], dimensions: usize) -> PyResult<&[T]> {
    if values.len() == dimensions {
        return Ok(values);
    }
    let message = format!("action: expected shape ({dimensions},), got ({},)", values.len());
    Err(EngineError::new_err(message))
}

//! One native episode, stepped from Python.

use crate::EngineError;
use crate::boundary::guarded;
use crate::convert::{Wrappers, from_env_error, named_values, to_spec};
use engine::envs::registry::{Entry, find};
use engine::envs::{Action, ActionSpace, FloatType, ObservationDtype, Spec, StateValue, Step, View};
use engine::lane_math::StandardFloatMode;
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
}

/// An array of the reference's type and shape.
type Observation<'py> = Bound<'py, PyAny>;

#[pymethods]
impl Environment {
    #[new]
    #[pyo3(signature = (env_id, kwargs, max_episode_steps, observation=None))]
    fn new(
        py: Python<'_>,
        env_id: &str,
        kwargs: &Bound<'_, PyMapping>,
        max_episode_steps: Option<u64>,
        observation: Option<Wrappers>,
    ) -> PyResult<Self> {
        guarded(py, || Self::open(env_id, kwargs, max_episode_steps, observation))
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

    /// Continuous actions are float32, as policies give them, or float64; `is_float16` says that those are float16's.
    #[pyo3(signature = (action, is_float16=false))]
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
        is_float16: bool,
    ) -> PyResult<(Observation<'py>, f64, bool, bool)> {
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
    ) -> PyResult<Self> {
        let entry = find(env_id).map_err(from_env_error)?;
        let kwargs = named_values("env_kwargs", kwargs)?;
        let max_episode_steps = max_episode_steps.or(entry.max_episode_steps.map(u64::from));
        let spec = to_spec(entry, &kwargs, &[], observation.as_ref(), max_episode_steps)?;
        let episode = spec.environment();
        let is_wrapped = observation.is_some();
        Ok(Self { entry, is_wrapped, max_episode_steps, spec, episode, elapsed_steps: 0 })
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
        self.observation(py)
    }

    fn act<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
        is_float16: bool,
    ) -> PyResult<(Observation<'py>, f64, bool, bool)> {
        let _standard = StandardFloatMode::enter();
        let Step { reward, terminated, truncated } = match self.spec.action_space() {
            ActionSpace::Discrete(n) => {
                let index = action.extract().ok().filter(|index| index < n);
                let expected =
                    || EngineError::new_err(format!("action: expected 0 to {}, got {action}", n - 1));
                self.episode.step(Action::Discrete(index.ok_or_else(expected)?))
            }
            ActionSpace::Box { low, .. } => {
                let dimensions = low.len();
                if let Ok(values) = action.extract::<PyReadonlyArray1<'_, f32>>() {
                    self.episode.step(Action::Continuous(of_length(values.as_slice()?, dimensions)?))
                } else {
                    let values: PyReadonlyArray1<'_, f64> = action.extract()?;
                    let values = of_length(values.as_slice()?, dimensions)?;
                    let float = if is_float16 { FloatType::F16 } else { FloatType::F64 };
                    self.episode.step(Action::Typed(values, float))
                }
            }
        };
        self.elapsed_steps += 1;
        // Behind wrappers a step may be several of the environment's: then the limit is theirs.
        let at_limit =
            !self.is_wrapped && self.max_episode_steps.is_some_and(|limit| self.elapsed_steps >= limit);
        Ok((self.observation(py)?, reward, terminated, truncated || at_limit))
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

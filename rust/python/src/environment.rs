//! One native episode, stepped from Python.

use crate::EngineError;
use crate::boundary::guarded;
use crate::convert::{Wrappers, from_env_error, named_values, to_spec};
use envs::registry::{Entry, find};
use envs::{Action, ActionSpace, ObservationDtype, Spec, StateValue, Step, Value, View};
use lane_math::StandardFloatMode;
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyTuple};

/// One episode of an environment, behind Gymnasium's `TimeLimit` and the wrappers of its observations.
#[pyclass(module = "evalengine._engine")]
pub(crate) struct Environment {
    entry: &'static Entry,
    kwargs: Vec<(String, Value)>,
    reset_options: Vec<(String, Value)>,
    observation: Option<Wrappers>,
    max_episode_steps: Option<u64>,
    spec: Box<dyn Spec>,
    episode: Box<dyn envs::Environment>,
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

    /// `seed` None goes on with the random stream of the episodes before.
    fn reset<'py>(
        &mut self,
        py: Python<'py>,
        seed: Option<u64>,
        options: &Bound<'py, PyMapping>,
    ) -> PyResult<Observation<'py>> {
        guarded(py, || self.start_episode(py, seed, options))
    }

    fn step<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
    ) -> PyResult<(Observation<'py>, f64, bool, bool)> {
        guarded(py, || self.act(py, action))
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
        Ok(Self {
            entry,
            kwargs,
            reset_options: Vec::new(),
            observation,
            max_episode_steps,
            spec,
            episode,
            elapsed_steps: 0,
        })
    }

    fn start_episode<'py>(
        &mut self,
        py: Python<'py>,
        seed: Option<u64>,
        options: &Bound<'py, PyMapping>,
    ) -> PyResult<Observation<'py>> {
        let options = named_values("reset option", options)?;
        if options != self.reset_options {
            if seed.is_none() {
                let message =
                    "reset: expected a seed together with options that differ from the last reset's";
                return Err(EngineError::new_err(message));
            }
            let (observation, limit) = (self.observation.as_ref(), self.max_episode_steps);
            self.spec = to_spec(self.entry, &self.kwargs, &options, observation, limit)?;
            self.episode = self.spec.environment();
            self.reset_options = options;
        }
        let _standard = StandardFloatMode::enter();
        self.episode.reset(seed);
        self.elapsed_steps = 0;
        self.observation(py)
    }

    fn act<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
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
                let values: PyReadonlyArray1<'_, f32> = action.extract()?;
                let values = values.as_slice()?;
                if values.len() != low.len() {
                    let message = format!("action: expected shape ({},), got ({},)", low.len(), values.len());
                    return Err(EngineError::new_err(message));
                }
                self.episode.step(Action::Continuous(values))
            }
        };
        self.elapsed_steps += 1;
        // Behind wrappers a step may be several of the environment's: then the limit is theirs.
        let at_limit = self.observation.is_none()
            && self.max_episode_steps.is_some_and(|limit| self.elapsed_steps >= limit);
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

//! What there is to know of an environment before it is made; each has an `ENTRY`, and the registry lists them.

use crate::arguments::{Arguments, Parameter, Value};
use crate::error::EnvError;
use crate::observation::{ObservationOptions, observed};
use crate::repeat::RepeatSpec;
use crate::spec::Spec;

/// Keyword arguments and reset options to a spec.
pub(crate) type Build = fn(&Arguments, &Arguments) -> Result<Box<dyn Spec>, EnvError>;

/// What there is to know of an environment before it is made.
pub struct Entry {
    /// The full id, as `gymnasium.make` takes it.
    pub id: &'static str,
    /// The name for command lines.
    pub short_name: &'static str,
    /// What the task is, in a few words.
    pub summary: &'static str,
    /// The steps after which Gymnasium's `TimeLimit` wrapper truncates an episode, if it has one.
    pub max_episode_steps: Option<u32>,
    /// The policy that examples and benchmarks use, in the spelling of the Python package's `Policy`; a spec may
    /// have another ([`Spec::default_policy`]).
    pub default_policy: &'static str,
    /// The keyword arguments of `gymnasium.make`, with their defaults.
    pub kwargs: &'static [Parameter],
    /// The options of `env.reset`, with their defaults.
    pub reset_options: &'static [Parameter],
    /// The id of the environment whose other defaults or time limit Gymnasium has registered under this id; `None` for an
    /// environment of its own.
    pub variant_of: Option<&'static str>,
    /// Checks the arguments and fixes them.
    pub(crate) build: Build,
}

impl Entry {
    /// The environment with these keyword arguments and reset options.
    ///
    /// # Errors
    ///
    /// An unknown name, a value of another type, or one out of its range.
    pub fn spec(
        &self,
        kwargs: &[(String, Value)],
        reset_options: &[(String, Value)],
    ) -> Result<Box<dyn Spec>, EnvError> {
        let kwargs = Arguments::parse("keyword argument", self.id, self.kwargs, kwargs)?;
        (self.build)(&kwargs, &self.reset_arguments(reset_options)?)
    }

    /// All reset options, for [`Environment::set_reset_options`](crate::Environment::set_reset_options): these, and the
    /// defaults of the others.
    ///
    /// # Errors
    ///
    /// An unknown name, or a value of another type.
    pub fn reset_arguments(&self, given: &[(String, Value)]) -> Result<Arguments, EnvError> {
        Arguments::parse("reset option", self.id, self.reset_options, given)
    }

    /// The same behind the wrappers that `observation` names, which must know the time limit: see
    /// [`ObservationOptions`].
    ///
    /// # Errors
    ///
    /// As for [`spec`](Self::spec); an environment without coloured images, or a number below its least value; positions of
    /// values to keep that an observation does not have.
    pub fn observed_spec(
        &self,
        kwargs: &[(String, Value)],
        reset_options: &[(String, Value)],
        observation: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Result<Box<dyn Spec>, EnvError> {
        self.wrapped_spec(kwargs, reset_options, Some(observation), 1, max_episode_steps)
    }

    /// The same with each action played `action_repeat` times, rewards summed up, before those wrappers, if there are any.
    ///
    /// # Errors
    ///
    /// As for [`observed_spec`](Self::observed_spec); no repetition at all, or one beside a skip of frames.
    pub fn wrapped_spec(
        &self,
        kwargs: &[(String, Value)],
        reset_options: &[(String, Value)],
        observation: Option<&ObservationOptions>,
        action_repeat: usize,
        max_episode_steps: Option<u64>,
    ) -> Result<Box<dyn Spec>, EnvError> {
        let mut inner = self.spec(kwargs, reset_options)?;
        if action_repeat == 0 {
            return Err(EnvError::new("action_repeat: expected at least 1, got 0".to_owned()));
        }
        if action_repeat > 1 {
            if let Some(skip) = observation.and_then(|observation| observation.skip) {
                return Err(EnvError::new(format!(
                    "action_repeat: expected either it or a skip of the observation, got {action_repeat} and skip={skip}"
                )));
            }
            inner = Box::new(RepeatSpec::new(inner, action_repeat, max_episode_steps));
        }
        let Some(observation) = observation else {
            return Ok(inner);
        };
        let policy = inner.default_policy().unwrap_or(self.default_policy).to_owned();
        observed(self.id, inner, &policy, observation, max_episode_steps)
    }
}

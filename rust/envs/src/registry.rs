//! The environments by name. Everything outside this crate that lists environments reads them here.

use crate::arguments::{Arguments, Parameter, Value, nearest_name};
use crate::error::EnvError;
use crate::group::Spec;
use crate::observation::{ObservationOptions, ObservedSpec};
use crate::{acrobot, car_racing, cart_pole, lunar_lander, pendulum, snake};

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
    /// As for [`spec`](Self::spec); an environment without coloured images, or a number below its least value.
    pub fn observed_spec(
        &self,
        kwargs: &[(String, Value)],
        reset_options: &[(String, Value)],
        observation: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Result<Box<dyn Spec>, EnvError> {
        let inner = self.spec(kwargs, reset_options)?;
        let policy = inner.default_policy().unwrap_or(self.default_policy).to_owned();
        Ok(Box::new(ObservedSpec::new(self.id, inner, &policy, observation, max_episode_steps)?))
    }
}

/// Every environment.
pub const ENTRIES: &[Entry] = &[
    snake::ENTRY,
    cart_pole::ENTRY,
    acrobot::ENTRY,
    pendulum::ENTRY,
    lunar_lander::ENTRY,
    car_racing::ENTRY,
];

/// The environment of this id or short name, in any case of letters.
///
/// # Errors
///
/// An unknown name; the nearest known one is offered.
pub fn find(name: &str) -> Result<&'static Entry, EnvError> {
    let is_named =
        |entry: &&Entry| entry.id.eq_ignore_ascii_case(name) || entry.short_name.eq_ignore_ascii_case(name);
    ENTRIES.iter().find(is_named).ok_or_else(|| {
        let names: Vec<&str> = ENTRIES.iter().flat_map(|entry| [entry.short_name, entry.id]).collect();
        let hint = nearest_name(name, &names).map(|near| format!("; did you mean {near:?}?"));
        let known: Vec<&str> = ENTRIES.iter().map(|entry| entry.id).collect();
        let known = known.join(", ");
        EnvError::new(format!("unknown environment {name:?}{} (known: {known})", hint.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_short_names_are_found_in_any_case() {
        for name in ["CartPole-v1", "cartpole", "CARTPOLE", "cartpole-V1"] {
            assert_eq!(find(name).unwrap().id, "CartPole-v1");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let message = find("CartPol-v1").err().unwrap().to_string();
        assert!(
            message.starts_with("unknown environment \"CartPol-v1\"; did you mean \"CartPole-v1\"?"),
            "{message}"
        );
        let message = find("xyz").err().unwrap().to_string();
        assert!(message.starts_with("unknown environment \"xyz\" (known: "), "{message}");
    }

    #[test]
    fn every_entry_builds_with_its_defaults_and_has_a_name_of_its_own() {
        for (index, entry) in ENTRIES.iter().enumerate() {
            let spec = entry.spec(&[], &[]).unwrap();
            assert!(spec.observation_space().size() > 0);
            assert!(spec.action_space().n_logits() > 0);
            let flat = (0..spec.observation_space().size()).collect::<Vec<_>>();
            assert!(spec.image_shape().is_some() || spec.channels_first_order() == flat);
            assert_eq!(spec.observation_fields().is_empty(), spec.image_shape().is_some());
            assert!(ENTRIES[..index].iter().all(|other| other.id != entry.id));
            assert!(ENTRIES[..index].iter().all(|other| other.short_name != entry.short_name));
        }
    }
}

//! The environments by name. Everything outside this crate that lists environments reads them here.

use crate::arguments::nearest_name;
pub use crate::entry::Entry;
use crate::error::EnvError;
use crate::{
    acrobot, bipedal_walker, car_racing, cart_pole, former, lunar_lander, mountain_car, pendulum, snake,
};

/// Every environment.
pub const ENTRIES: &[Entry] = &[
    snake::ENTRY,
    cart_pole::ENTRY,
    acrobot::ENTRY,
    pendulum::ENTRY,
    mountain_car::ENTRY,
    mountain_car::CONTINUOUS_ENTRY,
    lunar_lander::ENTRY,
    car_racing::ENTRY,
    bipedal_walker::ENTRY,
    bipedal_walker::HARDCORE_ENTRY,
];

/// What Gymnasium has registered under ids of their own and is one of [`ENTRIES`] with another time limit or other defaults.
pub const VARIANTS: &[Entry] = &[cart_pole::SHORT_ENTRY, lunar_lander::CONTINUOUS_ENTRY];

/// The environment or variant of this id or short name, in any case of letters.
///
/// # Errors
///
/// An unknown name. If it is the id of a former version, its successor is named, and what changed; otherwise the nearest
/// known name is offered.
pub fn find(name: &str) -> Result<&'static Entry, EnvError> {
    let is_named =
        |entry: &&Entry| entry.id.eq_ignore_ascii_case(name) || entry.short_name.eq_ignore_ascii_case(name);
    let all = || ENTRIES.iter().chain(VARIANTS);
    all().find(is_named).ok_or_else(|| {
        if let Some(advice) = former::advice(name) {
            return EnvError::new(format!("unknown environment {name:?}: {advice}"));
        }
        let names: Vec<&str> = all().flat_map(|entry| [entry.short_name, entry.id]).collect();
        let hint = nearest_name(name, &names).map(|near| format!("; did you mean {near:?}?"));
        let known: Vec<&str> = all().map(|entry| entry.id).collect();
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
        let all: Vec<&Entry> = ENTRIES.iter().chain(VARIANTS).collect();
        for (index, entry) in all.iter().enumerate() {
            let spec = entry.spec(&[], &[]).unwrap();
            assert!(spec.observation_space().size() > 0);
            assert!(spec.action_space().n_logits() > 0);
            let flat = (0..spec.observation_space().size()).collect::<Vec<_>>();
            assert!(spec.image_shape().is_some() || spec.channels_first_order() == flat);
            assert_eq!(spec.observation_fields().is_empty(), spec.image_shape().is_some());
            assert!(all[..index].iter().all(|other| other.id != entry.id));
            assert!(all[..index].iter().all(|other| other.short_name != entry.short_name));
        }
    }

    #[test]
    fn a_variant_is_the_environment_with_other_defaults() {
        for variant in VARIANTS {
            let of = find(variant.variant_of.unwrap()).unwrap();
            assert!(of.variant_of.is_none() && ENTRIES.iter().any(|entry| entry.id == of.id));
            let names =
                |entry: &Entry| entry.kwargs.iter().map(|parameter| parameter.name).collect::<Vec<_>>();
            assert_eq!(names(variant), names(of));
        }
        let lander = find("lunarlandercontinuous").unwrap();
        assert_eq!((lander.id, lander.max_episode_steps), ("LunarLanderContinuous-v3", Some(1000)));
        let discrete = [("continuous".to_string(), crate::Value::Bool(false))];
        for (kwargs, logits) in [(&[][..], 2), (&discrete, 4)] {
            let spec = lander.spec(kwargs, &[]).unwrap();
            assert_eq!(spec.action_space().n_logits(), logits);
            let policy = spec.default_policy().unwrap_or(lander.default_policy);
            assert_eq!(policy, format!("mlp:8-64-{logits}"));
        }
        assert_eq!(find("cartpole-v0").unwrap().max_episode_steps, Some(200));
    }

    #[test]
    fn a_former_version_is_answered_with_its_successor() {
        let message = find("pendulum-v0").err().unwrap().to_string();
        assert_eq!(
            message,
            "unknown environment \"pendulum-v0\": its successor is Pendulum-v1 (v1: simpler formulas, which play the same)"
        );
    }
}

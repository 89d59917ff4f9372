//! The environments by name. Everything outside this crate that lists environments reads them here.

use crate::arguments::nearest_name;
pub use crate::entry::Entry;
use crate::error::EnvError;
use crate::{acrobot, bipedal_walker, car_racing, cart_pole, lunar_lander, mountain_car, pendulum, snake};

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

//! Keyword arguments with a value for each individual, for each episode, or for each episode of each individual: what an
//! environment is varied in, for robustness or for courses that grow with who runs them.
//!
//! EXACT: each episode is one of an environment that was made with its values. Arguments that change what is observed, what
//! can be done or what can happen are not varied.

use crate::arguments::Value;
use crate::entry::Entry;
use crate::error::EnvError;
use crate::spec::Spec;

/// The values of one keyword argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Varied {
    /// The argument.
    pub name: String,
    /// `(individuals, episodes)`, row-major.
    pub values: Vec<Value>,
    /// As many as the population has, or 1: the same for all.
    pub individuals: usize,
    /// As many as an individual plays, or 1: the same for all.
    pub episodes: usize,
}

impl Varied {
    fn value(&self, individual: usize, episode: usize) -> Value {
        let row = if self.individuals == 1 { 0 } else { individual };
        let column = if self.episodes == 1 { 0 } else { episode };
        self.values[row * self.episodes + column]
    }
}

/// An environment whose keyword arguments differ from episode to episode.
pub struct Variation {
    entry: &'static Entry,
    kwargs: Vec<(String, Value)>,
    reset_options: Vec<(String, Value)>,
    varied: Vec<Varied>,
    own_step_limit: Option<u64>,
}

impl Variation {
    /// The environment of `entry` with these keyword arguments, and with those that are varied.
    ///
    /// # Errors
    ///
    /// Values that are not as many as their shape says, a value that the environment does not take, or values of an argument
    /// that change its spaces or what can happen.
    pub fn new(
        entry: &'static Entry,
        kwargs: &[(String, Value)],
        reset_options: &[(String, Value)],
        varied: Vec<Varied>,
    ) -> Result<Self, EnvError> {
        for Varied { name, values, individuals, episodes } in &varied {
            if values.is_empty() || individuals.checked_mul(*episodes) != Some(values.len()) {
                let got = values.len();
                let message = format!("{name}: expected {individuals} x {episodes} values, got {got}");
                return Err(EnvError::new(message));
            }
        }
        let mut variation = Self {
            entry,
            kwargs: kwargs.to_vec(),
            reset_options: reset_options.to_vec(),
            varied,
            own_step_limit: None,
        };
        variation.own_step_limit = variation.checked_step_limit()?;
        Ok(variation)
    }

    /// The values' shapes: (individuals, episodes) of each argument, either of them 1 for any number.
    pub fn shapes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.varied.iter().map(|varied| (varied.individuals, varied.episodes))
    }

    /// The largest [`Spec::own_step_limit`]; none if one has none.
    pub fn own_step_limit(&self) -> Option<u64> {
        self.own_step_limit
    }

    /// All keyword arguments of the first episode of the first individual.
    pub fn first_kwargs(&self) -> Vec<(String, Value)> {
        self.all_kwargs(self.varied.iter().map(|varied| varied.values[0]))
    }

    /// What an episode of an individual is one of, without wrappers.
    ///
    /// # Panics
    ///
    /// If there are no values for it.
    pub fn spec(&self, individual: usize, episode: usize) -> Box<dyn Spec> {
        let values = self.varied.iter().map(|varied| varied.value(individual, episode));
        self.with(values).expect("each value was checked")
    }

    fn with(&self, values: impl Iterator<Item = Value>) -> Result<Box<dyn Spec>, EnvError> {
        self.entry.spec(&self.all_kwargs(values), &self.reset_options)
    }

    fn all_kwargs(&self, values: impl Iterator<Item = Value>) -> Vec<(String, Value)> {
        let varied = self.varied.iter().map(|varied| varied.name.clone()).zip(values);
        self.kwargs.iter().cloned().chain(varied).collect()
    }

    /// Looks at every value beside the first ones of the other arguments: environments check each argument by itself.
    fn checked_step_limit(&self) -> Result<Option<u64>, EnvError> {
        let firsts: Vec<Value> = self.varied.iter().map(|varied| varied.values[0]).collect();
        let base = self.with(firsts.iter().copied())?;
        let mut limit = base.own_step_limit();
        for (place, Varied { name, values, .. }) in self.varied.iter().enumerate() {
            let mut seen = vec![firsts[place]];
            for &value in values {
                // Few different ones are the rule, or as many as there are episodes.
                if seen.iter().rev().take(MOST_REMEMBERED).any(|other| *other == value) {
                    continue;
                }
                seen.push(value);
                let mut values = firsts.clone();
                values[place] = value;
                let spec = self.with(values.into_iter())?;
                if !are_alike(base.as_ref(), spec.as_ref()) {
                    let (id, first) = (self.entry.id, firsts[place]);
                    return Err(EnvError::new(format!(
                        "{id}: keyword argument {name}: expected one value for all episodes, since observations or \
                         actions differ with it, got {first} and {value}"
                    )));
                }
                limit = limit.zip(spec.own_step_limit()).map(|(one, other)| one.max(other));
            }
        }
        Ok(limit)
    }
}

/// Of how many different values it is remembered that they were looked at.
const MOST_REMEMBERED: usize = 16;

/// Whether policies and records fit both.
fn are_alike(one: &dyn Spec, other: &dyn Spec) -> bool {
    one.observation_space() == other.observation_space()
        && one.action_space() == other.action_space()
        && one.observation_fields() == other.observation_fields()
        && one.event_fields() == other.event_fields()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::find;

    fn of(name: &str, values: &[Value], individuals: usize, episodes: usize) -> Varied {
        Varied { name: name.to_string(), values: values.to_vec(), individuals, episodes }
    }

    fn refusal(id: &str, varied: Varied) -> String {
        Variation::new(find(id).unwrap(), &[], &[], vec![varied]).err().unwrap().to_string()
    }

    #[test]
    fn each_episode_has_its_values() {
        let floats = |values: &[f64]| values.iter().copied().map(Value::Float).collect::<Vec<_>>();
        let (rows, columns, both) = (floats(&[1.0, 2.0]), floats(&[3.0, 4.0, 5.0]), floats(&[1.0; 6]));
        assert_eq!(of("g", &rows, 2, 1).value(1, 2), Value::Float(2.0));
        assert_eq!(of("g", &columns, 1, 3).value(1, 2), Value::Float(5.0));
        assert_eq!(of("g", &both, 2, 3).value(1, 2), Value::Float(1.0));
        let limits = of("time_limit", &[Value::Int(9), Value::Int(70)], 2, 1);
        let variation = Variation::new(find("snake").unwrap(), &[], &[], vec![limits]).unwrap();
        assert_eq!(variation.spec(0, 5).own_step_limit(), Some(9));
        assert_eq!((variation.own_step_limit(), variation.shapes().next()), (Some(70), Some((2, 1))));
    }

    #[test]
    fn what_cannot_be_varied_is_refused() {
        let flags = [Value::Bool(false), Value::Bool(true)];
        assert_eq!(
            refusal("lunarlander", of("continuous", &flags, 2, 1)),
            "LunarLander-v3: keyword argument continuous: expected one value for all episodes, since observations or \
             actions differ with it, got false and true"
        );
        assert_eq!(refusal("pendulum", of("g", &flags[..1], 2, 1)), "g: expected 2 x 1 values, got 1");
        let gravity = [Value::Float(-9.0), Value::Float(-13.0)];
        assert!(refusal("lunarlander", of("gravity", &gravity, 1, 2)).contains("-13.0) must be between"));
        assert!(refusal("lunarlander", of("gravty", &gravity, 1, 2)).contains("did you mean \"gravity\"?"));
    }
}

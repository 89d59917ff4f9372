//! Keyword arguments and reset options: named, typed, checked, with the nearest name on a typo.

use crate::error::EnvError;
use std::fmt;

/// The value of an argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
}

impl Value {
    fn type_name(self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a number",
        }
    }

    /// `self` as the type of `default`: an int widens to a number, nothing else converts.
    fn as_type_of(self, default: Self) -> Option<Self> {
        match (default, self) {
            (Self::Bool(_), Self::Bool(_))
            | (Self::Int(_), Self::Int(_))
            | (Self::Float(_), Self::Float(_)) => Some(self),
            (Self::Float(_), Self::Int(whole)) => Some(Self::Float(whole as f64)),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

/// One argument that an environment takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, as Gymnasium spells it.
    pub name: &'static str,
    /// Its default, which also fixes its type.
    pub default: Value,
}

/// A full set of arguments: what was given, and the defaults for the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    values: Vec<(&'static str, Value)>,
}

impl Arguments {
    /// Checks `given` against `parameters`. `kind` and `owner` name them in messages: ("keyword
    /// argument", "CartPole-v1").
    ///
    /// # Errors
    ///
    /// An unknown name (the nearest known one is offered) or a value of another type.
    pub fn parse(
        kind: &str,
        owner: &str,
        parameters: &[Parameter],
        given: &[(String, Value)],
    ) -> Result<Self, EnvError> {
        let mut values: Vec<_> =
            parameters.iter().map(|parameter| (parameter.name, parameter.default)).collect();
        for (name, value) in given {
            let Some(slot) = values.iter_mut().find(|(known, _)| known == name) else {
                return Err(unknown_argument(kind, owner, parameters, name));
            };
            let Some(converted) = value.as_type_of(slot.1) else {
                let (expected, got) = (slot.1.type_name(), value.type_name());
                return Err(EnvError::new(format!(
                    "{owner}: {kind} {name}: expected {expected}, got {got} ({value})"
                )));
            };
            slot.1 = converted;
        }
        Ok(Self { values })
    }

    fn get(&self, name: &str) -> Value {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("argument {name} is not among the registered parameters")).1
    }

    /// The truth value of `name`.
    ///
    /// # Panics
    ///
    /// Like its siblings, if the environment did not register `name` with this type.
    pub fn bool(&self, name: &str) -> bool {
        match self.get(name) {
            Value::Bool(value) => value,
            other => panic!("argument {name} is {}", other.type_name()),
        }
    }

    /// The whole number of `name`.
    ///
    /// # Panics
    ///
    /// If the environment did not register `name` with this type.
    pub fn int(&self, name: &str) -> i64 {
        match self.get(name) {
            Value::Int(value) => value,
            other => panic!("argument {name} is {}", other.type_name()),
        }
    }

    /// The real number of `name`.
    ///
    /// # Panics
    ///
    /// If the environment did not register `name` with this type.
    pub fn float(&self, name: &str) -> f64 {
        match self.get(name) {
            Value::Float(value) => value,
            other => panic!("argument {name} is {}", other.type_name()),
        }
    }
}

fn unknown_argument(kind: &str, owner: &str, parameters: &[Parameter], name: &str) -> EnvError {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    if names.is_empty() {
        return EnvError::new(format!("{owner}: expected no {kind}s, got {name:?}"));
    }
    let hint = nearest_name(name, &names).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let known = names.join(", ");
    EnvError::new(format!("{owner}: unknown {kind} {name:?}{hint} (known: {known})"))
}

/// The known name that is most like `name`, if any is near enough to be a typo of it.
pub fn nearest_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.7;
    let name = name.to_lowercase();
    known
        .iter()
        .map(|&candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|&(likeness, _)| likeness >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [Parameter; 3] = [
        Parameter { name: "rows", default: Value::Int(12) },
        Parameter { name: "gravity", default: Value::Float(-10.0) },
        Parameter { name: "continuous", default: Value::Bool(false) },
    ];

    fn parse(name: &str, value: Value) -> Result<Arguments, EnvError> {
        Arguments::parse("keyword argument", "Env-v0", &PARAMETERS, &[(name.to_string(), value)])
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let arguments = parse("rows", Value::Int(3)).unwrap();
        assert_eq!(
            (arguments.int("rows"), arguments.float("gravity"), arguments.bool("continuous")),
            (3, -10.0, false)
        );
    }

    #[test]
    fn an_int_widens_to_a_number_and_nothing_else_converts() {
        assert_eq!(parse("gravity", Value::Int(-9)).unwrap().float("gravity"), -9.0);
        let messages: Vec<_> =
            [("rows", Value::Float(3.0)), ("rows", Value::Bool(true)), ("continuous", Value::Int(1))]
                .into_iter()
                .map(|(name, value)| parse(name, value).unwrap_err().to_string())
                .collect();
        assert_eq!(
            messages,
            [
                "Env-v0: keyword argument rows: expected an int, got a number (3.0)",
                "Env-v0: keyword argument rows: expected an int, got a bool (true)",
                "Env-v0: keyword argument continuous: expected a bool, got an int (1)",
            ]
        );
    }

    #[test]
    fn a_typo_is_answered_with_the_nearest_name() {
        let message = parse("gravty", Value::Float(1.0)).unwrap_err().to_string();
        let expected = "Env-v0: unknown keyword argument \"gravty\"; did you mean \"gravity\"? \
                        (known: rows, gravity, continuous)";
        assert_eq!(message, expected);
        // As like as 0.71 and 0.69.
        let message = parse("activity", Value::Float(1.0)).unwrap_err().to_string();
        assert!(message.contains("did you mean \"gravity\"?"), "{message}");
        for name in ["gap", "grow up", "wors"] {
            assert_eq!(nearest_name(name, &["gravity", "continuous"]), None, "{name}");
        }
        let message = parse("zzz", Value::Float(1.0)).unwrap_err().to_string();
        assert_eq!(message, "Env-v0: unknown keyword argument \"zzz\" (known: rows, gravity, continuous)");
        let none = Arguments::parse("reset option", "Env-v0", &[], &[("low".to_string(), Value::Int(0))]);
        assert_eq!(none.unwrap_err().to_string(), "Env-v0: expected no reset options, got \"low\"");
    }
}

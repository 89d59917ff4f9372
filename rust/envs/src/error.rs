//! The one error type of this crate.

use std::fmt;

/// Why an environment could not be made: an unknown name, or an argument out of its range.
///
/// The message is finished: it says what was expected and what was got.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EnvError {
    message: String,
}

impl EnvError {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }
}

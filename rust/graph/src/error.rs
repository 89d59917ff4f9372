//! Why a graph is refused.

use thiserror::Error;

/// A graph that is not played. The message names node or connection, what was expected and what was got; whose graph it is
/// is the caller's to say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct GraphError(pub(crate) String);

impl GraphError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

//! The one error type of this crate.

use lane_math::memory::OutOfMemory;
use std::any::Any;

/// Why an evaluation has no result. The message is finished; the questions below sort it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EngineError(Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("{0}")]
    Input(String),
    #[error(
        "individual {individual}, episode {episode}: expected finite weights and logits, got NaN or infinity"
    )]
    NonFinite { individual: usize, episode: usize },
    #[error("the evaluation was cancelled")]
    Cancelled,
    #[error("{0}")]
    OutOfMemory(OutOfMemory),
    #[error("internal error: a thread panicked: {0}")]
    Panicked(String),
}

impl EngineError {
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self(Kind::Input(message.into()))
    }

    pub(crate) fn non_finite_at(individual: usize, episode: usize) -> Self {
        Self(Kind::NonFinite { individual, episode })
    }

    pub(crate) fn cancelled() -> Self {
        Self(Kind::Cancelled)
    }

    pub(crate) fn out_of_memory(refused: OutOfMemory) -> Self {
        Self(Kind::OutOfMemory(refused))
    }

    /// What has been unwound for: the payload of a panic.
    pub fn unwound(payload: &(dyn Any + Send)) -> Self {
        if let Some(&refused) = payload.downcast_ref::<OutOfMemory>() {
            return Self::out_of_memory(refused);
        }
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(Kind::Panicked(text.unwrap_or_else(|| "no message".to_string())))
    }

    /// The individual and the episode in which weights or logits were not finite.
    pub fn non_finite(&self) -> Option<(usize, usize)> {
        match self.0 {
            Kind::NonFinite { individual, episode } => Some((individual, episode)),
            _ => None,
        }
    }

    /// The caller's `poll` asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Kind::Cancelled)
    }

    /// Memory that the call needs could not be had.
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self.0, Kind::OutOfMemory(_))
    }

    /// A bug in this library, not in what it was given.
    pub fn is_internal(&self) -> bool {
        matches!(self.0, Kind::Panicked(_))
    }
}

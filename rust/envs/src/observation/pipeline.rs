//! From what an environment shows in the steps of an episode to what is observed: images ([`Images`](super::images::Images))
//! and vectors ([`Vectors`](super::vectors::Vectors)) go the same way.

use crate::environment::View;

/// The wrappers with what they need while they work, which holds nothing from one call to the next. What is remembered of
/// an episode is in its memory.
pub(super) trait Pipeline: Clone + Send + Sync + 'static {
    /// What the wrappers remember of one episode.
    type Memory: Clone + Send + Sync + 'static;

    /// Values in an observation.
    fn observation_size(&self) -> usize;

    /// Steps of the environment per action.
    fn skip(&self) -> usize;

    /// Room for an episode.
    fn memory(&self) -> Self::Memory;

    /// Starts an episode; `draw` writes what the environment shows first.
    fn reset(&mut self, memory: &mut Self::Memory, draw: impl FnOnce(&mut [f32]));

    /// Counts a step of the environment; true if it is the last one that the time limit allows.
    fn is_at_limit(&self, memory: &mut Self::Memory) -> bool;

    /// After the environment's step number `index` of a skip: keeps what `draw` writes, if anyone will see it.
    fn look(&mut self, memory: &mut Self::Memory, index: usize, draw: impl FnOnce(&mut [f32]));

    /// Ends a step: the largest of what was seen takes the place of the oldest in the stack.
    fn push(&mut self, memory: &mut Self::Memory);

    /// Writes the observation, the oldest of the stack first.
    fn observe(&self, memory: &Self::Memory, view: View, observation: &mut [f32]);
}

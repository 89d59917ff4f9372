//! Episodes whose physics is a world of Box2D, and groups of them: Python's part of a step lane by lane, Box2D's part for
//! all lanes together ([`planar::step_together`]). The scalar episode is the twin, and each environment has a test that
//! compares them bit for bit.
//!
//! An environment implements [`WorldEpisode`] beside [`Environment`], and says `with_groups(WorldGroup::boxed)` in its
//! `build`.

use crate::environment::{Action, Environment, Step};
use crate::episodes::{Advance, EpisodeGroup};
use crate::group::LaneGroup;
use lane_math::{Isa, LibmLanes};
use planar::World;

/// Steps per second, in all environments of gymnasium's `box2d`.
pub(crate) const FPS: f64 = 50.0;
/// Duration of a step, s.
pub(crate) const TIME_STEP: f64 = 1.0 / FPS;
/// Sweeps of the velocity solver per step.
const VELOCITY_ITERATIONS: u32 = 6 * 30;
/// Sweeps of the position solver per step, at most.
const POSITION_ITERATIONS: u32 = 2 * 30;

/// An episode around one world. Its step is [`begin_step`](Self::begin_step), the world's step, [`end_step`](Self::end_step).
pub(crate) trait WorldEpisode: Environment + AsMut<World> + Clone + 'static {
    /// Values in an observation.
    const OBSERVED: usize;
    /// Values of a continuous action.
    const DIMENSIONS: usize;

    /// What happens before the world's step.
    fn begin_step(&mut self, action: Action<'_>);

    /// What happens after it.
    fn end_step(&mut self) -> Step;

    /// Makes this a copy of another episode of the same environment, in the memory that it has.
    fn copy_from(&mut self, source: &Self);

    /// The world's step.
    fn step_world(&mut self) {
        self.as_mut().step(TIME_STEP as f32, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
    }

    /// [`Environment::step`] of such an episode.
    fn step_alone(&mut self, action: Action<'_>) -> Step {
        self.begin_step(action);
        self.step_world();
        self.end_step()
    }
}

/// A group of episodes whose worlds are stepped together.
pub(crate) type WorldGroup<E> = EpisodeGroup<E, Together>;

/// On this instruction set.
pub(crate) struct Together(Isa);

impl<E: WorldEpisode> Advance<E> for Together {
    const KEEPS_RESETS: bool = true;

    fn copy(from: &E, to: &mut E) {
        to.copy_from(from);
    }

    fn advance<'a>(
        &self,
        episodes: &mut [E],
        actions: impl Iterator<Item = Action<'a>>,
        record: impl FnMut(Step),
    ) {
        episodes.iter_mut().zip(actions).for_each(|(episode, action)| episode.begin_step(action));
        planar::step_together(self.0, episodes, TIME_STEP as f32, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
        episodes.iter_mut().map(E::end_step).for_each(record);
    }
}

impl<E: WorldEpisode> LaneGroup<E> for WorldGroup<E> {
    fn new(prototype: &E, lanes: usize, isa: Isa, _libm: LibmLanes) -> Self {
        Self::advancing(Together(isa), prototype, lanes, E::OBSERVED, E::DIMENSIONS)
    }
}

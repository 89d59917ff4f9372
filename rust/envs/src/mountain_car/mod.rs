//! MountainCar-v0 and MountainCarContinuous-v0: a car in a valley, whose engine is too weak for the slope. What both have in
//! common is here: the valley, the reset options, and groups, which compute the cosines of all lanes together.

mod continuous;
mod discrete;
mod number;

pub(crate) use continuous::ENTRY as CONTINUOUS_ENTRY;
#[cfg(test)]
pub(crate) use continuous::MountainCarContinuous;
pub(crate) use discrete::ENTRY;
#[cfg(test)]
pub(crate) use discrete::MountainCar;

use crate::arguments::{Parameter, Value};
use crate::environment::{Action, Environment, Step};
use crate::episodes::{Advance, EpisodeGroup};
use crate::group::LaneGroup;
use lane_math::{Isa, LibmLanes};

/// Where the valley ends on the left, and on the right.
const POSITION_BOUNDS: [f64; 2] = [-1.2, 0.6];
/// The greatest speed, per step.
const MAX_SPEED: f64 = 0.07;
/// Gravity, per step: what the slope, a cosine, is multiplied with.
const GRAVITY: f64 = 0.0025;
/// The slope at a position p is the cosine of so many times p.
const HILLS: f64 = 3.0;
/// Values in an observation.
const OBSERVED: usize = 2;
/// The names of the values of an observation.
const OBSERVATION_FIELDS: [&str; OBSERVED] = ["position", "velocity"];
/// The default bounds of the uniform start position.
const START_BOUNDS: [f64; 2] = [-0.6, -0.4];
const RESET_OPTIONS: &[Parameter] = &[
    Parameter { name: "low", default: Value::Float(START_BOUNDS[0]) },
    Parameter { name: "high", default: Value::Float(START_BOUNDS[1]) },
];
/// The velocity that the car must have at the flag.
const KWARGS: &[Parameter] = &[Parameter { name: "goal_velocity", default: Value::Float(0.0) }];

/// An episode in the valley. Its step is [`angle`](Self::angle), the cosine of it, [`finish_step`](Self::finish_step).
trait ValleyEpisode: Environment + Clone + 'static {
    /// Values of a continuous action.
    const DIMENSIONS: usize;

    /// The angle whose cosine is the slope, rad.
    fn angle(&self) -> f64;

    /// The rest of a step.
    fn finish_step(&mut self, action: Action<'_>, slope: f64) -> Step;
}

/// A group of episodes whose cosines are computed together. The scalar episode is its twin, and tests compare them bit for
/// bit.
type ValleyGroup<E> = EpisodeGroup<E, Slopes>;

/// How cosines are computed.
struct Slopes {
    isa: Isa,
    libm: LibmLanes,
}

impl<E: ValleyEpisode> Advance<E> for Slopes {
    fn advance<'a>(
        &self,
        episodes: &mut [E],
        mut actions: impl Iterator<Item = Action<'a>>,
        mut record: impl FnMut(Step),
    ) {
        /// Cosines that are computed together.
        const TOGETHER: usize = 16;
        for episodes in episodes.chunks_mut(TOGETHER) {
            let mut slopes = [0.0; TOGETHER];
            for (angle, episode) in slopes.iter_mut().zip(&*episodes) {
                *angle = episode.angle();
            }
            self.libm.cos_in_place(self.isa, &mut slopes[..episodes.len()]);
            for ((episode, slope), action) in episodes.iter_mut().zip(slopes).zip(&mut actions) {
                record(episode.finish_step(action, slope));
            }
        }
    }
}

impl<E: ValleyEpisode> LaneGroup<E> for ValleyGroup<E> {
    fn new(prototype: &E, lanes: usize, isa: Isa, libm: LibmLanes) -> Self {
        Self::advancing(Slopes { isa, libm }, prototype, lanes, OBSERVED, E::DIMENSIONS)
    }
}

//! Wind and turbulence: a force and a torque on the hull that never repeat.

use lane_math::libm;
use numpy_rng::Generator;
use planar::{BodyId, Vec2, World};
use std::f64::consts::PI;

/// The bound of the first indices, both ways.
const FIRST_INDEX: i64 = 9999;

/// The state of the wind.
#[derive(Clone, Debug)]
pub(super) struct Wind {
    /// The largest force (N) and the largest torque (N m).
    powers: [f64; 2],
    /// How far the gusts of each have advanced, steps.
    pub(super) indices: [i64; 2],
}

impl Wind {
    pub(super) fn new(powers: [f64; 2]) -> Self {
        Self { powers, indices: [0; 2] }
    }

    /// Begins an episode.
    pub(super) fn draw(&mut self, rng: &mut Generator) {
        self.indices = [(); 2].map(|()| rng.integers(-FIRST_INDEX, FIRST_INDEX));
    }

    /// One step of wind.
    pub(super) fn blow(&mut self, world: &mut World, hull: BodyId) {
        let [force, torque] = [0, 1].map(|kind| (gust(self.indices[kind]) * self.powers[kind]) as f32);
        self.indices = self.indices.map(|index| index + 1);
        world.apply_force_to_center(hull, Vec2::new(force, 0.0), true);
        world.apply_torque(hull, torque, true);
    }
}

/// `tanh(sin(2 k t) + sin(pi k t))` with k = 0.01, in the reference's order of operations.
fn gust(index: i64) -> f64 {
    let time = index as f64;
    libm::tanh(libm::sin(0.02 * time) + libm::sin(PI * 0.01 * time))
}

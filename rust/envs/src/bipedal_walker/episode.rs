//! The episode: its state, reset, step and observation.

use super::motors::{Drive, MOTORS};
use super::scene::{self, GROUND_CATEGORY, Shapes, Walker};
use super::terrain::{GRASS, POINTS, STEP, Terrain};
use super::{FALL_REWARD, GRAVITY, INITIAL_FORCE, LIDAR_RANGE, OBSERVED, RAYS, SCALE, view};
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::worlds::{FPS, WorldEpisode};
use lane_math::libm;
use numpy_rng::Generator;
use planar::{Vec2, World};

/// The width and the height of the reference's picture, m: they scale velocities.
const VIEW: [f64; 2] = [600.0 / SCALE, 400.0 / SCALE];
/// Where the ground's last stretch begins, m.
const FINISH: f64 = (POINTS - GRASS) as f64 * STEP;
/// The rated speeds of hips and knees, rad/s.
const HIP_SPEED: f64 = 4.0;
const KNEE_SPEED: f64 = 6.0;

/// One episode.
#[derive(Clone)]
pub(crate) struct BipedalWalker {
    hardcore: bool,
    shapes: Shapes,
    /// What each ray of the lidar reaches sideways and down, m.
    ways: [[f64; 2]; RAYS],
    rng: Generator,
    pub(super) terrain: Terrain,
    /// A world with nothing in it, from which every reset starts.
    empty: World,
    pub(super) world: World,
    pub(super) walker: Walker,
    /// Which feet stand on the ground, as the contact events have it.
    pub(super) ground_contact: [bool; 2],
    /// The hull has touched the ground in this episode.
    pub(super) has_fallen: bool,
    /// What the motors do in the step under way.
    drive: Drive,
    /// The potential whose difference is the reward. Nobody sees the reward of a reset's own step, so what it is before that
    /// does not matter.
    pub(super) shaping: f64,
    /// The observation in float64.
    observed: [f64; OBSERVED],
}

impl BipedalWalker {
    pub(super) fn new(hardcore: bool) -> Self {
        let empty = World::new(Vec2::new(0.0, GRAVITY));
        let (shapes, mut world) = (Shapes::new(), empty.clone());
        let walker = scene::build(&mut world, &shapes, 0.0);
        let way = |ray: usize| {
            let angle = 1.5 * ray as f64 / 10.0;
            [libm::sin(angle) * LIDAR_RANGE, libm::cos(angle) * LIDAR_RANGE]
        };
        Self {
            hardcore,
            shapes,
            ways: std::array::from_fn(way),
            rng: Generator::from_seed(0),
            terrain: Terrain::default(),
            empty,
            world,
            walker,
            ground_contact: [false; 2],
            has_fallen: false,
            drive: Drive::OFF,
            shaping: 0.0,
            observed: [0.0; OBSERVED],
        }
    }

    fn set_motors(&mut self, drive: Drive) {
        self.drive = drive;
        for (motor, &joint) in self.walker.joints.iter().enumerate() {
            self.world.set_motor_speed(joint, drive.speeds[motor]);
            self.world.set_max_motor_torque(joint, drive.torques[motor]);
        }
    }

    /// Takes in the contact events of the step, in their order. A foot that leaves one part of the ground counts as lifted,
    /// even if it still touches the next.
    fn listen(&mut self) {
        for event in self.world.contact_events() {
            let touches = |fixture| event.fixture_a == fixture || event.fixture_b == fixture;
            self.has_fallen |= event.touching && touches(self.walker.hull_fixture);
            for (contact, &foot) in self.ground_contact.iter_mut().zip(&self.walker.foot_fixtures) {
                if touches(foot) {
                    *contact = event.touching;
                }
            }
        }
    }

    /// Hull, both legs, lidar.
    fn look(&self) -> [f64; OBSERVED] {
        let hull = self.world.body(self.walker.hull);
        let velocity = hull.linear_velocity();
        let [angles, speeds] = self.joint_values();
        let standing = self.ground_contact.map(f64::from);
        let fractions = self.scan();
        let mut observed = [0.0; OBSERVED];
        let (body, lidar) = observed.split_at_mut(OBSERVED - RAYS);
        body.copy_from_slice(&[
            f64::from(hull.angle()),
            2.0 * f64::from(hull.angular_velocity()) / FPS,
            0.3 * f64::from(velocity.x) * VIEW[0] / FPS,
            0.3 * f64::from(velocity.y) * VIEW[1] / FPS,
            angles[0],
            speeds[0] / HIP_SPEED,
            angles[1] + 1.0,
            speeds[1] / KNEE_SPEED,
            standing[0],
            angles[2],
            speeds[2] / HIP_SPEED,
            angles[3] + 1.0,
            speeds[3] / KNEE_SPEED,
            standing[1],
        ]);
        lidar.copy_from_slice(&fractions);
        observed
    }

    /// The joints' angles and speeds.
    fn joint_values(&self) -> [[f64; MOTORS]; 2] {
        let joints = self.walker.joints;
        [
            joints.map(|joint| f64::from(self.world.joint_angle(joint))),
            joints.map(|joint| f64::from(self.world.joint_speed(joint))),
        ]
    }

    /// How far the lidar's rays reach, 1 where they meet nothing.
    fn scan(&self) -> [f64; RAYS] {
        let from = self.world.body(self.walker.hull).position();
        let ends = self.ways.map(|[aside, down]| {
            Vec2::new((f64::from(from.x) + aside) as f32, (f64::from(from.y) - down) as f32)
        });
        let sees = |fixture| self.world.fixture(fixture).filter().category & GROUND_CATEGORY != 0;
        self.world.cast_rays(from, ends, sees).map(|fraction| fraction.map_or(1.0, f64::from))
    }
}

impl AsMut<World> for BipedalWalker {
    fn as_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl WorldEpisode for BipedalWalker {
    const OBSERVED: usize = OBSERVED;
    const DIMENSIONS: usize = MOTORS;

    fn copy_from(&mut self, source: &Self) {
        let Self {
            hardcore: _,
            shapes: _,
            ways: _,
            rng,
            terrain,
            empty: _,
            world,
            walker,
            ground_contact,
            has_fallen,
            drive,
            shaping,
            observed,
        } = self;
        rng.clone_from(&source.rng);
        terrain.clone_from(&source.terrain);
        world.clone_from(&source.world);
        walker.clone_from(&source.walker);
        *ground_contact = source.ground_contact;
        *has_fallen = source.has_fallen;
        *drive = source.drive;
        *shaping = source.shaping;
        *observed = source.observed;
    }

    fn begin_step(&mut self, action: Action<'_>) {
        self.set_motors(Drive::of(action));
    }

    /// Contacts, observation, reward.
    fn end_step(&mut self) -> Step {
        self.listen();
        self.observed = self.look();
        let x = f64::from(self.world.body(self.walker.hull).position().x);
        let forward = 130.0 * x / SCALE;
        let shaping = forward - 5.0 * self.observed[0].abs();
        let gained = shaping - self.shaping;
        self.shaping = shaping;
        let mut step = Step { reward: self.drive.taken_from(gained), terminated: false, truncated: false };
        if self.has_fallen || x < 0.0 {
            (step.reward, step.terminated) = (FALL_REWARD, true);
        }
        step.terminated |= self.has_finished();
        step
    }
}

impl BipedalWalker {
    /// The hull is past the last obstacle.
    pub(super) fn has_finished(&self) -> bool {
        f64::from(self.world.body(self.walker.hull).position().x) > FINISH
    }
}

impl Environment for BipedalWalker {
    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        self.terrain.draw(&mut self.rng, self.hardcore);
        let push = self.rng.uniform(-INITIAL_FORCE, INITIAL_FORCE);
        self.world.clone_from(&self.empty);
        self.terrain.build(&mut self.world);
        self.walker = scene::build(&mut self.world, &self.shapes, push);
        self.ground_contact = [false; 2];
        self.has_fallen = false;
        self.set_motors(Drive::OFF);
        self.step_world();
        self.end_step();
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.step_alone(action)
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        for (shown, value) in observation.iter_mut().zip(self.observed) {
            *shown = value as f32;
        }
    }

    fn events(&self, events: &mut [f64]) {
        events.copy_from_slice(&[self.has_fallen, self.has_finished()].map(f64::from));
    }

    fn state(&self) -> Vec<StateField> {
        view::fields(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::compare;
    use crate::worlds::WorldGroup;
    use proptest::prelude::*;

    proptest! {
        // 200 steps of some 20 microseconds in up to 11 lanes and their twins, four times over.
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=11,
            seed in 0_u64..1 << 40,
            hardcore in any::<bool>(),
        ) {
            compare::<_, WorldGroup<_>>(&BipedalWalker::new(hardcore), lanes, seed);
        }
    }

    #[test]
    fn a_reset_after_a_fall_has_not_fallen() {
        let mut episode = BipedalWalker::new(false);
        episode.reset(Some(0));
        while !episode.has_fallen {
            episode.step(Action::Continuous(&[1.0, 1.0, 1.0, 1.0]));
        }
        episode.reset(None);
        assert!(!episode.has_fallen && episode.ground_contact == [true; 2]);
        assert!(!episode.step(Action::Continuous(&[0.0; 4])).terminated);
    }

    /// Thrown through the air: an episode ends left of the start, and where the last grass begins.
    #[test]
    fn an_episode_ends_at_both_ends_of_the_ground() {
        for (direction, end, reward) in [(-1.0, 0.0, Some(FALL_REWARD)), (1.0, FINISH, None)] {
            let mut episode = BipedalWalker::new(false);
            episode.reset(Some(3));
            let parts = [episode.walker.hull].into_iter().chain(episode.walker.legs).collect::<Vec<_>>();
            let step = (0..500).find_map(|_| {
                for &part in &parts {
                    episode.world.set_linear_velocity(part, Vec2::new(direction * 20.0, 5.0));
                }
                let step = episode.step(Action::Continuous(&[0.0; 4]));
                let x = f64::from(episode.world.body(episode.walker.hull).position().x);
                assert_eq!(step.terminated, (x - end) * f64::from(direction) > 0.0);
                step.terminated.then_some(step)
            });
            let step = step.expect("it reaches the end");
            assert!(!episode.has_fallen);
            assert_eq!(episode.has_finished(), direction > 0.0);
            assert_eq!((step.reward == FALL_REWARD).then_some(step.reward), reward);
        }
    }
}

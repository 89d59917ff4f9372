//! The episode: its state, reset, step and observation.

use super::engines::{self, Throttle};
use super::scene::{self, Craft, PAD_HEIGHT, Shapes};
use super::view;
use super::wind::Wind;
use super::{HEIGHT, INITIAL_FORCE, LEG_DOWN, MAIN_ENGINE_COST, OBSERVED, SCALE, SIDE_ENGINE_COST, WIDTH};
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::worlds::{FPS, WorldEpisode};
use numpy_rng::Generator;
use planar::{Vec2, World};

/// One episode.
#[derive(Clone)]
pub(crate) struct LunarLander {
    pub(super) wind: Option<Wind>,
    shapes: Shapes,
    rng: Generator,
    /// A world with the episode's gravity and nothing in it, from which every reset starts.
    empty: World,
    pub(super) world: World,
    pub(super) craft: Craft,
    /// Which legs stand on the ground, as the contact events have it.
    pub(super) ground_contact: [bool; 2],
    /// The hull has touched the ground in this episode.
    pub(super) has_crashed: bool,
    /// What the engines do in the step under way.
    throttle: Throttle,
    /// The potential whose difference is the reward. Nobody sees the reward of a reset's own step, so what it is before that
    /// does not matter.
    pub(super) shaping: f64,
    /// The observation in float64.
    observed: [f64; OBSERVED],
}

impl LunarLander {
    pub(super) fn new(gravity: f32, wind: Option<Wind>) -> Self {
        let empty = World::new(Vec2::new(0.0, gravity));
        let mut world = empty.clone();
        let shapes = Shapes::new();
        let craft = scene::build(&mut world, &shapes, &[0.0; scene::HEIGHTS]);
        Self {
            wind,
            shapes,
            rng: Generator::from_seed(0),
            empty,
            world,
            craft,
            ground_contact: [false; 2],
            has_crashed: false,
            throttle: Throttle::OFF,
            shaping: 0.0,
            observed: [0.0; OBSERVED],
        }
    }

    /// Wind, then engines.
    fn push(&mut self, throttle: Throttle) {
        self.throttle = throttle;
        let in_flight = !self.ground_contact.contains(&true);
        if let Some(wind) = self.wind.as_mut().filter(|_| in_flight) {
            wind.blow(&mut self.world, self.craft.hull);
        }
        let dispersion = [(); 2].map(|()| self.rng.uniform(-1.0, 1.0) / SCALE);
        engines::fire(&mut self.world, self.craft.hull, throttle, dispersion);
    }

    /// Takes in the contact events of the step, in their order. A leg that leaves one edge of the ground counts as
    /// lifted, even if it still touches the next.
    fn listen(&mut self) {
        for event in self.world.contact_events() {
            let touches = |fixture| event.fixture_a == fixture || event.fixture_b == fixture;
            self.has_crashed |= event.touching && touches(self.craft.hull_fixture);
            for (contact, &leg) in self.ground_contact.iter_mut().zip(&self.craft.leg_fixtures) {
                if touches(leg) {
                    *contact = event.touching;
                }
            }
        }
    }

    /// Position and velocity relative to the pad and in the reference's units, angle (rad), angular velocity, and the
    /// legs' contacts as 0 or 1.
    fn look(&self) -> [f64; OBSERVED] {
        let hull = self.world.body(self.craft.hull);
        let (position, velocity) = (hull.position(), hull.linear_velocity());
        let standing = self.ground_contact.map(|contact| if contact { 1.0 } else { 0.0 });
        [
            (f64::from(position.x) - WIDTH / 2.0) / (WIDTH / 2.0),
            (f64::from(position.y) - (PAD_HEIGHT + LEG_DOWN)) / (HEIGHT / 2.0),
            f64::from(velocity.x) * (WIDTH / 2.0) / FPS,
            f64::from(velocity.y) * (HEIGHT / 2.0) / FPS,
            f64::from(hull.angle()),
            20.0 * f64::from(hull.angular_velocity()) / FPS,
            standing[0],
            standing[1],
        ]
    }
}

/// The craft's centre has reached a side of the picture.
fn is_out_of_view(x: f64) -> bool {
    x.abs() >= 1.0
}

/// Nearer, slower and more upright is better, and so is each leg on the ground.
fn shaping_of(observed: &[f64; OBSERVED]) -> f64 {
    let [x, y, x_velocity, y_velocity, angle, _, first_leg, second_leg] = *observed;
    -100.0 * (x * x + y * y).sqrt()
        - 100.0 * (x_velocity * x_velocity + y_velocity * y_velocity).sqrt()
        - 100.0 * angle.abs()
        + 10.0 * first_leg
        + 10.0 * second_leg
}

impl AsMut<World> for LunarLander {
    fn as_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl WorldEpisode for LunarLander {
    const OBSERVED: usize = OBSERVED;
    const DIMENSIONS: usize = 2;

    fn copy_from(&mut self, source: &Self) {
        let Self {
            wind,
            shapes: _,
            rng,
            empty: _,
            world,
            craft,
            ground_contact,
            has_crashed,
            throttle,
            shaping,
            observed,
        } = self;
        wind.clone_from(&source.wind);
        rng.clone_from(&source.rng);
        world.clone_from(&source.world);
        craft.clone_from(&source.craft);
        *ground_contact = source.ground_contact;
        *has_crashed = source.has_crashed;
        *throttle = source.throttle;
        *shaping = source.shaping;
        *observed = source.observed;
    }

    fn begin_step(&mut self, action: Action<'_>) {
        self.push(Throttle::of(action));
    }

    /// Contacts, observation, reward.
    fn end_step(&mut self) -> Step {
        self.listen();
        self.observed = self.look();
        let shaping = shaping_of(&self.observed);
        let gained = shaping - self.shaping;
        self.shaping = shaping;
        let reward = gained - self.throttle.main * MAIN_ENGINE_COST - self.throttle.side * SIDE_ENGINE_COST;
        let mut step = Step { reward, terminated: false, truncated: false };
        if self.has_crashed || is_out_of_view(self.observed[0]) {
            (step.reward, step.terminated) = (-100.0, true);
        }
        if !self.world.body(self.craft.hull).is_awake() {
            (step.reward, step.terminated) = (100.0, true);
        }
        step
    }
}

impl Environment for LunarLander {
    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        let heights = [(); scene::HEIGHTS].map(|()| self.rng.uniform(0.0, HEIGHT / 2.0));
        let force = [(); 2].map(|()| self.rng.uniform(-INITIAL_FORCE, INITIAL_FORCE) as f32);
        if let Some(wind) = &mut self.wind {
            wind.draw(&mut self.rng);
        }
        self.world.clone_from(&self.empty);
        self.craft = scene::build(&mut self.world, &self.shapes, &heights);
        self.world.apply_force_to_center(self.craft.hull, Vec2::new(force[0], force[1]), true);
        self.ground_contact = [false; 2];
        self.has_crashed = false;
        self.push(Throttle::OFF);
        self.step_world();
        self.end_step();
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.step_alone(action)
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        observation.copy_from_slice(&self.observed.map(|value| value as f32));
    }

    fn events(&self, events: &mut [f64]) {
        let is_asleep = !self.world.body(self.craft.hull).is_awake();
        let flags = [self.ground_contact.contains(&true), self.has_crashed, is_asleep];
        events.copy_from_slice(&flags.map(f64::from));
    }

    fn state(&self) -> Vec<StateField> {
        view::fields(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::{Kind, compare_kind};
    use crate::worlds::WorldGroup;
    use proptest::prelude::*;

    proptest! {
        // 200 steps of some 10 microseconds in up to 11 lanes and their twins, four times over.
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=11,
            seed in 0_u64..1 << 40,
            gravity in -11.9_f32..-0.5,
            powers in proptest::option::of([-30.0_f64..30.0, -4.0_f64..4.0]),
            continuous in any::<bool>(),
        ) {
            let prototype = LunarLander::new(gravity, powers.map(Wind::new));
            let kind = if continuous { Kind::Continuous(2) } else { Kind::Discrete(4) };
            compare_kind::<_, WorldGroup<_>>(&prototype, kind, lanes, seed);
        }
    }

    #[test]
    fn the_view_ends_at_one() {
        for x in [1.0, 1.005, 1.5, f64::INFINITY] {
            assert!(is_out_of_view(x) && is_out_of_view(-x), "{x}");
        }
        for x in [0.0, 0.99, 1.0_f64.next_down(), f64::NAN] {
            assert!(!is_out_of_view(x) && !is_out_of_view(-x), "{x}");
        }
    }

    /// Drifts over a side of the picture: the step that crosses it ends the episode, whose reward is that of a crash.
    #[test]
    fn the_first_step_out_of_view_ends_the_episode() {
        let mut hardly_outside = 0;
        for seed in 0..40 {
            let mut episode = LunarLander::new(-0.5, None);
            episode.reset(Some(seed));
            let step = loop {
                let step = episode.step(Action::Discrete(2));
                let is_outside = episode.observed[0].abs() >= 1.0;
                assert_eq!(step.terminated, is_outside || episode.has_crashed, "seed {seed}");
                if step.terminated {
                    break step;
                }
            };
            assert_eq!(step.reward, -100.0);
            hardly_outside += usize::from((1.0..1.01).contains(&episode.observed[0].abs()));
        }
        assert!(hardly_outside > 3, "only {hardly_outside} episodes ended within a hundredth of the side");
    }

    #[test]
    fn a_reset_after_a_crash_has_not_crashed() {
        let mut episode = LunarLander::new(-11.0, None);
        episode.reset(Some(0));
        while !episode.has_crashed {
            episode.step(Action::Discrete(0));
        }
        episode.reset(None);
        assert!(!episode.has_crashed);
        assert!(!episode.step(Action::Discrete(0)).terminated);
    }
}

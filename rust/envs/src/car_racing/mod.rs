//! CarRacing-v3, as gymnasium 1.4.0 plays it (`box2d/car_racing.py`, `box2d/car_dynamics.py`) on Box2D 2.3.10 and
//! pygame-ce 2.5.8.
//!
//! EXACT: observation, reward and termination, `continuous` or discrete, with `domain_randomize` and any
//! `lap_complete_percent`, from reset to any number of steps past the end, compared with a fresh environment for each
//! episode. What the reference computes in Python is float64 here; numbers become float32 where they enter Box2D, whose
//! part is played by [`planar`]; what it draws with pygame is drawn by [`raster`]. The random stream gives the colours if
//! they are random (three for the road, three for the field, and which of the latter is changed for the grass), then 24
//! numbers for every attempt at a track. A reset plays one step without a driver, so the first observation is that of a
//! world that has already moved, and the tiles under the wheels at the start are paid for in the first real step.
//!
//! An action is taken as it is, in float64: steering is not clipped, gas is clipped to 0..1, a brake of 0.9 or more locks the wheels.
//! The score in the picture is the return before this step's time penalty.
//!
//! DIFFERENCE: the reference keeps its Box2D world from one reset to the next, and with it the order in which ids are
//! given out again; here every episode has a world of its own. With `randomize` false both keep the colours of the episode
//! before; a fresh environment of the reference has drawn some from a stream that nobody can seed, here its colours are
//! the standard ones. If the gas is NaN, the reference raises while it draws; here the episode goes on. `verbose` and the
//! rendering for people do not exist.

mod car;
mod palette;
mod path;
mod picture;
mod road;
mod scene;
#[cfg(test)]
mod tests;
mod track;
mod view;

use crate::arguments::{Arguments, Parameter, Value};
use crate::entry::Entry;
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::error::EnvError;
use crate::group::LaneGroup;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use crate::worlds::{TIME_STEP, WorldEpisode, WorldGroup};
use car::{Car, Controls, Shapes};
use numpy_rng::Generator;
use palette::Palette;
use planar::{Vec2, World};
use road::Road;

/// Pixels of the reference's drawings per metre: its lengths are in pixels.
const SCALE: f64 = 6.0;
/// From the middle of the playfield to its borders, m.
const PLAYFIELD: f64 = 2000.0 / SCALE;
/// Values in an observation.
const OBSERVED: usize = raster::FRAME_BYTES;
/// What a step costs.
const STEP_COST: f64 = 0.1;
/// What all tiles together are worth.
const TRACK_REWARD: f64 = 1000.0;
/// The reward of the step that leaves the playfield.
const LEAVING_REWARD: f64 = -100.0;
/// How far each discrete action turns the steering wheel to a side, opens the gas, and presses the brake.
const DISCRETE_STEER: f64 = 0.6;
const DISCRETE_GAS: f64 = 0.2;
const DISCRETE_BRAKE: f64 = 0.8;

/// What happened in a step: how many tiles of the road were visited for the first time, and 0 or 1 for a finished lap
/// (the reference's `info["lap_finished"]`).
const EVENT_FIELDS: [&str; 2] = ["new_tiles", "lap_finished"];

/// The registry's entry.
pub(crate) const ENTRY: Entry = Entry {
    id: "CarRacing-v3",
    short_name: "carracing",
    summary: "drive a lap, seeing pixels from above",
    max_episode_steps: Some(1000),
    default_policy: "cnn:3x96x96-16k8s4-32k4s2-64-3",
    kwargs: &[
        Parameter { name: "lap_complete_percent", default: Value::Float(0.95) },
        Parameter { name: "domain_randomize", default: Value::Bool(false) },
        Parameter { name: "continuous", default: Value::Bool(true) },
    ],
    reset_options: &[Parameter { name: "randomize", default: Value::Bool(true) }],
    variant_of: None,
    build,
};

/// What fits the action space where it is not continuous, in place of the entry's policy.
const DISCRETE_POLICY: &str = "cnn:3x96x96-16k8s4-32k4s2-64-5";

fn build(kwargs: &Arguments, reset_options: &Arguments) -> Result<Box<dyn Spec>, EnvError> {
    let mut prototype = CarRacing::new(kwargs.float("lap_complete_percent"), kwargs.bool("domain_randomize"));
    prototype.set_reset_options(reset_options)?;
    let side = raster::FRAME_SIDE;
    let observation_space = ObservationSpace { shape: vec![side, side, 3], dtype: ObservationDtype::U8 };
    let spec = if kwargs.bool("continuous") {
        let action_space = ActionSpace::Box { low: vec![-1.0, 0.0, 0.0], high: vec![1.0; 3] };
        PrototypeSpec::new(prototype, observation_space, action_space)
    } else {
        PrototypeSpec::new(prototype, observation_space, ActionSpace::Discrete(5))
            .with_default_policy(DISCRETE_POLICY)
    };
    Ok(Box::new(spec.with_groups(WorldGroup::boxed).with_event_fields(&EVENT_FIELDS)))
}

/// What an action does. Discrete ones: nothing, steer right, steer left, gas, brake.
fn controls(action: Action<'_>) -> Controls {
    match action {
        Action::Discrete(index) => {
            let if_chosen = |number, value| if index == number { value } else { 0.0 };
            Controls {
                steer: if_chosen(1, -DISCRETE_STEER) + if_chosen(2, DISCRETE_STEER),
                gas: if_chosen(3, DISCRETE_GAS),
                brake: if_chosen(4, DISCRETE_BRAKE),
            }
        }
        action => Controls { steer: -action.value(0), gas: action.value(1), brake: action.value(2) },
    }
}

/// One episode.
#[derive(Clone)]
pub(crate) struct CarRacing {
    /// The part of the tiles that must have been visited for a lap to count when the first tile is.
    lap_complete_percent: f64,
    has_random_colours: bool,
    /// A reset draws new colours, where they are random; else those of the episode before stay.
    draws_colours: bool,
    rng: Generator,
    shapes: Shapes,
    palette: Palette,
    world: World,
    road: Road,
    car: Car,
    /// Seconds since the reset, summed up step by step.
    time: f64,
    /// The return so far, as the reference sums it up.
    total_reward: f64,
    /// What of it the steps before have been paid.
    paid_reward: f64,
    /// The return that the picture shows.
    shown_reward: f64,
}

impl CarRacing {
    fn new(lap_complete_percent: f64, has_random_colours: bool) -> Self {
        let (shapes, mut world, mut road) = (Shapes::new(), World::new(Vec2::ZERO), Road::default());
        let mut rng = Generator::from_seed(0);
        let car = road.build(&mut world, &shapes, &mut rng);
        Self {
            lap_complete_percent,
            has_random_colours,
            draws_colours: true,
            rng,
            shapes,
            palette: Palette::STANDARD,
            world,
            road,
            car,
            time: 0.0,
            total_reward: 0.0,
            paid_reward: 0.0,
            shown_reward: 0.0,
        }
    }

    /// What happens after the world's step, up to the picture: the tiles that were reached, and time.
    fn look_around(&mut self) {
        self.road.listen(self.world.contact_events(), &mut self.car, self.lap_complete_percent);
        let tile_reward = TRACK_REWARD / self.road.tiles().len() as f64;
        for _ in 0..self.road.newly_visited() {
            self.total_reward += tile_reward;
        }
        self.time += TIME_STEP;
        self.shown_reward = self.total_reward;
    }

    /// The car is beyond the borders of the playfield.
    fn has_left(&self) -> bool {
        let position = self.world.body(self.car.hull).position();
        [position.x, position.y].into_iter().any(|part| f64::from(part).abs() > PLAYFIELD)
    }

    /// All tiles were visited, or enough of them and then the first.
    fn has_won(&self) -> bool {
        self.road.is_all_visited() || self.road.is_lap_complete()
    }
}

impl AsMut<World> for CarRacing {
    fn as_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl WorldEpisode for CarRacing {
    const OBSERVED: usize = OBSERVED;
    const DIMENSIONS: usize = 3;

    fn copy_from(&mut self, source: &Self) {
        let Self {
            lap_complete_percent: _,
            has_random_colours: _,
            draws_colours,
            rng,
            shapes: _,
            palette,
            world,
            road,
            car,
            time,
            total_reward,
            paid_reward,
            shown_reward,
        } = self;
        *draws_colours = source.draws_colours;
        rng.clone_from(&source.rng);
        palette.clone_from(&source.palette);
        world.clone_from(&source.world);
        road.clone_from(&source.road);
        car.clone_from(&source.car);
        *time = source.time;
        *total_reward = source.total_reward;
        *paid_reward = source.paid_reward;
        *shown_reward = source.shown_reward;
    }

    /// Driver, engine, brakes and tires.
    fn begin_step(&mut self, action: Action<'_>) {
        self.car.control(controls(action));
        self.car.push(&mut self.world);
    }

    /// The tiles that were reached, and the reward.
    fn end_step(&mut self) -> Step {
        self.look_around();
        self.total_reward -= STEP_COST;
        let reward = self.total_reward - self.paid_reward;
        self.paid_reward = self.total_reward;
        let has_left = self.has_left();
        Step {
            reward: if has_left { LEAVING_REWARD } else { reward },
            terminated: has_left || self.has_won(),
            truncated: false,
        }
    }
}

impl Environment for CarRacing {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        self.draws_colours = options.bool("randomize");
        Ok(())
    }

    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        if self.has_random_colours && self.draws_colours {
            self.palette = Palette::draw(&mut self.rng);
        }
        // Keeps the memory of the world before.
        self.world.clone_from(&World::new(Vec2::ZERO));
        self.car = self.road.build(&mut self.world, &self.shapes, &mut self.rng);
        (self.time, self.total_reward, self.paid_reward) = (0.0, 0.0, 0.0);
        // A step without a driver.
        self.car.push(&mut self.world);
        self.step_world();
        self.look_around();
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.step_alone(action)
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        picture::paint(self, view, observation);
    }

    fn events(&self, events: &mut [f64]) {
        let new_tiles = self.road.newly_visited() as f64;
        events.copy_from_slice(&[new_tiles, f64::from(self.has_won() && !self.has_left())]);
    }

    fn state(&self) -> Vec<StateField> {
        view::fields(self)
    }
}

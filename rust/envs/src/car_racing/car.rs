//! The car: a hull on four wheels, each on a joint that steers; engine, brakes and tires.
//!
//! What the reference computes in Python is float64 here, from the float32 numbers of the physics, and becomes float32
//! again where it goes back as a motor's speed or a force. Wheels do not roll in the physics: their turning is a number
//! of its own, and tires push the bodies that stand for them.

use super::path::Node;
use crate::sign::sign;
use crate::worlds::TIME_STEP;
use lane_math::libm;
use planar::{
    BodyDef, BodyId, BodyKind, Filter, FixtureDef, FixtureId, JointId, RevoluteJointDef, Shape, Vec2, World,
};

/// Metres per unit of the drawing that the car is made from.
const SIZE: f64 = 0.02;
/// W.
const ENGINE_POWER: f64 = 100_000_000.0 * SIZE * SIZE;
/// kg m^2.
const WHEEL_MOMENT_OF_INERTIA: f64 = 4000.0 * SIZE * SIZE;
/// The most that a tire holds on the road, N.
const ROAD_GRIP: f64 = 1_000_000.0 * SIZE * SIZE;
/// The most that it holds beside the road, N.
const GRASS_GRIP: f64 = ROAD_GRIP * 0.6;
/// The force of a tire per speed of slip, N s/m, as long as it holds.
const TIRE_STIFFNESS: f64 = 205_000.0 * SIZE * SIZE;
/// How much a brake slows a wheel in a step at most, rad/s.
const BRAKE_STRENGTH: f64 = 15.0;
/// A brake as strong as this locks the wheel.
const LOCKING_BRAKE: f64 = 0.9;
/// The most that the gas grows in a step.
const GAS_RAMP: f64 = 0.1;
/// How fast wheels are steered: 1/s times the angle that is missing, and rad/s at most.
const STEERING_GAIN: f64 = 50.0;
const STEERING_SPEED: f64 = 3.0;
/// The most that a wheel can be steered, rad.
const STEERING_LIMIT: f32 = 0.4;
/// The torque of the steering motors, N m.
const STEERING_TORQUE: f64 = 180.0 * 900.0 * SIZE * SIZE;

/// Half the height and the width of a wheel seen from above, in units of the drawing.
const WHEEL_HALF_LENGTH: f64 = 27.0;
const WHEEL_HALF_WIDTH: f64 = 14.0;
/// m.
const WHEEL_RADIUS: f64 = WHEEL_HALF_LENGTH * SIZE;
/// Where the wheels are, in units of the drawing: front left, front right, rear left, rear right.
const WHEEL_PLACES: [[f64; 2]; 4] = [[-55.0, 80.0], [55.0, 80.0], [-55.0, -82.0], [55.0, -82.0]];
const FRONT: std::ops::Range<usize> = 0..2;
const REAR: std::ops::Range<usize> = 2..4;
/// Kg/m^2.
const WHEEL_DENSITY: f32 = 0.1;
const HULL_DENSITY: f32 = 1.0;
/// Wheels touch what is of category 1, as tiles and the hull are by default, but not each other.
const WHEEL_FILTER: Filter = Filter { category: 0x0020, mask: 0x0001, group: 0 };

/// The hull: front wing, nose, cockpit and rear wing, in units of the drawing.
const HULL: [&[[f64; 2]]; 4] = [
    &[[-60.0, 130.0], [60.0, 130.0], [60.0, 110.0], [-60.0, 110.0]],
    &[[-15.0, 120.0], [15.0, 120.0], [20.0, 20.0], [-20.0, 20.0]],
    &[
        [25.0, 20.0],
        [50.0, -10.0],
        [50.0, -40.0],
        [20.0, -90.0],
        [-20.0, -90.0],
        [-50.0, -40.0],
        [-50.0, -10.0],
        [-25.0, 20.0],
    ],
    &[[-50.0, -120.0], [50.0, -120.0], [50.0, -90.0], [-50.0, -90.0]],
];

/// What the driver does; it lasts until it is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Controls {
    /// To which angle the front wheels turn, rad, positive to the left.
    pub(super) steer: f64,
    /// How far the gas is opened, 0 to 1.
    pub(super) gas: f64,
    /// How hard the brakes are pressed.
    pub(super) brake: f64,
}

/// The shapes that are the same in every episode.
#[derive(Clone)]
pub(super) struct Shapes {
    hull: [Shape; HULL.len()],
    wheel: Shape,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let polygon = |corners: &[[f64; 2]]| {
            let corners = corners.iter().map(|&[x, y]| vector(x * SIZE, y * SIZE)).collect::<Vec<_>>();
            Shape::polygon(&corners)
        };
        let (x, y) = (WHEEL_HALF_WIDTH, WHEEL_HALF_LENGTH);
        Self { hull: HULL.map(polygon), wheel: polygon(&[[-x, y], [x, y], [x, -y], [-x, -y]]) }
    }
}

/// A wheel: a body, and what turns in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wheel {
    pub(super) body: BodyId,
    pub(super) joint: JointId,
    pub(super) gas: f64,
    pub(super) brake: f64,
    pub(super) steer: f64,
    /// Its turning angle, rad.
    pub(super) phase: f64,
    /// Its angular velocity, rad/s.
    pub(super) omega: f64,
    /// How many tiles it touches.
    pub(super) tiles: u32,
}

/// The car in a world. The fixtures are numbered in the order of their creation: first the hull's, then the wheels'.
#[derive(Clone)]
pub(super) struct Car {
    pub(super) hull: BodyId,
    pub(super) hull_fixtures: [FixtureId; HULL.len()],
    pub(super) wheels: [Wheel; 4],
    pub(super) wheel_fixtures: [FixtureId; 4],
}

impl Car {
    /// Puts a car at rest on a node of the track.
    pub(super) fn build(world: &mut World, shapes: &Shapes, start: &Node) -> Self {
        let ([x, y], angle) = (start.position, start.beta as f32);
        let dynamic = |position| BodyDef { kind: BodyKind::Dynamic, position, angle, ..BodyDef::default() };
        let hull = world.create_body(&dynamic(vector(x, y)));
        let hull_fixtures = shapes.hull.map(|shape| {
            world.create_fixture(hull, &FixtureDef { density: HULL_DENSITY, ..FixtureDef::new(shape) })
        });
        let fixture =
            FixtureDef { density: WHEEL_DENSITY, filter: WHEEL_FILTER, ..FixtureDef::new(shapes.wheel) };
        let built = WHEEL_PLACES.map(|[away, ahead]| {
            // The reference forgets to turn the places: the joints pull the wheels home in the first step.
            let body = world.create_body(&dynamic(vector(x + away * SIZE, y + ahead * SIZE)));
            let fixture = world.create_fixture(body, &fixture);
            let joint = world.create_revolute_joint(&RevoluteJointDef {
                local_anchor_a: vector(away * SIZE, ahead * SIZE),
                enable_motor: true,
                max_motor_torque: STEERING_TORQUE as f32,
                enable_limit: true,
                lower_angle: -STEERING_LIMIT,
                upper_angle: STEERING_LIMIT,
                ..RevoluteJointDef::new(hull, body)
            });
            (
                Wheel { body, joint, gas: 0.0, brake: 0.0, steer: 0.0, phase: 0.0, omega: 0.0, tiles: 0 },
                fixture,
            )
        });
        Self {
            hull,
            hull_fixtures,
            wheels: built.map(|(wheel, _)| wheel),
            wheel_fixtures: built.map(|(_, id)| id),
        }
    }

    /// Takes over what the driver does.
    pub(super) fn control(&mut self, controls: Controls) {
        for wheel in &mut self.wheels[FRONT] {
            wheel.steer = controls.steer;
        }
        let gas = if controls.gas < 0.0 { 0.0 } else { controls.gas };
        let gas = if gas > 1.0 { 1.0 } else { gas };
        for wheel in &mut self.wheels[REAR] {
            let growth = gas - wheel.gas;
            wheel.gas += if growth > GAS_RAMP { GAS_RAMP } else { growth };
        }
        for wheel in &mut self.wheels {
            wheel.brake = controls.brake;
        }
    }

    /// What the car does to the world before a step of it.
    pub(super) fn push(&mut self, world: &mut World) {
        for wheel in &mut self.wheels {
            let missing = wheel.steer - f64::from(world.joint_angle(wheel.joint));
            world.set_motor_speed(
                wheel.joint,
                (sign(missing) * least(STEERING_GAIN * missing.abs(), STEERING_SPEED)) as f32,
            );
            wheel.drive_and_brake();
            let force = wheel.tire_force(world);
            world.apply_force_to_center(wheel.body, force, true);
        }
    }
}

impl Wheel {
    /// What engine and brake make of the wheel's turning.
    fn drive_and_brake(&mut self) {
        // 5 rad/s more, lest the power of a wheel at rest give an infinite torque.
        self.omega +=
            TIME_STEP * ENGINE_POWER * self.gas / WHEEL_MOMENT_OF_INERTIA / (self.omega.abs() + 5.0);
        if self.brake >= LOCKING_BRAKE {
            self.omega = 0.0;
        } else if self.brake > 0.0 {
            let strength = BRAKE_STRENGTH * self.brake;
            let slowing = if strength.abs() > self.omega.abs() { self.omega.abs() } else { strength };
            self.omega += -sign(self.omega) * slowing;
        }
        self.phase += self.omega * TIME_STEP;
    }

    /// The force of the tire on the car, which slows or turns the wheel as well.
    fn tire_force(&mut self, world: &World) -> Vec2 {
        let grip = if self.tiles > 0 { ROAD_GRIP } else { GRASS_GRIP };
        let body = world.body(self.body);
        let double = |vector: Vec2| [f64::from(vector.x), f64::from(vector.y)];
        let forward = double(body.world_vector(Vec2::new(0.0, 1.0)));
        let side = double(body.world_vector(Vec2::new(1.0, 0.0)));
        let velocity = double(body.linear_velocity());
        let forward_speed = forward[0] * velocity[0] + forward[1] * velocity[1];
        let side_speed = side[0] * velocity[0] + side[1] * velocity[1];
        let mut along = (-forward_speed + self.omega * WHEEL_RADIUS) * TIRE_STIFFNESS;
        let mut across = -side_speed * TIRE_STIFFNESS;
        let force = (along * along + across * across).sqrt();
        if force > grip {
            along = along / force * grip;
            across = across / force * grip;
        }
        self.omega -= TIME_STEP * along * WHEEL_RADIUS / WHEEL_MOMENT_OF_INERTIA;
        vector(across * side[0] + along * forward[0], across * side[1] + along * forward[1])
    }

    /// The light stripe of the tire that shows that it turns: a quadrilateral in the frame of the body, m; none while it
    /// is below.
    pub(super) fn stripe(&self) -> Option<[Vec2; 4]> {
        /// How much of the wheel's turn the stripe covers, rad.
        const COVERED: f64 = 1.2;
        let heights = [self.phase, self.phase + COVERED].map(|angle| (libm::sin(angle), libm::cos(angle)));
        if heights.iter().all(|&(sine, _)| sine > 0.0) {
            return None;
        }
        let [first, second] = heights.map(|(sine, cosine)| if sine > 0.0 { sign(cosine) } else { cosine });
        let (left, right) = (-WHEEL_HALF_WIDTH * SIZE, WHEEL_HALF_WIDTH * SIZE);
        let (first, second) = (WHEEL_HALF_LENGTH * first * SIZE, WHEEL_HALF_LENGTH * second * SIZE);
        Some([vector(left, first), vector(right, first), vector(right, second), vector(left, second)])
    }
}

/// Python's `min(a, b)`: `a` where it is NaN.
fn least(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// Float64 numbers as Box2D takes them.
fn vector(x: f64, y: f64) -> Vec2 {
    Vec2::new(x as f32, y as f32)
}

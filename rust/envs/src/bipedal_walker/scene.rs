//! The walker: a hull and two legs of two parts, made in the reference's order, which decides the order of everything that
//! Box2D does.

use super::SCALE;
use super::terrain::{HEIGHT, START, STEP};
use planar::{
    BodyDef, BodyId, BodyKind, Filter, FixtureDef, FixtureId, JointId, RevoluteJointDef, Shape, Vec2, World,
};

/// Corners of the hull, px.
const HULL: [[f64; 2]; 5] = [[-30.0, 9.0], [6.0, 9.0], [34.0, 1.0], [34.0, -8.0], [-30.0, -8.0]];
/// From the hull's origin up to the hips, m.
const LEG_DOWN: f64 = -8.0 / SCALE;
/// Width and height of a part of a leg, m.
const LEG_WIDTH: f64 = 8.0 / SCALE;
const LEG_HEIGHT: f64 = 34.0 / SCALE;
/// A lower leg's width as a part of an upper leg's.
const LOWER_WIDTH: f64 = 0.8;
/// How far the legs are apart from the vertical at first, rad.
const LEG_ANGLE: f64 = 0.05;
/// The least and the greatest angle of hips and of knees, rad.
const HIP_LIMITS: [f64; 2] = [-0.8, 1.1];
const KNEE_LIMITS: [f64; 2] = [-1.6, -0.1];

/// Hull and leg density, kg/m^2.
const HULL_DENSITY: f32 = 5.0;
const LEG_DENSITY: f32 = 1.0;
/// Friction of the hull; legs have Box2D's default.
const HULL_FRICTION: f32 = 0.1;
/// The category of the ground, which is Box2D's default: all that the walker collides with, and all that the lidar sees.
pub(super) const GROUND_CATEGORY: u16 = 0x0001;
/// What the walker is, and what it touches.
const FILTER: Filter = Filter { category: 0x0020, mask: GROUND_CATEGORY, group: 0 };

/// The shapes of the walker, and where its parts start.
#[derive(Clone)]
pub(super) struct Shapes {
    hull: Shape,
    upper_leg: Shape,
    lower_leg: Shape,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let corners = HULL.map(|[x, y]| Vec2::new((x / SCALE) as f32, (y / SCALE) as f32));
        let rectangle = |width: f64| Shape::rectangle((width / 2.0) as f32, (LEG_HEIGHT / 2.0) as f32);
        Self {
            hull: Shape::polygon(&corners),
            upper_leg: rectangle(LEG_WIDTH),
            lower_leg: rectangle(LOWER_WIDTH * LEG_WIDTH),
        }
    }
}

/// What the walker is made of, its legs in the order in which they are made.
#[derive(Clone)]
pub(super) struct Walker {
    pub(super) hull: BodyId,
    pub(super) hull_fixture: FixtureId,
    /// Upper and lower parts, in turn.
    pub(super) legs: [BodyId; 4],
    /// The fixtures of the lower parts.
    pub(super) foot_fixtures: [FixtureId; 2],
    /// Hips and knees, in turn.
    pub(super) joints: [JointId; 4],
}

/// Makes a walker that stands on the start of the ground. `push` acts on its hull in the first step, N.
pub(super) fn build(world: &mut World, shapes: &Shapes, push: f64) -> Walker {
    let start = [STEP * START as f64 / 2.0, HEIGHT + 2.0 * LEG_HEIGHT];
    let hull = create_body(world, start, 0.0);
    let hull_def = FixtureDef { friction: HULL_FRICTION, ..FixtureDef::new(shapes.hull) };
    let hull_fixture =
        world.create_fixture(hull, &FixtureDef { density: HULL_DENSITY, filter: FILTER, ..hull_def });
    world.apply_force_to_center(hull, Vec2::new(push as f32, 0.0), true);
    let [first, second] = [-LEG_ANGLE, LEG_ANGLE].map(|angle| attach_leg(world, shapes, hull, start, angle));
    Walker {
        hull,
        hull_fixture,
        legs: [first.upper, first.lower, second.upper, second.lower],
        foot_fixtures: [first.foot_fixture, second.foot_fixture],
        joints: [first.hip, first.knee, second.hip, second.knee],
    }
}

fn create_body(world: &mut World, position: [f64; 2], angle: f64) -> BodyId {
    let position = Vec2::new(position[0] as f32, position[1] as f32);
    world.create_body(&BodyDef {
        kind: BodyKind::Dynamic,
        position,
        angle: angle as f32,
        ..BodyDef::default()
    })
}

struct Leg {
    upper: BodyId,
    lower: BodyId,
    foot_fixture: FixtureId,
    hip: JointId,
    knee: JointId,
}

/// A leg at an angle (rad), under a hull at `start`.
fn attach_leg(world: &mut World, shapes: &Shapes, hull: BodyId, start: [f64; 2], angle: f64) -> Leg {
    let of_leg = |shape| FixtureDef { density: LEG_DENSITY, filter: FILTER, ..FixtureDef::new(shape) };
    let upper = create_body(world, [start[0], start[1] - LEG_HEIGHT / 2.0 - LEG_DOWN], angle);
    world.create_fixture(upper, &of_leg(shapes.upper_leg));
    // pybox2d takes the reference angle from the bodies where it is not given; Box2D itself would take 0.
    let hip = join(world, [hull, upper], LEG_DOWN, angle as f32, HIP_LIMITS);
    let lower = create_body(world, [start[0], start[1] - LEG_HEIGHT * 3.0 / 2.0 - LEG_DOWN], angle);
    let foot_fixture = world.create_fixture(lower, &of_leg(shapes.lower_leg));
    let knee = join(world, [upper, lower], -LEG_HEIGHT / 2.0, 0.0, KNEE_LIMITS);
    Leg { upper, lower, foot_fixture, hip, knee }
}

/// Joins the top of a part of a leg to a point of another body, `anchor` above that one's origin. Every step sets what the
/// motor does, also the one that a reset plays.
fn join(
    world: &mut World,
    [body_a, body_b]: [BodyId; 2],
    anchor: f64,
    reference_angle: f32,
    [lower, upper]: [f64; 2],
) -> JointId {
    world.create_revolute_joint(&RevoluteJointDef {
        local_anchor_a: Vec2::new(0.0, anchor as f32),
        local_anchor_b: Vec2::new(0.0, (LEG_HEIGHT / 2.0) as f32),
        reference_angle,
        enable_limit: true,
        lower_angle: lower as f32,
        upper_angle: upper as f32,
        enable_motor: true,
        ..RevoluteJointDef::new(body_a, body_b)
    })
}

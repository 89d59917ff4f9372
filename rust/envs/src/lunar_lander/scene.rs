//! The world of an episode: ground, hull and legs, made in the reference's order, which decides the order of everything
//! that Box2D does.

use super::{HEIGHT, LEG_DOWN, SCALE, WIDTH};
use planar::{
    BodyDef, BodyId, BodyKind, Filter, FixtureDef, FixtureId, JointId, RevoluteJointDef, Shape, Vec2, World,
};

/// Random heights of the ground.
pub(super) const HEIGHTS: usize = 12;
/// Points of the ground: the last height only smooths the first and the last of them.
const POINTS: usize = HEIGHTS - 1;
/// The points whose heights the pad flattens.
const PAD: std::ops::RangeInclusive<usize> = POINTS / 2 - 2..=POINTS / 2 + 2;
/// Height of the pad, m.
pub(super) const PAD_HEIGHT: f64 = HEIGHT / 4.0;
/// A little less than a third, so the ground is a little lower than its heights' means.
const SMOOTHING: f64 = 0.33;

/// Corners of the hull, px.
const HULL: [[f64; 2]; 6] =
    [[-14.0, 17.0], [-17.0, 0.0], [-17.0, -10.0], [17.0, -10.0], [17.0, 0.0], [14.0, 17.0]];
/// Half the width and the height of a leg, px.
const LEG: [f64; 2] = [2.0, 8.0];
/// From the hull's origin to that of a leg, sideways, px.
const LEG_AWAY: f64 = 20.0;
/// What each leg leans outward at first, rad.
const LEG_ANGLE: f64 = 0.05;
/// The torque that holds a leg out, N m.
const LEG_SPRING_TORQUE: f32 = 40.0;
/// The speed at which it wants to swing out, rad/s.
const LEG_SPEED: f64 = 0.3;
/// How far a leg can swing out, rad.
const LEG_ANGLE_LIMIT: f64 = 0.9;
/// The play that it has inward of that, rad.
const LEG_PLAY: f64 = 0.5;

/// Friction of ground and hull; legs and the world's bottom have Box2D's default.
const LOW_FRICTION: f32 = 0.1;
/// Box2D's default category, which the ground has, and the only one that the craft collides with.
const GROUND_CATEGORY: u16 = 0x0001;
/// Category of the hull.
const HULL_CATEGORY: u16 = 0x0010;
/// Category of the legs.
const LEG_CATEGORY: u16 = 0x0020;
/// Hull density, kg/m^2.
const HULL_DENSITY: f32 = 5.0;
/// Leg density, kg/m^2.
const LEG_DENSITY: f32 = 1.0;

/// The shapes that are the same in every episode.
#[derive(Clone)]
pub(super) struct Shapes {
    hull: Shape,
    leg: Shape,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let corners = HULL.map(|[x, y]| Vec2::new((x / SCALE) as f32, (y / SCALE) as f32));
        let [half_width, half_height] = LEG.map(|length| (length / SCALE) as f32);
        Self { hull: Shape::polygon(&corners), leg: Shape::rectangle(half_width, half_height) }
    }
}

/// What the craft is made of. Leg 0 is the right one.
#[derive(Clone)]
pub(super) struct Craft {
    pub(super) hull: BodyId,
    pub(super) legs: [BodyId; 2],
    pub(super) joints: [JointId; 2],
    pub(super) hull_fixture: FixtureId,
    pub(super) leg_fixtures: [FixtureId; 2],
}

/// Fills an empty world.
pub(super) fn build(world: &mut World, shapes: &Shapes, heights: &[f64; HEIGHTS]) -> Craft {
    lay_ground(world, heights);
    let start = [WIDTH / 2.0, HEIGHT];
    let hull = world.create_body(&dynamic_body(start, 0.0));
    let hull_fixture = world.create_fixture(
        hull,
        &FixtureDef {
            density: HULL_DENSITY,
            friction: LOW_FRICTION,
            filter: Filter { category: HULL_CATEGORY, mask: GROUND_CATEGORY, group: 0 },
            ..FixtureDef::new(shapes.hull)
        },
    );
    let [right, left] = [-1.0, 1.0].map(|side| attach_leg(world, shapes.leg, hull, start, side));
    Craft {
        hull,
        legs: [right.0, left.0],
        joints: [right.1, left.1],
        hull_fixture,
        leg_fixtures: [right.2, left.2],
    }
}

/// An edge along the bottom of the world, then the ground from left to right.
fn lay_ground(world: &mut World, heights: &[f64; HEIGHTS]) {
    let mut heights = *heights;
    heights[PAD].fill(PAD_HEIGHT);
    let point = |index: usize| {
        let before = heights[if index == 0 { HEIGHTS - 1 } else { index - 1 }];
        let x = WIDTH / (POINTS - 1) as f64 * index as f64;
        let y = SMOOTHING * (before + heights[index] + heights[index + 1]);
        Vec2::new(x as f32, y as f32)
    };
    let moon = world.create_body(&BodyDef { kind: BodyKind::Static, ..BodyDef::default() });
    let bottom = FixtureDef::new(Shape::edge(Vec2::ZERO, Vec2::new(WIDTH as f32, 0.0)));
    world.create_fixture(moon, &bottom);
    for index in 0..POINTS - 1 {
        let edge = FixtureDef::new(Shape::edge(point(index), point(index + 1)));
        world.create_fixture(moon, &FixtureDef { friction: LOW_FRICTION, ..edge });
    }
}

fn dynamic_body(position: [f64; 2], angle: f64) -> BodyDef {
    let position = Vec2::new(position[0] as f32, position[1] as f32);
    BodyDef { kind: BodyKind::Dynamic, position, angle: angle as f32, ..BodyDef::default() }
}

/// A leg on one `side` of the hull, -1 for the right one and 1 for the left one, with the motor that holds it out.
fn attach_leg(
    world: &mut World,
    shape: Shape,
    hull: BodyId,
    start: [f64; 2],
    side: f64,
) -> (BodyId, JointId, FixtureId) {
    let away = side * LEG_AWAY / SCALE;
    let leg = world.create_body(&dynamic_body([start[0] - away, start[1]], side * LEG_ANGLE));
    let fixture = world.create_fixture(
        leg,
        &FixtureDef {
            density: LEG_DENSITY,
            filter: Filter { category: LEG_CATEGORY, mask: GROUND_CATEGORY, group: 0 },
            ..FixtureDef::new(shape)
        },
    );
    let (lower, upper) = if side < 0.0 {
        (LEG_ANGLE_LIMIT - LEG_PLAY, LEG_ANGLE_LIMIT)
    } else {
        (-LEG_ANGLE_LIMIT, -LEG_ANGLE_LIMIT + LEG_PLAY)
    };
    let joint = world.create_revolute_joint(&RevoluteJointDef {
        body_a: hull,
        body_b: leg,
        local_anchor_a: Vec2::new(0.0, 0.0),
        local_anchor_b: Vec2::new(away as f32, LEG_DOWN as f32),
        // pybox2d takes it from the bodies where it is not given; Box2D itself would take 0.
        reference_angle: (side * LEG_ANGLE) as f32,
        enable_limit: true,
        lower_angle: lower as f32,
        upper_angle: upper as f32,
        enable_motor: true,
        motor_speed: (LEG_SPEED * side) as f32,
        max_motor_torque: LEG_SPRING_TORQUE,
    });
    (leg, joint, fixture)
}

//! A lander over rough ground, with a pilot that falls, brakes, lands, tips over and comes to rest: every phase that the
//! solver knows.

use planar::{BodyDef, BodyId, BodyKind, Filter, FixtureDef, JointId, RevoluteJointDef, Shape, Vec2, World};

/// Duration of a step, seconds.
pub const TIME_STEP: f32 = 1.0 / 50.0;
/// Velocity iterations of a step.
pub const VELOCITY_ITERATIONS: u32 = 180;
/// The most position iterations of a step.
pub const POSITION_ITERATIONS: u32 = 60;

const GROUND: u16 = 1;
const CRAFT: u16 = 2;
/// Half the width of the ground, metres.
const HALF_WIDTH: f32 = 12.0;
/// Edges of the ground.
const EDGES: u32 = 12;

/// A world with a lander in it.
#[derive(Clone)]
pub struct Lander {
    /// The world.
    pub world: World,
    /// Hull, right leg, left leg.
    pub bodies: [BodyId; 3],
    /// The legs' joints.
    pub joints: [JointId; 2],
    random: u64,
}

impl AsMut<World> for Lander {
    fn as_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Lander {
    /// A lander at a height that depends on the seed, as all else does.
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(Vec2::new(0.0, -10.0));
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let ground = world.create_body(&BodyDef::default());
        let heights: Vec<f32> = (0..=EDGES).map(|_| 0.8 * uniform(&mut random)).collect();
        for (edge, ends) in heights.windows(2).enumerate() {
            let x = |index: usize| HALF_WIDTH * (2.0 * index as f32 / EDGES as f32 - 1.0);
            let shape = Shape::edge(Vec2::new(x(edge), ends[0]), Vec2::new(x(edge + 1), ends[1]));
            world.create_fixture(ground, &fixture(shape, 0.0, GROUND, u16::MAX));
        }
        let height = 2.5 + 4.0 * uniform(&mut random);
        let corners = [(-14, 17), (-17, 0), (-17, -10), (17, -10), (17, 0), (14, 17)];
        let corners = corners.map(|(x, y)| Vec2::new(x as f32 / 30.0, y as f32 / 30.0));
        let hull = body(&mut world, 0.0, height, 0.0, Shape::polygon(&corners), 5.0);
        let [right, left] = [-1.0, 1.0].map(|side| {
            let shape = Shape::rectangle(2.0 / 30.0, 8.0 / 30.0);
            let leg = body(&mut world, -side * 20.0 / 30.0, height, 0.05 * side, shape, 1.0);
            let joint = world.create_revolute_joint(&RevoluteJointDef {
                local_anchor_b: Vec2::new(side * 20.0 / 30.0, 18.0 / 30.0),
                reference_angle: 0.05 * side,
                enable_limit: true,
                lower_angle: if side < 0.0 { 0.4 } else { -0.9 },
                upper_angle: if side < 0.0 { 0.9 } else { -0.4 },
                enable_motor: true,
                motor_speed: 0.3 * side,
                max_motor_torque: 40.0,
                ..RevoluteJointDef::new(hull, leg)
            });
            (leg, joint)
        });
        Self { world, bodies: [hull, right.0, left.0], joints: [right.1, left.1], random }
    }

    /// Fires the engines for the step to come: upright and not too fast, but clumsily.
    pub fn steer(&mut self) {
        let hull = self.world.body(self.bodies[0]);
        let (position, velocity) = (hull.position(), hull.linear_velocity());
        let up = hull.world_vector(Vec2::new(0.0, 1.0));
        let turn = -3.0 * hull.angle() - 2.0 * hull.angular_velocity();
        let resolve = uniform(&mut self.random);
        if velocity.y < -0.4 - 0.5 * (position.y - 1.0).max(0.0) && resolve < 0.85 {
            self.world.apply_linear_impulse(
                self.bodies[0],
                Vec2::new(2.0 * up.x, 2.0 * up.y),
                position,
                true,
            );
        }
        if turn.abs() > 0.6 * resolve {
            self.world.apply_angular_impulse(self.bodies[0], 0.04 * turn, true);
        }
    }

    /// The bits of all that a step changes, except impulses.
    pub fn motion(&self) -> Vec<u32> {
        let mut motion = Vec::new();
        for &id in &self.bodies {
            let body = self.world.body(id);
            let (position, velocity) = (body.position(), body.linear_velocity());
            let floats =
                [position.x, position.y, velocity.x, velocity.y, body.angle(), body.angular_velocity()];
            motion.extend(floats.map(f32::to_bits));
            motion.extend([body.sleep_time().to_bits(), u32::from(body.is_awake())]);
        }
        motion
    }

    /// The bits of all impulses.
    pub fn impulses(&self) -> Vec<u32> {
        let joints = self.joints.iter().map(|&id| self.world.joint(id));
        let mut impulses: Vec<f32> =
            joints.flat_map(|joint| [joint.motor_impulse()].into_iter().chain(joint.impulse())).collect();
        for contact in self.world.contacts() {
            let manifold = contact.manifold();
            let points = &manifold.points[..manifold.point_count];
            impulses.extend(points.iter().flat_map(|point| [point.normal_impulse, point.tangent_impulse]));
        }
        impulses.into_iter().map(f32::to_bits).collect()
    }

    /// Whether something touches the ground.
    pub fn is_in_contact(&self) -> bool {
        self.world.contacts().any(|contact| contact.is_touching())
    }

    /// Whether the hull is awake.
    pub fn is_awake(&self) -> bool {
        self.world.body(self.bodies[0]).is_awake()
    }
}

fn body(world: &mut World, x: f32, y: f32, angle: f32, shape: Shape, density: f32) -> BodyId {
    let def = BodyDef { kind: BodyKind::Dynamic, position: Vec2::new(x, y), angle, ..BodyDef::default() };
    let body = world.create_body(&def);
    world.create_fixture(body, &fixture(shape, density, CRAFT, GROUND));
    body
}

fn fixture(shape: Shape, density: f32, category: u16, mask: u16) -> FixtureDef {
    let filter = Filter { category, mask, group: 0 };
    FixtureDef { shape, density, friction: 0.2, restitution: 0.1, filter, is_sensor: false }
}

/// The next number of a small generator (xorshift64), within 0 and 1.
fn uniform(state: &mut u64) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 40) as f32 / (1_u64 << 24) as f32
}

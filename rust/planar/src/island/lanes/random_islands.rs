//! Random islands for tests.

use crate::island::{Island, IslandBody, IslandContact, IslandJoint, LimitState, TimeStep};
use crate::manifold::{Manifold, ManifoldKind, ManifoldPoint};
use crate::math::{Rot, Vec2};
use proptest::prelude::*;
use proptest::sample::select;

/// Joints of a lander (two legs) and of a car (four wheels): bodies A and B.
const LANDER: &[(usize, usize)] = &[(1, 0), (1, 2)];
const CAR: &[(usize, usize)] = &[(0, 1), (2, 0), (0, 3), (0, 4)];

/// Where the values of an island come from.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::island) enum Grain {
    /// All sizes; every now and then what overflows or is not a number.
    Fine,
    /// Few simple values, so that differences are often zero, of either sign, and cases are on their borders.
    Coarse,
}

impl Grain {
    fn number(self, size: f32) -> BoxedStrategy<f32> {
        match self {
            Self::Fine => (-size..size).boxed(),
            Self::Coarse => {
                prop_oneof![9 => Just(-0.0), 3 => Just(0.0), 4 => select(vec![1.0, -1.0, 0.5, -2.0])].boxed()
            }
        }
    }

    fn wild_number(self, size: f32) -> BoxedStrategy<f32> {
        let extremes = select(vec![1e-40, -1e-38, 1e8, -1e12, 3e38, f32::INFINITY, f32::NAN, 0.0, -0.0]);
        match self {
            Self::Fine => prop_oneof![60 => self.number(size), 2 => extremes].boxed(),
            Self::Coarse => self.number(size),
        }
    }

    fn vector(self, size: f32) -> impl Strategy<Value = Vec2> {
        [self.number(size), self.number(size)].prop_map(|[x, y]| Vec2::new(x, y))
    }

    fn wild_vector(self, size: f32) -> impl Strategy<Value = Vec2> {
        [self.wild_number(size), self.wild_number(size)].prop_map(|[x, y]| Vec2::new(x, y))
    }

    fn gravity(self) -> BoxedStrategy<Vec2> {
        match self {
            Self::Fine => select(vec![Vec2::new(0.0, -10.0), Vec2::ZERO]).boxed(),
            // With which velocities of -0 stay what they are.
            Self::Coarse => Just(Vec2::new(-0.0, -0.0)).boxed(),
        }
    }

    fn inverse(self) -> BoxedStrategy<f32> {
        match self {
            Self::Fine => (0.02_f32..8.0).boxed(),
            Self::Coarse => select(vec![0.5, 1.0, 2.0]).boxed(),
        }
    }

    fn angle(self) -> BoxedStrategy<f32> {
        match self {
            Self::Fine => (-4.0_f32..4.0).boxed(),
            Self::Coarse => Just(0.0).boxed(),
        }
    }
}

fn moving_body(grain: Grain) -> impl Strategy<Value = IslandBody> {
    let motion = (grain.vector(20.0), grain.angle(), grain.wild_vector(6.0), grain.wild_number(4.0));
    let inertia = (grain.inverse(), grain.inverse(), grain.vector(0.2));
    let forces = (grain.wild_vector(30.0), grain.wild_number(5.0), select(vec![0.0_f32, 0.0, 0.3, 90.0]));
    (motion, inertia, forces).prop_map(|(motion, inertia, forces)| IslandBody {
        center: motion.0,
        angle: motion.1,
        rotation: Rot::from_angle(motion.1),
        velocity: motion.2,
        angular_velocity: motion.3,
        inv_mass: inertia.0,
        inv_inertia: inertia.1,
        local_center: inertia.2,
        force: forces.0,
        torque: forces.1,
        linear_damping: forces.2,
        angular_damping: forces.2,
        gravity_scale: 1.0,
        is_dynamic: true,
        ..IslandBody::default()
    })
}

prop_compose! {
    fn joint(grain: Grain, bodies: (usize, usize))(
        anchors in (grain.vector(1.0), grain.vector(1.0)),
        limits in (grain.number(0.8), prop_oneof![1 => 0.0_f32..0.07, 20 => 0.1_f32..3.0]),
        reference_angle in grain.number(0.1),
        motor in (select(vec![0.0_f32, 1.0, 40.0, 9000.0]), grain.wild_number(3.0)),
        enabled in (prop::bool::weighted(0.9), prop::bool::weighted(0.97)),
        impulse in [grain.wild_number(2.0), grain.wild_number(2.0), grain.wild_number(1.0)],
        motor_impulse in grain.wild_number(0.5),
        limit_state in select(vec![LimitState::Inactive, LimitState::AtLower, LimitState::AtUpper]),
    ) -> IslandJoint {
        IslandJoint {
            body_a: bodies.0,
            body_b: bodies.1,
            local_anchor_a: anchors.0,
            local_anchor_b: anchors.1,
            reference_angle,
            lower: limits.0,
            upper: limits.0 + limits.1,
            max_motor_torque: motor.0,
            motor_speed: motor.1,
            limit_enabled: enabled.0,
            motor_enabled: enabled.1,
            impulse,
            motor_impulse,
            limit_state,
        }
    }
}

fn point(grain: Grain) -> impl Strategy<Value = ManifoldPoint> {
    let normal_impulse = prop_oneof![0.0_f32..2.0, Just(0.0), Just(1.0)];
    (grain.vector(1.0), normal_impulse, grain.wild_number(0.3), any::<u32>()).prop_map(|point| {
        ManifoldPoint { local_point: point.0, normal_impulse: point.1, tangent_impulse: point.2, id: point.3 }
    })
}

fn normal(grain: Grain) -> BoxedStrategy<Vec2> {
    match grain {
        Grain::Fine => (0.0_f32..6.3).prop_map(|angle| Vec2::new(angle.cos(), angle.sin())).boxed(),
        Grain::Coarse => {
            select(vec![Vec2::new(-0.0, 1.0), Vec2::new(0.0, 1.0), Vec2::new(-1.0, -0.0)]).boxed()
        }
    }
}

prop_compose! {
    /// A contact of the static body number `moving` with one of those before it, or, rarely, the other way round.
    fn contact(grain: Grain, moving: usize)(
        body in 0..moving,
        is_swapped in prop::bool::weighted(0.02),
        is_redundant in prop::bool::weighted(0.2),
        kind in select(vec![ManifoldKind::FaceA, ManifoldKind::FaceB]),
        local_normal in normal(grain),
        local_point in grain.vector(20.0),
        mut points in [point(grain), point(grain)],
        point_count in 1_usize..=2,
        friction in select(vec![0.0_f32, 0.1, 1.0]),
        restitution in select(vec![0.0_f32, 0.0, 0.4, 1.0]),
    ) -> IslandContact {
        if is_redundant {
            // Two points in one place: the block cannot be inverted.
            points[1].local_point = points[0].local_point;
        }
        IslandContact {
            body_a: if is_swapped { body } else { moving },
            body_b: if is_swapped { moving } else { body },
            friction,
            restitution,
            radius_a: 0.01,
            radius_b: 0.01,
            manifold: Manifold { kind, local_normal, local_point, points, point_count },
        }
    }
}

fn island(grain: Grain, joints: &'static [(usize, usize)]) -> impl Strategy<Value = Island> {
    let moving = joints.len() + 1;
    let joints: Vec<_> = joints.iter().map(|&bodies| joint(grain, bodies)).collect();
    let contacts = prop::collection::vec(contact(grain, moving), 0..=4);
    (prop::collection::vec(moving_body(grain), moving), joints, contacts).prop_map(
        |(mut bodies, joints, contacts)| {
            bodies.push(IslandBody::default());
            Island { bodies, contacts, joints, ..Island::default() }
        },
    )
}

prop_compose! {
    pub(in crate::island) fn time_step(grain: Grain)(
        dt in select(vec![0.02_f32, 1.0 / 64.0]),
        dt_ratio in select(vec![0.0_f32, 1.0, 0.999_999_9]),
        velocity_iterations in 0_u32..20,
        position_iterations in 0_u32..20,
        gravity in grain.gravity(),
    ) -> TimeStep {
        TimeStep { dt, inv_dt: 1.0 / dt, dt_ratio, velocity_iterations, position_iterations, gravity }
    }
}

/// Islands of landers and cars, mixed.
pub(in crate::island) fn islands(grain: Grain) -> impl Strategy<Value = Vec<Island>> {
    prop::collection::vec(prop_oneof![3 => island(grain, LANDER), 1 => island(grain, CAR)], 1..=70)
}

//! Lanes against the scalar solver, bit by bit.

use super::random_islands::{Grain, islands, time_step};
use super::signature::Signature;
use super::{Effort, Islands, LaneSolver};
use crate::island::{Island, IslandBody, IslandContact, IslandJoint, TimeStep};
use crate::manifold::Manifold;
use crate::math::Vec2;
use lane_math::Isa;
use proptest::prelude::*;

impl Islands for Vec<Island> {
    fn island(&mut self, number: usize) -> &mut Island {
        &mut self[number]
    }
}

/// The bits of all that solving changes; NaN counts as NaN, whatever its bits.
fn results(island: &Island) -> Vec<u32> {
    let bits = |value: f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
    let mut results = vec![u32::from(island.positions_solved)];
    for body in &island.bodies {
        let vectors = [body.center, body.start_center, body.velocity];
        results.extend(vectors.iter().flat_map(|vector| [bits(vector.x), bits(vector.y)]));
        let rotation = body.rotation;
        results.extend([body.angle, body.start_angle, body.angular_velocity].map(bits));
        results.extend([rotation.sin, rotation.cos].map(bits));
    }
    for point in island.contacts.iter().flat_map(|contact| &contact.manifold.points) {
        results.extend([point.normal_impulse, point.tangent_impulse].map(bits));
    }
    for joint in &island.joints {
        results.extend(joint.impulse.map(bits));
        results.extend([bits(joint.motor_impulse), joint.limit_state as u32]);
    }
    results
}

fn solve_in_lanes(isa: Isa, mut islands: Vec<Island>, step: &TimeStep) -> Vec<Island> {
    for island in &mut islands {
        island.begin(step);
    }
    let numbers = 0..islands.len();
    let effort = Effort {
        dt: step.dt,
        velocity_iterations: step.velocity_iterations,
        position_iterations: step.position_iterations,
    };
    LaneSolver::default().solve(isa, &mut islands, numbers, &effort);
    islands
}

/// Solves the islands alone and, on each instruction set, in lanes.
fn compare(islands: &[Island], step: &TimeStep) -> Result<(), TestCaseError> {
    let mut expected = islands.to_vec();
    for island in &mut expected {
        island.solve(step);
    }
    for isa in Isa::all_available() {
        let solved = solve_in_lanes(isa, islands.to_vec(), step);
        for (number, (solved, expected)) in solved.iter().zip(&expected).enumerate() {
            prop_assert_eq!(results(solved), results(expected), "island {} on {}", number, isa.name());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lanes_have_the_scalar_s_bits(step in time_step(Grain::Fine), islands in islands(Grain::Fine)) {
        compare(&islands, &step)?;
    }

    #[test]
    fn lanes_have_the_scalar_s_zeros(step in time_step(Grain::Coarse), islands in islands(Grain::Coarse)) {
        compare(&islands, &step)?;
    }
}

/// A lander whose left leg stands on the ground, the motor of one leg against its limit.
fn standing_lander() -> Island {
    let body = |x: f32, y: f32| IslandBody {
        center: Vec2::new(x, y),
        velocity: Vec2::new(0.1, -0.3),
        inv_mass: 0.5,
        inv_inertia: 2.0,
        gravity_scale: 1.0,
        is_dynamic: true,
        ..IslandBody::default()
    };
    let joint = |body_b, lower| IslandJoint {
        body_a: 1,
        body_b,
        lower,
        upper: lower + 0.5,
        max_motor_torque: 40.0,
        motor_speed: 0.3,
        limit_enabled: true,
        motor_enabled: true,
        local_anchor_b: Vec2::new(0.6, 0.6),
        ..IslandJoint::default()
    };
    let contact = IslandContact {
        body_a: 3,
        body_b: 0,
        friction: 0.2,
        restitution: 0.0,
        radius_a: 0.01,
        radius_b: 0.01,
        manifold: Manifold { local_normal: Vec2::new(0.0, 1.0), point_count: 2, ..Manifold::default() },
    };
    let bodies = vec![body(-0.6, 0.3), body(0.0, 0.8), body(0.6, 0.3), IslandBody::default()];
    Island {
        bodies,
        contacts: vec![contact],
        joints: vec![joint(0, 0.1), joint(2, -0.2)],
        ..Island::default()
    }
}

fn step() -> TimeStep {
    TimeStep {
        dt: 0.02,
        inv_dt: 50.0,
        dt_ratio: 1.0,
        velocity_iterations: 180,
        position_iterations: 60,
        gravity: Vec2::new(0.0, -10.0),
    }
}

fn fits_lanes(change: impl FnOnce(&mut Island)) -> bool {
    let mut island = standing_lander();
    change(&mut island);
    island.begin(&step());
    Signature::of(&island).is_some()
}

#[test]
fn ordinary_islands_are_solved_in_lanes() {
    assert!(fits_lanes(|_| ()));
    assert!(fits_lanes(|island| island.contacts.clear()));
    assert!(fits_lanes(|island| island.joints[0].limit_enabled = false));
    assert!(fits_lanes(|island| island.contacts[0].manifold.point_count = 1));
}

#[test]
fn rare_islands_are_solved_alone() {
    assert!(!fits_lanes(|island| island.joints[1].motor_enabled = false));
    assert!(!fits_lanes(|island| island.joints[1].upper = island.joints[1].lower));
    assert!(!fits_lanes(|island| island.joints[0].body_a = 3));
    assert!(!fits_lanes(|island| island.contacts[0].body_a = 1));
    assert!(!fits_lanes(|island| island.bodies[2].velocity.x = f32::NAN));
    assert!(!fits_lanes(|island| island.bodies[3].velocity.y = -0.0));
    assert!(!fits_lanes(|island| island.contacts.resize(9, island.contacts[0])));
}

#[test]
fn an_island_that_overflows_leaves_its_neighbours_alone() {
    let step = step();
    let mut islands = vec![standing_lander(); 8];
    islands[3].joints[0].motor_speed = f32::INFINITY;
    islands[3].joints[0].max_motor_torque = f32::INFINITY;
    islands[5].bodies[0].force.x = f32::NAN;
    // A bounce so violent that the static body's turn overflows, and only that.
    islands[6].contacts[0].restitution = 1e34;
    islands[6].bodies[0].velocity.y = -3.0;
    islands[6].bodies[3].center.x = -1e6;
    islands[6].bodies[3].local_center.x = -1e6;
    let mut expected = islands.clone();
    for island in &mut expected {
        island.solve(&step);
    }
    assert!(expected[3].bodies[1].angular_velocity.is_nan());
    assert!(expected[4].bodies[1].angular_velocity.is_finite());
    assert!(expected[6].bodies[3].angular_velocity.is_nan());
    for isa in Isa::all_available() {
        let solved = solve_in_lanes(isa, islands.clone(), &step);
        assert_eq!(
            solved.iter().map(results).collect::<Vec<_>>(),
            expected.iter().map(results).collect::<Vec<_>>()
        );
    }
}

/// The static body's velocity at a contact is zero, but which zero decides the sign of the friction's.
#[test]
fn a_static_body_lends_the_sign_of_its_zero() {
    let step = TimeStep { gravity: Vec2::new(-0.0, -0.0), velocity_iterations: 1, ..step() };
    let mut island = standing_lander();
    island.joints.clear();
    for body in &mut island.bodies {
        (body.force, body.torque) = (Vec2::new(-0.0, -0.0), 0.0);
    }
    island.bodies[0].velocity = Vec2::new(-0.0, -1.0);
    let contact = &mut island.contacts[0];
    contact.manifold.local_normal = Vec2::new(-0.0, 1.0);
    contact.manifold.local_point.y = 0.5;
    contact.manifold.point_count = 1;
    contact.manifold.points[0].local_point.y = 0.1;
    contact.manifold.points[0].normal_impulse = 1.0;
    contact.manifold.points[0].tangent_impulse = -0.0;

    let mut expected = island.clone();
    expected.solve(&step);
    assert_eq!(expected.contacts[0].manifold.points[0].tangent_impulse.to_bits(), (-0.0_f32).to_bits());
    for isa in Isa::all_available() {
        let solved = solve_in_lanes(isa, vec![island.clone()], &step);
        assert_eq!(results(&solved[0]), results(&expected));
    }
}

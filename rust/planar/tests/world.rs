//! Worlds as a whole: copies, prototypes, recycled ids, rays, and what is refused.

use planar::{
    BodyDef, BodyId, BodyKind, FixtureDef, FixtureId, RevoluteJointDef, Shape, Vec2, World, step_together,
};
use proptest::prelude::*;

const STEP: (f32, u32, u32) = (1.0 / 50.0, 180, 60);

fn dynamic(world: &mut World, x: f32, y: f32) -> BodyId {
    let position = Vec2::new(x, y);
    world.create_body(&BodyDef { kind: BodyKind::Dynamic, position, ..BodyDef::default() })
}

/// Edges between neighbouring heights, 2 metres apart, which it returns.
fn ground(world: &mut World, heights: &[f32]) -> Vec<FixtureId> {
    let body = world.create_body(&BodyDef::default());
    let corner = |at: usize| Vec2::new(2.0 * at as f32 - 4.0, heights[at]);
    (1..heights.len())
        .map(|at| world.create_fixture(body, &FixtureDef::new(Shape::edge(corner(at - 1), corner(at)))))
        .collect()
}

/// Two joined boxes above the ground.
fn boxes(world: &mut World) -> BodyId {
    let def = FixtureDef { density: 1.0, ..FixtureDef::new(Shape::rectangle(0.4, 0.2)) };
    let [left, right] = [-0.5, 0.5].map(|x| {
        let body = dynamic(world, x, 2.5);
        world.create_fixture(body, &def);
        body
    });
    world.create_revolute_joint(&RevoluteJointDef {
        local_anchor_a: Vec2::new(0.5, 0.0),
        local_anchor_b: Vec2::new(-0.5, 0.0),
        enable_motor: true,
        motor_speed: 1.0,
        max_motor_torque: 0.5,
        ..RevoluteJointDef::new(left, right)
    });
    left
}

fn hills(heights: &[f32]) -> (World, BodyId) {
    let mut world = World::new(Vec2::new(0.0, -10.0));
    ground(&mut world, heights);
    let left = boxes(&mut world);
    (world, left)
}

/// All that can be read of a world; the shortest decimals that name its floats tell every bit but those of a NaN.
fn state(world: &World) -> String {
    let bodies = (0..3).map(|index| *world.body(BodyId::from(index)));
    format!(
        "{:?} {:?} {:?}",
        bodies.collect::<Vec<_>>(),
        world.contacts().collect::<Vec<_>>(),
        world.contact_events()
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A used world, made equal to one that has not been stepped, is as one created so.
    #[test]
    fn a_used_world_becomes_a_copy_as_if_new(
        heights in prop::collection::vec(-1.0_f32..1.0, 5),
        steps_before in 1_usize..80,
        push in -2.0_f32..2.0,
    ) {
        let mut world = hills(&[0.0; 5]).0;
        for _ in 0..steps_before {
            world.step(STEP.0, STEP.1, STEP.2);
        }
        let (mut created, left) = hills(&heights);
        world.clone_from(&created);
        for _ in 0..100 {
            for world in [&mut world, &mut created] {
                world.apply_force_to_center(left, Vec2::new(push, 0.0), true);
                world.step(STEP.0, STEP.1, STEP.2);
            }
            prop_assert_eq!(state(&world), state(&created));
        }
    }
}

#[test]
fn a_copy_between_the_phases_of_a_step_finishes_it() {
    let mut world = hills(&[0.3, 0.0, 0.2, 0.0, 0.5]).0;
    for _ in 0..60 {
        world.begin_step(STEP.0, STEP.1, STEP.2);
        let mut copy = world.clone();
        for world in [&mut world, &mut copy] {
            world.solve_islands();
            world.finish_step();
        }
        assert_eq!(state(&world), state(&copy));
    }
}

#[test]
fn a_step_of_no_time_moves_nothing() {
    let mut world = hills(&[0.0; 5]).0;
    for _ in 0..50 {
        world.step(STEP.0, STEP.1, STEP.2);
    }
    let before = world.body(BodyId::from(1)).transform();
    world.step(0.0, STEP.1, STEP.2);
    step_together(lane_math::Isa::detect(), &mut [&mut world], 0.0, STEP.1, STEP.2);
    assert_eq!(world.body(BodyId::from(1)).transform(), before);
}

#[test]
fn a_state_that_is_not_finite_is_carried_on() {
    let (mut world, left) = hills(&[0.0; 5]);
    for _ in 0..50 {
        world.step(STEP.0, STEP.1, STEP.2);
    }
    for poison in [f32::INFINITY, f32::NAN] {
        world.apply_linear_impulse(left, Vec2::new(poison, 0.0), Vec2::ZERO, true);
        for _ in 0..20 {
            world.step(STEP.0, STEP.1, STEP.2);
        }
        assert!(!world.body(left).position().x.is_finite());
    }
}

#[test]
fn ids_of_a_destroyed_body_are_given_out_again() {
    let mut world = hills(&[0.0; 5]).0;
    let (last, first) = (dynamic(&mut world, 5.0, 5.0), dynamic(&mut world, 6.0, 5.0));
    let def = FixtureDef::new(Shape::rectangle(0.1, 0.1));
    let fixtures = [last, first].map(|body| world.create_fixture(body, &def));
    world.destroy_body(first);
    world.destroy_body(last);
    assert_eq!(dynamic(&mut world, 0.0, 9.0), last);
    assert_eq!(world.create_fixture(last, &def), fixtures[0]);
    assert_eq!(dynamic(&mut world, 1.0, 9.0), first);
    assert_eq!(world.create_fixture(first, &def), fixtures[1]);
}

#[test]
fn two_polygons_push_each_other_apart() {
    let mut world = World::new(Vec2::ZERO);
    let bodies = [0.0, 0.35].map(|x| {
        let body = dynamic(&mut world, x, 0.0);
        let def = FixtureDef { density: 1.0, ..FixtureDef::new(Shape::rectangle(0.2, 0.2)) };
        world.create_fixture(body, &def);
        body
    });
    for _ in 0..20 {
        world.step(STEP.0, STEP.1, STEP.2);
    }
    let [left, right] = bodies.map(|body| world.body(body).position().x);
    // Two skins of a centimetre, which may overlap by a slop.
    assert!((right - left - 0.415).abs() < 0.001, "{left} {right}");
}

#[test]
fn rays_see_the_nearest_of_what_they_are_to_see() {
    let mut world = World::new(Vec2::new(0.0, -10.0));
    let edges = ground(&mut world, &[0.0; 5]);
    let left = boxes(&mut world);
    let hull = *world.body(left);
    let from = Vec2::new(-0.5, 4.5);
    let ends = [Vec2::new(-0.5, -4.5), Vec2::new(-3.0, -4.5), Vec2::new(3.0, 4.5)];
    let all = world.cast_rays(from, ends, |_| true);
    // The top of the left box is at 2.7 m.
    assert_eq!(all.map(|fraction| fraction.map(|f| (f * 100.0).round())), [Some(20.0), Some(50.0), None]);
    let ground = world.cast_rays(from, ends, |fixture| world.fixture(fixture).body() != left);
    assert_eq!(ground, [Some(0.5), Some(0.5), None]);
    assert_eq!(world.cast_rays(from, ends, |fixture| fixture == edges[3]), [None; 3]);
    assert_eq!(world.cast_rays(hull.position(), [Vec2::new(-0.5, 2.5001)], |_| true), [None], "from inside");
}

#[test]
#[should_panic(expected = "a joint needs two bodies")]
fn a_body_is_not_joined_to_itself() {
    let mut world = World::new(Vec2::ZERO);
    let body = dynamic(&mut world, 0.0, 0.0);
    world.create_revolute_joint(&RevoluteJointDef::new(body, body));
}

#[test]
#[should_panic(expected = "a polygon needs 3 to 16 points, got 2")]
fn a_polygon_needs_three_points() {
    let _ = Shape::polygon(&[Vec2::ZERO, Vec2::new(1.0, 0.0)]);
}

#[test]
#[should_panic(expected = "must be finite")]
fn a_polygon_needs_finite_points() {
    let _ = Shape::polygon(&[Vec2::ZERO, Vec2::new(1.0, 0.0), Vec2::new(f32::NAN, 1.0)]);
}

#[test]
#[should_panic(expected = "needs an area")]
fn a_polygon_needs_an_area() {
    let _ = Shape::polygon(&[Vec2::ZERO, Vec2::new(1.0, 1.0), Vec2::new(2.0, 2.0)]);
}

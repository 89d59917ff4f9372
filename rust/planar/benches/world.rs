//! What a world of LunarLander's make costs apart from its solver: `cargo bench -p planar --bench world`.

use divan::{Bencher, black_box};
use planar::{BodyDef, BodyId, BodyKind, Filter, FixtureDef, RevoluteJointDef, Shape, Vec2, World};

fn main() {
    divan::main();
}

/// What LunarLander passes to every step.
const STEP: (f32, u32, u32) = (1.0 / 50.0, 180, 60);
/// Worlds per sample, each at another moment, so that the clock's resolution does not count and no branch is learnt.
const WORLDS: usize = 64;

/// A world, and the hull of the lander in it.
fn lander() -> (World, BodyId) {
    let mut world = World::new(Vec2::new(0.0, -10.0));
    let moon = world.create_body(&BodyDef::default());
    world.create_fixture(moon, &FixtureDef::new(Shape::edge(Vec2::ZERO, Vec2::new(20.0, 0.0))));
    for at in 0..10 {
        let shape = Shape::edge(corner(at), corner(at + 1));
        world.create_fixture(moon, &FixtureDef { friction: 0.1, ..FixtureDef::new(shape) });
    }
    let points = [(-14, 17), (-17, 0), (-17, -10), (17, -10), (17, 0), (14, 17)];
    let points = points.map(|(x, y)| Vec2::new(x as f32 / 30.0, y as f32 / 30.0));
    let hull = part(&mut world, (10.0, 0.0), Shape::polygon(&points), 5.0, 0x10);
    for side in [-1.0, 1.0] {
        let leg = part(
            &mut world,
            (10.0 - side * 20.0 / 30.0, side * 0.05),
            Shape::rectangle(2.0 / 30.0, 8.0 / 30.0),
            1.0,
            0x20,
        );
        let (lower_angle, upper_angle) = if side < 0.0 { (0.4, 0.9) } else { (-0.9, -0.4) };
        world.create_revolute_joint(&RevoluteJointDef {
            local_anchor_b: Vec2::new(side * 20.0 / 30.0, 18.0 / 30.0),
            reference_angle: side * 0.05,
            enable_limit: true,
            lower_angle,
            upper_angle,
            enable_motor: true,
            motor_speed: 0.3 * side,
            max_motor_torque: 40.0,
            ..RevoluteJointDef::new(hull, leg)
        });
    }
    (world, hull)
}

/// A corner of the ground, metres: of 11, with a pad in the middle.
fn corner(at: usize) -> Vec2 {
    let height = if (3..8).contains(&at) { 3.3 } else { 1.0 + (at % 4) as f32 };
    Vec2::new(2.0 * at as f32, height)
}

fn part(world: &mut World, (x, angle): (f32, f32), shape: Shape, density: f32, category: u16) -> BodyId {
    let position = Vec2::new(x, 400.0 / 30.0);
    let def = BodyDef { kind: BodyKind::Dynamic, position, angle, ..BodyDef::default() };
    let body = world.create_body(&def);
    let filter = Filter { category, mask: 1, group: 0 };
    world.create_fixture(body, &FixtureDef { density, friction: 0.1, filter, ..FixtureDef::new(shape) });
    body
}

/// A lander at [`WORLDS`] moments from step `first` on, pushed to and fro by its engines.
fn moments(first: usize) -> Vec<World> {
    let (mut world, hull) = lander();
    let moments = (0..first + WORLDS).map(|step| {
        let body = world.body(hull);
        let sideways = if step % 7 < 3 { 0.02 } else { -0.02 };
        let (impulse, point) = (body.world_vector(Vec2::new(sideways, 0.01)), body.world_point(Vec2::ZERO));
        world.apply_linear_impulse(hull, impulse, point, true);
        world.step(STEP.0, STEP.1, STEP.2);
        world.clone()
    });
    moments.skip(first).collect()
}

/// When the moments are from: high above the ground, and touching down and lying on it.
const PHASES: [(&str, usize); 2] = [("flight", 2), ("contact", 90)];

/// A copy of a new world over a used one.
#[divan::bench]
fn copy(bencher: Bencher) {
    let prototype = lander().0;
    let mut world = moments(90).pop().expect("there are moments");
    bencher.bench_local(|| world.clone_from(black_box(&prototype)));
}

/// The same by creating everything anew.
#[divan::bench]
fn creation(bencher: Bencher) {
    bencher.bench_local(lander);
}

/// The first step after a reset, without its solver: all pairs are searched.
#[divan::bench]
fn first_step(bencher: Bencher) {
    let prototype = lander().0;
    bencher.with_inputs(|| prototype.clone()).bench_local_refs(|world| {
        world.begin_step(STEP.0, STEP.1, STEP.2);
        world.finish_step();
    });
}

/// What a step does before its solver, per world.
#[divan::bench(args = PHASES.map(|(name, _)| name))]
fn begin_step(bencher: Bencher, phase: &str) {
    let worlds = worlds_of(phase);
    bencher.counter(WORLDS).with_inputs(|| worlds.clone()).bench_local_refs(|worlds| {
        for world in worlds {
            world.begin_step(STEP.0, STEP.1, STEP.2);
        }
    });
}

/// The solver, one world after the other.
#[divan::bench(args = PHASES.map(|(name, _)| name))]
fn solve_islands(bencher: Bencher, phase: &str) {
    let mut worlds = worlds_of(phase);
    worlds.iter_mut().for_each(|world| world.begin_step(STEP.0, STEP.1, STEP.2));
    bencher.counter(WORLDS).with_inputs(|| worlds.clone()).bench_local_refs(|worlds| {
        for world in worlds {
            world.solve_islands();
        }
    });
}

/// What a step does after its solver, times of impact included.
#[divan::bench(args = PHASES.map(|(name, _)| name))]
fn finish_step(bencher: Bencher, phase: &str) {
    let mut worlds = worlds_of(phase);
    for world in &mut worlds {
        world.begin_step(STEP.0, STEP.1, STEP.2);
        world.solve_islands();
    }
    bencher.counter(WORLDS).with_inputs(|| worlds.clone()).bench_local_refs(|worlds| {
        for world in worlds {
            world.finish_step();
        }
    });
}

fn worlds_of(phase: &str) -> Vec<World> {
    moments(PHASES.into_iter().find(|(name, _)| *name == phase).expect("the phase is one of PHASES").1)
}

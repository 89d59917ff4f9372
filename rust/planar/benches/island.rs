//! What a step costs, per world, alone and together with others: `cargo bench -p planar`.

#[allow(dead_code, reason = "the test that it is shared with uses all of it")]
#[path = "../tests/lander/mod.rs"]
mod lander;

use divan::Bencher;
use divan::counter::ItemsCount;
use lander::{Lander, POSITION_ITERATIONS, TIME_STEP, VELOCITY_ITERATIONS};
use lane_math::Isa;
use planar::step_together;

fn main() {
    divan::main();
}

/// Numbers of worlds.
const WORLDS: [usize; 5] = [1, 8, 16, 32, 64];

/// Worlds in which the lander flies, or in which it stands on the ground and moves.
fn worlds(count: usize, in_contact: bool) -> Vec<Lander> {
    let mut worlds = Vec::new();
    for seed in 0.. {
        let mut lander = Lander::new(seed);
        for _ in 0..10 + seed % 50 {
            step(&mut lander);
        }
        while in_contact && !lander.is_in_contact() {
            step(&mut lander);
        }
        if lander.is_in_contact() == in_contact && lander.is_awake() {
            worlds.push(lander);
        }
        if worlds.len() == count {
            break;
        }
    }
    worlds
}

fn step(lander: &mut Lander) {
    lander.steer();
    lander.world.step(TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
}

fn alone(bencher: Bencher, count: usize, in_contact: bool) {
    let worlds = worlds(count, in_contact);
    bencher.counter(ItemsCount::new(count)).with_inputs(|| worlds.clone()).bench_local_values(
        |mut worlds| {
            for lander in &mut worlds {
                lander.world.step(TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
            }
            worlds
        },
    );
}

fn together(bencher: Bencher, count: usize, in_contact: bool) {
    let worlds = worlds(count, in_contact);
    let isa = Isa::detect();
    bencher.counter(ItemsCount::new(count)).with_inputs(|| worlds.clone()).bench_local_values(
        |mut worlds| {
            step_together(isa, &mut worlds, TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
            worlds
        },
    );
}

#[divan::bench(args = [16])]
fn flight_alone(bencher: Bencher, worlds: usize) {
    alone(bencher, worlds, false);
}

#[divan::bench(args = WORLDS)]
fn flight_together(bencher: Bencher, worlds: usize) {
    together(bencher, worlds, false);
}

#[divan::bench(args = [16])]
fn contact_alone(bencher: Bencher, worlds: usize) {
    alone(bencher, worlds, true);
}

#[divan::bench(args = WORLDS)]
fn contact_together(bencher: Bencher, worlds: usize) {
    together(bencher, worlds, true);
}

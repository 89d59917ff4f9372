//! Worlds that are stepped together against worlds that are stepped one by one, over whole flights.

mod lander;

use lander::{Lander, POSITION_ITERATIONS, TIME_STEP, VELOCITY_ITERATIONS};
use lane_math::Isa;
use planar::step_together;

const STEPS: usize = 400;

/// Flies `landers` alone and, on each instruction set, together.
fn fly(landers: usize) -> Flown {
    let start: Vec<Lander> = (0..landers as u64).map(Lander::new).collect();
    let mut alone = start.clone();
    let mut groups: Vec<_> = Isa::all_available().into_iter().map(|isa| (isa, start.clone())).collect();
    let mut flown = Flown::default();
    for step in 0..STEPS {
        for lander in &mut alone {
            lander.steer();
            lander.world.step(TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
            flown.in_contact += usize::from(lander.is_in_contact());
            flown.asleep += usize::from(!lander.is_awake());
        }
        for (isa, together) in &mut groups {
            together.iter_mut().for_each(Lander::steer);
            step_together(*isa, together, TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
            for (number, (lander, expected)) in together.iter().zip(&alone).enumerate() {
                let place = format!("lander {number} in step {step} on {}", isa.name());
                assert_eq!(lander.motion(), expected.motion(), "motion of {place}");
                assert_eq!(lander.impulses(), expected.impulses(), "impulses of {place}");
                assert_eq!(
                    lander.world.contact_events(),
                    expected.world.contact_events(),
                    "events of {place}"
                );
            }
        }
    }
    flown
}

/// How many steps of all landers ended in contact with the ground, and asleep.
#[derive(Default)]
struct Flown {
    in_contact: usize,
    asleep: usize,
}

#[test]
fn many_worlds_step_together_as_they_do_alone() {
    let flown = fly(45);
    let steps = 45 * STEPS;
    assert!(
        flown.in_contact > steps / 4 && flown.in_contact < steps,
        "{} of {steps} in contact",
        flown.in_contact
    );
    assert!(flown.asleep > 0 && flown.asleep < flown.in_contact, "{} of {steps} asleep", flown.asleep);
}

#[test]
fn a_few_worlds_step_together_as_they_do_alone() {
    fly(1);
    fly(3);
}

#[test]
fn no_worlds_step_together() {
    step_together::<Lander>(Isa::detect(), &mut [], TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
}

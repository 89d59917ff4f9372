//! CarRacing with cars that drive: `cargo bench -p envs --bench car_racing`. Physics, picture and track apart; items are
//! frames, or resets. What a forward pass costs is in the policy crate's benches.

use divan::{Bencher, black_box};
use envs::{Actions, Group, Outcomes, View, registry};

fn main() {
    divan::main();
}

/// Episodes side by side.
const LANES: usize = 4;
/// Steps after which the camera has come down and the cars are fast.
const STEPS_BEFORE: usize = 60;
/// Steps that are measured in one go.
const STEPS: usize = 40;
/// Values of an observation.
const OBSERVED: usize = 96 * 96 * 3;

/// Starts all episodes anew, with full gas until the cars are fast.
fn start(group: &mut dyn Group) {
    (0..LANES).for_each(|lane| group.reset(lane, lane as u64));
    drive(group, STEPS_BEFORE);
}

/// Straight on with full gas.
fn drive(group: &mut dyn Group, steps: usize) {
    let actions = [0.0, 1.0, 0.0].repeat(LANES);
    let mut outcomes = Outcomes::new(LANES);
    for _ in 0..steps {
        group.step(Actions::Continuous(black_box(&actions)), &mut outcomes);
    }
}

fn make() -> Box<dyn Group> {
    let spec = registry::find("carracing").and_then(|entry| entry.spec(&[], &[])).expect("it is registered");
    spec.group(LANES)
}

#[divan::bench(sample_count = 50)]
fn physics(bencher: Bencher) {
    bencher
        .counter(STEPS * LANES)
        .with_inputs(|| {
            let mut group = make();
            start(group.as_mut());
            group
        })
        .bench_local_refs(|group| drive(group.as_mut(), STEPS));
}

#[divan::bench(args = ["mlp", "cnn"])]
fn picture(bencher: Bencher, policy: &str) {
    let view = if policy == "mlp" { View::Gymnasium } else { View::ChannelsFirst };
    let mut group = make();
    start(group.as_mut());
    let mut observations = vec![0.0; LANES * OBSERVED];
    bencher.counter(LANES).bench_local(|| group.observe(LANES, view, black_box(&mut observations)));
}

#[divan::bench]
fn track(bencher: Bencher) {
    let mut group = make();
    let mut seed = 0;
    bencher.counter(1_usize).bench_local(|| {
        seed += 1;
        group.reset(0, black_box(seed));
    });
}

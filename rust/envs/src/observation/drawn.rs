//! Frames that nobody sees are not drawn: an environment that counts how often it is observed.

use super::{COLOURS, ObservationOptions, ObservedSpec, PictureShape};
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::group::Outcomes;
use crate::repeat::RepeatSpec;
use crate::space::{ActionSpace, Actions, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use std::cell::Cell;

const SIDE: usize = 4;
const SIZE: usize = SIDE * SIDE * COLOURS;
/// Steps of an episode.
const LENGTH: usize = 11;

thread_local! {
    static DRAWN: Cell<usize> = const { Cell::new(0) };
}

/// How many frames `play` draws.
fn drawn(play: impl FnOnce()) -> usize {
    DRAWN.set(0);
    play();
    DRAWN.get()
}

/// Counts its frames, and ends after [`LENGTH`] steps.
#[derive(Clone)]
struct Counting {
    steps: usize,
}

impl Environment for Counting {
    fn reset(&mut self, _seed: Option<u64>) {
        self.steps = 0;
    }

    fn step(&mut self, _action: Action<'_>) -> Step {
        self.steps += 1;
        Step { reward: 1.0, terminated: self.steps == LENGTH, truncated: false }
    }

    fn observe(&self, _view: View, observation: &mut [f32]) {
        DRAWN.set(DRAWN.get() + 1);
        observation.fill(0.0);
    }

    fn state(&self) -> Vec<StateField> {
        Vec::new()
    }
}

fn counting() -> Box<dyn Spec> {
    let space = ObservationSpace { shape: vec![SIDE, SIDE, COLOURS], dtype: ObservationDtype::U8 };
    Box::new(PrototypeSpec::new(Counting { steps: 0 }, space, ActionSpace::Discrete(2)))
}

/// One episode, observed after the reset and after each step but the last.
fn play(spec: &dyn Spec) {
    let (mut group, mut outcomes) = (spec.group(1), Outcomes::new(1));
    let mut seen = vec![0.0; spec.observation_space().size()];
    group.reset(0, 0);
    while !outcomes.terminated[0] {
        group.observe_lane(0, View::Gymnasium, &mut seen);
        group.step(Actions::Discrete(&[1]), &mut outcomes);
    }
}

#[test]
fn a_skip_draws_the_first_frame_and_the_last_two_of_each_skip() {
    let frame = PictureShape { height: SIDE, width: SIDE, channels: COLOURS };
    for (skip, stack, expected) in [
        (None, None, 1 + LENGTH),
        (None, Some(3), 1 + LENGTH),
        // Two whole skips of four, then three steps: one frame of them.
        (Some(4), None, 1 + 2 * 2 + 1),
        (Some(4), Some(2), 1 + 2 * 2 + 1),
        (Some(9), None, 1 + 2),
    ] {
        let options = ObservationOptions { skip, stack, ..Default::default() };
        let spec = ObservedSpec::new(counting(), frame, "cnn:3x4x4-8k2-2", &options, None).unwrap();
        assert_eq!(spec.observation_space().size(), SIZE * stack.unwrap_or(1));
        assert_eq!(drawn(|| play(&spec)), expected, "{options:?}");
    }
}

#[test]
fn a_repeated_action_draws_nothing_between() {
    // Whoever asks sees the frames after 0, 4 and 8 steps.
    let spec = RepeatSpec::new(counting(), 4, None);
    assert_eq!(drawn(|| play(&spec)), 3);
}

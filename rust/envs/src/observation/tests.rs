//! Groups against scalar episodes and both against the wrappers' definition, on an environment of a few pixels whose
//! episodes end at any time, in the middle of a skip too.

use super::{COLOURS, ObservationOptions, ObservedSpec, Padding, PictureShape};
use crate::environment::{Action, Environment, StateField, StateValue, Step, View};
use crate::group::{Group, Outcomes};
use crate::registry::find;
use crate::resets::compare_with_fresh;
use crate::space::{ActionSpace, Actions, ObservationDtype, ObservationSpace};
use crate::spec::{PrototypeSpec, Spec};
use numpy_rng::Generator;
use proptest::prelude::*;

const HEIGHT: usize = 6;
const WIDTH: usize = 4;
const SIZE: usize = HEIGHT * WIDTH * COLOURS;

/// Pixels, rewards and ends from a random stream.
#[derive(Clone)]
struct Noise {
    rng: Generator,
    pixels: [u8; SIZE],
    sum: i64,
    /// What the last step's events are.
    event: f64,
    has_ended: bool,
}

impl Noise {
    fn new() -> Self {
        Self { rng: Generator::from_seed(0), pixels: [0; SIZE], sum: 0, event: f64::NAN, has_ended: true }
    }

    fn draw(&mut self) {
        self.pixels = std::array::from_fn(|_| self.rng.next_u32() as u8);
    }
}

impl Environment for Noise {
    fn reset(&mut self, seed: Option<u64>) {
        if let Some(seed) = seed {
            self.rng = Generator::from_seed(seed);
        }
        self.event = 0.5;
        (self.sum, self.has_ended) = (0, false);
        self.draw();
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        assert!(!self.has_ended, "stepped past its end");
        self.sum += i64::from(action.index());
        self.draw();
        let reward = self.rng.random() + f64::from(action.index());
        self.event = self.rng.random();
        self.has_ended = self.rng.integers(0, 12) == 0;
        let terminated = self.has_ended && self.rng.integers(0, 2) == 0;
        Step { reward, terminated, truncated: self.has_ended && !terminated }
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        assert_eq!(view, View::Gymnasium);
        observation.iter_mut().zip(self.pixels).for_each(|(value, byte)| *value = f32::from(byte));
    }

    fn events(&self, events: &mut [f64]) {
        events.copy_from_slice(&[self.event, 1.0]);
    }

    fn state(&self) -> Vec<StateField> {
        vec![("sum", StateValue::Ints(vec![self.sum]))]
    }
}

fn spec(options: &ObservationOptions, max_episode_steps: Option<u64>) -> ObservedSpec {
    let space = ObservationSpace { shape: vec![HEIGHT, WIDTH, COLOURS], dtype: ObservationDtype::U8 };
    let inner = PrototypeSpec::new(Noise::new(), space, ActionSpace::Discrete(3));
    let inner = Box::new(inner.with_event_fields(&["random", "steps"]));
    let frame = PictureShape { height: HEIGHT, width: WIDTH, channels: COLOURS };
    ObservedSpec::new(inner, frame, "cnn:3x6x4-8k2-3", options, max_episode_steps).unwrap()
}

fn observed(environment: &dyn Environment, view: View, size: usize) -> Vec<f32> {
    let mut observation = vec![f32::NAN; size];
    environment.observe(view, &mut observation);
    observation
}

fn has_two_steps(seed: u64) -> bool {
    let mut noise = Noise::new();
    noise.reset(Some(seed));
    noise.step(Action::Discrete(1));
    !noise.has_ended
}

fn some_options() -> impl Strategy<Value = ObservationOptions> {
    let resize = prop::option::of((1_usize..9, 1_usize..9));
    let padding = prop_oneof![Just(Padding::Reset), Just(Padding::Zero)];
    let colours =
        prop_oneof![Just((true, None)), Just((false, None)), (0..COLOURS).prop_map(|one| (false, Some(one)))];
    let crop = prop::option::of([0_usize..3, 0_usize..3, 0_usize..2, 0_usize..2]);
    let part = (crop, prop::option::of((1_usize..4, 1_usize..4)), any::<bool>());
    (prop::option::of(2_usize..6), colours, resize, prop::option::of(1_usize..5), padding, part).prop_map(
        |(skip, (grayscale, channel), resize, stack, padding, (crop, subsample, scale))| ObservationOptions {
            skip,
            crop,
            subsample,
            channel,
            grayscale,
            resize,
            stack,
            padding,
            scale,
            keep: None,
            clip: None,
        },
    )
}

proptest! {
    #[test]
    fn groups_have_the_scalars_bits(
        options in some_options(),
        limit in prop::option::of(1_u64..20),
        lanes in 1_usize..6,
        seed in 0_u64..1 << 40,
    ) {
        let spec = spec(&options, limit);
        let mut rng = Generator::from_seed(seed);
        let mut group = spec.group(lanes);
        let mut scalars: Vec<_> = (0..lanes).map(|_| spec.environment()).collect();
        let mut reset = |group: &mut dyn Group, scalars: &mut Vec<Box<dyn Environment>>, lane: usize| {
            let seed = rng.next_u64();
            group.reset(lane, seed);
            // Of a fresh environment, so what the lane's reset forgets shows.
            scalars[lane] = spec.environment();
            scalars[lane].reset(Some(seed));
            let (mut ours, mut theirs) = ([f64::NAN; 2], [f64::INFINITY; 2]);
            group.events(lane, &mut ours);
            scalars[lane].events(&mut theirs);
            assert_eq!(ours, theirs);
        };
        (0..lanes).for_each(|lane| reset(group.as_mut(), &mut scalars, lane));
        let mut rng = Generator::from_seed(seed + 1);
        let mut outcomes = Outcomes::new(lanes);
        let mut active = lanes;
        for _ in 0..60 {
            let actions: Vec<u32> = (0..active).map(|_| rng.integers(0, 3) as u32).collect();
            group.step(Actions::Discrete(&actions), &mut outcomes);
            for lane in (0..active).rev() {
                let step = scalars[lane].step(Action::Discrete(actions[lane]));
                prop_assert_eq!(outcomes.rewards[lane].to_bits(), step.reward.to_bits());
                let flags = (outcomes.terminated[lane], outcomes.truncated[lane]);
                prop_assert_eq!(flags, (step.terminated, step.truncated));
                let (mut ours, mut theirs) = ([f64::NAN; 2], [f64::INFINITY; 2]);
                group.events(lane, &mut ours);
                scalars[lane].events(&mut theirs);
                prop_assert_eq!(ours, theirs);
            }
            for view in [View::Gymnasium, View::ChannelsFirst] {
                let size = spec.observation_space().size();
                let mut seen = vec![f32::NAN; active * size];
                group.observe(active, view, &mut seen);
                for (lane, row) in seen.chunks_exact(size).enumerate() {
                    prop_assert_eq!(row, &observed(scalars[lane].as_ref(), view, size)[..]);
                    if view == View::ChannelsFirst {
                        let gymnasium = observed(scalars[lane].as_ref(), View::Gymnasium, size);
                        let ordered: Vec<f32> =
                            spec.channels_first_order().into_iter().map(|index| gymnasium[index]).collect();
                        prop_assert_eq!(row, &ordered[..]);
                    }
                    let mut one = vec![f32::NAN; size];
                    group.observe_lane(lane, view, &mut one);
                    prop_assert_eq!(row, &one[..]);
                }
            }
            // As the engine does: a lane that has ended takes another episode, or the last lane moves into the gap.
            for lane in (0..active).rev() {
                if !outcomes.terminated[lane] && !outcomes.truncated[lane] {
                    continue;
                }
                if active == 1 || rng.integers(0, 6) > 0 {
                    reset(group.as_mut(), &mut scalars, lane);
                } else {
                    active -= 1;
                    if lane != active {
                        group.move_lane(active, lane);
                        scalars.swap(active, lane);
                    }
                }
            }
        }
    }

    #[test]
    fn a_reset_forgets_the_episode_before(
        options in some_options(),
        limit in prop::option::of(1_u64..20),
        seed in 0_u64..1 << 40,
    ) {
        compare_with_fresh(&spec(&options, limit), seed, 10, 60);
    }

    #[test]
    fn a_skip_is_steps_of_the_environment(skip in 2_usize..6, limit in 1_u64..20, seed in 0_u64..1 << 40) {
        let options = ObservationOptions { skip: Some(skip), ..Default::default() };
        let spec = spec(&options, Some(limit));
        let (mut group, mut noise) = (spec.group(1), Noise::new());
        let mut outcomes = Outcomes::new(1);
        group.reset(0, seed);
        noise.reset(Some(seed));
        let (mut buffers, mut elapsed) = ([[0; SIZE]; 2], 0);
        loop {
            group.step(Actions::Discrete(&[1]), &mut outcomes);
            let (mut total, mut steps, mut has_ended) = (0.0, 0, false);
            let mut random_events = 0.0;
            while !has_ended && steps < skip {
                let step = noise.step(Action::Discrete(1));
                (total, steps, elapsed) = (total + step.reward, steps + 1, elapsed + 1);
                random_events += noise.event;
                if steps + 1 >= skip {
                    buffers[steps + 1 - skip] = noise.pixels;
                }
                has_ended = step.terminated || step.truncated || elapsed >= limit;
            }
            prop_assert_eq!(outcomes.rewards[0].to_bits(), total.to_bits());
            prop_assert_eq!(outcomes.steps[0], steps as u64);
            let mut events = [f64::NAN; 2];
            group.events(0, &mut events);
            prop_assert_eq!(events, [random_events, steps as f64]);
            let mut seen = [f32::NAN; SIZE];
            group.observe_lane(0, View::Gymnasium, &mut seen);
            let largest: [f32; SIZE] =
                std::array::from_fn(|index| f32::from(buffers[0][index].max(buffers[1][index])));
            prop_assert_eq!(seen, largest);
            prop_assert_eq!(outcomes.terminated[0] || outcomes.truncated[0], has_ended);
            if has_ended {
                break;
            }
        }
    }
}

#[test]
fn a_stack_s_oldest_frame_comes_first_and_its_channels_are_neighbours() {
    for (padding, is_repeated) in [(Padding::Reset, true), (Padding::Zero, false)] {
        let options = ObservationOptions { stack: Some(3), padding, ..Default::default() };
        let (spec, plain) = (spec(&options, None), Noise::new());
        assert_eq!(spec.observation_space().shape, [3, HEIGHT, WIDTH, COLOURS]);
        assert_eq!(spec.image_shape(), Some([3 * COLOURS, HEIGHT, WIDTH]));
        let (mut stacked, mut plain) = (spec.environment(), plain);
        let seed = (0..).find(|&seed| has_two_steps(seed));
        stacked.reset(seed);
        plain.reset(seed);
        let first = if is_repeated { plain.pixels } else { [0; SIZE] };
        let mut frames = vec![first, first, plain.pixels];
        for _ in 0..2 {
            let values: Vec<f32> = frames[frames.len() - 3..].concat().into_iter().map(f32::from).collect();
            assert_eq!(observed(stacked.as_ref(), View::Gymnasium, 3 * SIZE), values);
            let planes = observed(stacked.as_ref(), View::ChannelsFirst, 3 * SIZE);
            for (index, value) in planes.into_iter().enumerate() {
                let (channel, pixel) = (index / (HEIGHT * WIDTH), index % (HEIGHT * WIDTH));
                let (frame, colour) = (channel / COLOURS, channel % COLOURS);
                assert_eq!(value, values[frame * SIZE + pixel * COLOURS + colour]);
            }
            stacked.step(Action::Discrete(1));
            plain.step(Action::Discrete(1));
            frames.push(plain.pixels);
        }
        assert_eq!(stacked.state(), plain.state());
    }
}

#[test]
fn what_is_cut_off_is_not_seen_and_bytes_are_scaled() {
    let options = ObservationOptions {
        crop: Some([1, 0, 1, 0]),
        subsample: Some((2, 1)),
        channel: Some(2),
        scale: true,
        ..Default::default()
    };
    let (spec, mut plain) = (spec(&options, None), Noise::new());
    assert_eq!(spec.observation_space().shape, [3, 3]);
    assert_eq!(
        (spec.observation_space().dtype, spec.image_shape()),
        (ObservationDtype::F32, Some([1, 3, 3]))
    );
    let mut cut = spec.environment();
    cut.reset(Some(3));
    plain.reset(Some(3));
    let pixel = |row: usize, column: usize| plain.pixels[(row * WIDTH + column) * COLOURS + 2];
    let bytes = [1, 3, 5].into_iter().flat_map(|row| (1..WIDTH).map(move |column| pixel(row, column)));
    let scaled: Vec<f32> = bytes.map(|byte| f32::from(byte) / 127.5 - 1.0).collect();
    assert_eq!(observed(cut.as_ref(), View::Gymnasium, 9), scaled);
    assert_eq!(observed(cut.as_ref(), View::ChannelsFirst, 9), scaled);
}

#[test]
fn shapes_and_the_default_policy_are_those_of_what_is_seen() {
    let options =
        ObservationOptions { grayscale: true, resize: Some((10, 7)), stack: Some(4), ..Default::default() };
    let spec = spec(&options, None);
    assert_eq!(spec.observation_space().shape, [4, 10, 7]);
    assert_eq!(spec.image_shape(), Some([4, 10, 7]));
    assert_eq!(spec.default_policy(), Some("cnn:4x10x7-8k2-3"));
}

#[test]
fn numbers_too_small_and_environments_without_pictures_are_refused() {
    let none = ObservationOptions::default();
    for (options, message) in [
        (ObservationOptions { skip: Some(1), ..none.clone() }, "expected skip to be at least 2, got 1"),
        (
            ObservationOptions { resize: Some((0, 3)), ..none.clone() },
            "expected resize height to be at least 1, got 0",
        ),
        (
            ObservationOptions { resize: Some((3, 0)), ..none.clone() },
            "expected resize width to be at least 1, got 0",
        ),
        (ObservationOptions { stack: Some(0), ..none.clone() }, "expected stack to be at least 1, got 0"),
    ] {
        let refused = find("carracing").unwrap().observed_spec(&[], &[], &options, None).err().unwrap();
        assert_eq!(refused.to_string(), format!("observation: {message}"));
    }
    let both = ObservationOptions { grayscale: true, channel: Some(1), ..none.clone() };
    let refused = find("carracing").unwrap().observed_spec(&[], &[], &both, None).err().unwrap();
    assert_eq!(refused.to_string(), "observation: expected either grayscale or a channel, got both");
    let (images, vectors) = (
        "coloured images, (height, width, 3) uint8, got CartPole-v1 with [4] float32",
        "vectors, (n,) float32",
    );
    let scaled = ObservationOptions { scale: true, ..none.clone() };
    let clipped = ObservationOptions { clip: Some((0.0, 1.0)), ..none.clone() };
    for (name, options, message) in [
        ("cartpole", &scaled, format!("scale: expected an environment with {images}")),
        (
            "carracing",
            &clipped,
            format!("clip: expected an environment with {vectors}, got CarRacing-v3 with [96, 96, 3] uint8"),
        ),
        (
            "snake",
            &none,
            format!(
                "expected an environment with {vectors} or coloured images, got evalengine/Snake-v0 with [12, 12, 5] \
                 float32"
            ),
        ),
    ] {
        let refused = find(name).unwrap().observed_spec(&[], &[], options, None).err().unwrap();
        assert_eq!(refused.to_string(), format!("observation: {message}"));
    }
}

#[test]
fn car_racing_s_lanes_have_the_scalar_s_bits() {
    let options = ObservationOptions {
        skip: Some(3),
        grayscale: true,
        resize: Some((84, 84)),
        stack: Some(2),
        padding: Padding::Reset,
        crop: Some([0, 12, 0, 0]),
        ..Default::default()
    };
    let spec = find("carracing").unwrap().observed_spec(&[], &[], &options, Some(20)).unwrap();
    let size = spec.observation_space().size();
    let (mut group, mut outcomes) = (spec.group(2), Outcomes::new(2));
    let mut scalars = [spec.environment(), spec.environment()];
    for (lane, scalar) in scalars.iter_mut().enumerate() {
        group.reset(lane, lane as u64);
        scalar.reset(Some(lane as u64));
    }
    for step in 0..7 {
        let actions = [0.1, 0.9, 0.0, -0.3, 0.5, 0.1];
        group.step(Actions::Continuous(&actions), &mut outcomes);
        for (lane, action) in actions.chunks_exact(3).enumerate() {
            let single = scalars[lane].step(Action::Continuous(action));
            assert_eq!((outcomes.rewards[lane], outcomes.truncated[lane]), (single.reward, step == 6));
            let mut seen = vec![f32::NAN; size];
            group.observe_lane(lane, View::ChannelsFirst, &mut seen);
            assert_eq!(seen, observed(scalars[lane].as_ref(), View::ChannelsFirst, size));
        }
    }
    assert_eq!(outcomes.steps, [2, 2]);
}

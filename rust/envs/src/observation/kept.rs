//! Observations that are vectors behind wrappers: an environment that shows other values, with the same episodes.
//!
//! EXACT, always in this order: Gymnasium's `MaxAndSkipObservation`, `TransformObservation` with
//! `lambda observation: observation[kept]`, `TransformObservation` with `numpy.clip`, and `FrameStackObservation`. Without a
//! skip, rewards, ends and random streams are the environment's own.

use super::environment::ObservedEnvironment;
use super::group::ObservedGroup;
use super::pick::Pick;
use super::vectors::Vectors;
use super::{ObservationOptions, intern::interned};
use crate::environment::{Environment, View};
use crate::error::EnvError;
use crate::group::{Group, Outcomes, same_kind};
use crate::space::{ActionSpace, Actions, ObservationDtype, ObservationSpace};
use crate::spec::Spec;
use std::any::Any;

/// The most values of an observation of which some are kept: it is looked at on the stack.
const MOST_VALUES: usize = 64;

/// An environment whose vectors are seen through the wrappers.
pub(crate) struct VectorSpec {
    inner: Box<dyn Spec>,
    pick: Pick,
    pipeline: Vectors,
    /// There is a skip or a stack; otherwise groups show a step without the ones before.
    remembers: bool,
    observation_space: ObservationSpace,
    fields: Vec<&'static str>,
    default_policy: String,
}

impl VectorSpec {
    /// Puts the wrappers before `inner`, an environment called `id` with vectors, which ends after `max_episode_steps`.
    /// `default_policy` is what fits without them.
    pub(crate) fn new(
        id: &str,
        inner: Box<dyn Spec>,
        default_policy: &str,
        options: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Result<Self, EnvError> {
        let size = inner.observation_space().size();
        let kept = options.keep.clone().unwrap_or_else(|| (0..size).collect());
        let ascends = kept.windows(2).all(|pair| pair[0] < pair[1]);
        if kept.is_empty() || !ascends || kept.iter().any(|&index| index >= size) || size > MOST_VALUES {
            return Err(EnvError::new(format!(
                "observation: keep: expected ascending positions from 0 to {} for {id}, got {kept:?}",
                size - 1
            )));
        }
        if let Some((low, high)) =
            options.clip.filter(|(low, high)| low.is_nan() || high.is_nan() || low > high)
        {
            let message =
                format!("observation: clip: expected bounds, the lower one first, got ({low}, {high})");
            return Err(EnvError::new(message));
        }
        let names = inner.observation_fields();
        let names: Vec<&'static str> = kept.iter().filter_map(|&index| names.get(index).copied()).collect();
        let fields = match options.stack {
            None => names,
            Some(stack) => (0..stack).rev().flat_map(|ago| names_of(&names, ago)).collect(),
        };
        let shape: Vec<usize> = options.stack.into_iter().chain([kept.len()]).collect();
        let observation_space = ObservationSpace { shape, dtype: ObservationDtype::F32 };
        let layers = default_policy.split_once('-').map_or("", |(_, layers)| layers);
        let pick = Pick::new(kept, options.clip);
        let remembers = options.skip.is_some() || options.stack.is_some();
        Ok(Self {
            default_policy: format!("mlp:{}-{layers}", observation_space.size()),
            pipeline: Vectors::new(size, pick.clone(), options, max_episode_steps),
            remembers,
            fields,
            observation_space,
            pick,
            inner,
        })
    }
}

/// What the values of a stack are called that were seen so many actions ago: their names where it is none.
fn names_of(names: &[&'static str], ago: usize) -> Vec<&'static str> {
    if ago == 0 {
        return names.to_vec();
    }
    names.iter().map(|name| interned(format!("{name}_ago{ago}"))).collect()
}

impl Spec for VectorSpec {
    fn observation_space(&self) -> &ObservationSpace {
        &self.observation_space
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        None
    }

    fn observation_fields(&self) -> &[&'static str] {
        &self.fields
    }

    fn event_fields(&self) -> &'static [&'static str] {
        self.inner.event_fields()
    }

    fn own_step_limit(&self) -> Option<u64> {
        self.inner.own_step_limit()
    }

    fn action_space(&self) -> &ActionSpace {
        self.inner.action_space()
    }

    fn default_policy(&self) -> Option<&str> {
        Some(&self.default_policy)
    }

    fn lanes_that_pay(&self) -> usize {
        self.inner.lanes_that_pay()
    }

    fn environment(&self) -> Box<dyn Environment> {
        let (inner, n_events) = (self.inner.environment(), self.event_fields().len());
        Box::new(ObservedEnvironment::new(inner, self.pipeline.clone(), n_events))
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        let (inner, n_events) = (self.inner.group(lanes), self.event_fields().len());
        if !self.remembers {
            // The time limit, which scalar episodes look at, is the engine's.
            let size = self.inner.observation_space().size();
            return Box::new(KeptGroup { inner, pick: self.pick.clone(), size });
        }
        let dimensions = match self.inner.action_space() {
            ActionSpace::Discrete(_) => 1,
            ActionSpace::Box { low, .. } => low.len(),
        };
        Box::new(ObservedGroup::new(inner, self.pipeline.clone(), dimensions, n_events))
    }
}

/// Several episodes side by side.
struct KeptGroup {
    inner: Box<dyn Group>,
    pick: Pick,
    size: usize,
}

impl Group for KeptGroup {
    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.inner.reset(lane, seed);
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.inner.vary(lane, prototype);
    }

    fn keep_resets(&mut self, seeds: usize) {
        self.inner.keep_resets(seeds);
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.inner.move_lane(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        self.inner.take_lane(to, same_kind::<Self>(other).inner.as_mut(), from);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        for (lane, row) in observations.chunks_exact_mut(self.pick.len()).take(active).enumerate() {
            self.observe_lane(lane, view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        let mut whole = [0.0; MOST_VALUES];
        self.inner.observe_lane(lane, view, &mut whole[..self.size]);
        self.pick.write(&whole, observation);
        self.pick.clip(observation);
    }

    fn events(&self, lane: usize, events: &mut [f64]) {
        self.inner.events(lane, events);
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        self.inner.step(actions, outcomes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Action;
    use crate::observation::ObservationOptions;
    use crate::registry::{ENTRIES, find};

    fn keeping(kept: &[usize]) -> ObservationOptions {
        ObservationOptions { keep: Some(kept.to_vec()), ..Default::default() }
    }

    #[test]
    fn episodes_are_the_same_and_show_less() {
        for entry in ENTRIES {
            let whole = entry.spec(&[], &[]).unwrap();
            if whole.image_shape().is_some() {
                continue;
            }
            let size = whole.observation_space().size();
            let kept = [0, size - 1];
            let spec = entry.observed_spec(&[], &[], &keeping(&kept), None).unwrap();
            assert_eq!(spec.observation_space().shape, [2]);
            let names = whole.observation_fields();
            assert_eq!(spec.observation_fields(), [names[0], names[size - 1]]);
            let (mut one, mut other) = (whole.group(3), spec.group(3));
            let mut alone = spec.environment();
            for lane in 0..3 {
                one.reset(lane, lane as u64);
                other.reset(lane, lane as u64);
            }
            alone.reset(Some(2));
            let (mut all, mut some, mut lone) = (vec![0.0; 3 * size], [0.0; 6], [0.0; 2]);
            let (mut outcomes, mut others) = (Outcomes::new(3), Outcomes::new(3));
            for _ in 0..5 {
                one.observe(3, View::Gymnasium, &mut all);
                other.observe(3, View::Gymnasium, &mut some);
                let expected: Vec<f32> = all.chunks(size).flat_map(|row| [row[0], row[size - 1]]).collect();
                assert_eq!(some[..], expected[..], "{}", entry.id);
                alone.observe(View::Gymnasium, &mut lone);
                assert_eq!(lone, some[4..], "{}", entry.id);
                let zeros = [0.0; 3 * 4];
                let actions = match whole.action_space() {
                    ActionSpace::Discrete(_) => Actions::Discrete(&[0; 3]),
                    ActionSpace::Box { low, .. } => Actions::Continuous(&zeros[..3 * low.len()]),
                };
                one.step(actions, &mut outcomes);
                other.step(actions, &mut others);
                assert_eq!(outcomes, others, "{}", entry.id);
                match whole.action_space() {
                    ActionSpace::Discrete(_) => alone.step(Action::Discrete(0)),
                    ActionSpace::Box { low, .. } => alone.step(Action::Continuous(&zeros[..low.len()])),
                };
            }
        }
    }

    #[test]
    fn lanes_of_stacks_and_skips_have_the_scalar_s_bits() {
        for entry in ENTRIES {
            let whole = entry.spec(&[], &[]).unwrap();
            if whole.image_shape().is_some() {
                continue;
            }
            let size = whole.observation_space().size();
            let options = ObservationOptions {
                skip: Some(3),
                stack: Some(2),
                clip: Some((-0.25, 0.5)),
                ..keeping(&[0, size - 1])
            };
            let spec = entry.observed_spec(&[], &[], &options, Some(8)).unwrap();
            assert_eq!(spec.observation_space().shape, [2, 2]);
            let names = whole.observation_fields();
            let older = [names[0], names[size - 1]].map(|name| format!("{name}_ago1"));
            assert_eq!(spec.observation_fields(), [&older[0], &older[1], names[0], names[size - 1]]);
            let (mut group, mut outcomes) = (spec.group(3), Outcomes::new(3));
            let mut scalars = [(); 3].map(|()| spec.environment());
            for (lane, scalar) in scalars.iter_mut().enumerate() {
                group.reset(lane, lane as u64);
                scalar.reset(Some(lane as u64));
            }
            let values = [0.5; 3 * 4];
            let mut last = [[f32::NAN; 2]; 3];
            for _ in 0..3 {
                let actions = match whole.action_space() {
                    ActionSpace::Discrete(_) => Actions::Discrete(&[1; 3]),
                    ActionSpace::Box { low, .. } => Actions::Continuous(&values[..3 * low.len()]),
                };
                group.step(actions, &mut outcomes);
                for (lane, scalar) in scalars.iter_mut().enumerate() {
                    let step = match whole.action_space() {
                        ActionSpace::Discrete(_) => scalar.step(Action::Discrete(1)),
                        ActionSpace::Box { low, .. } => scalar.step(Action::Continuous(&values[..low.len()])),
                    };
                    assert_eq!(outcomes.rewards[lane], step.reward, "{}", entry.id);
                    let (mut ours, mut theirs) = ([f32::NAN; 4], [f32::NAN; 4]);
                    group.observe_lane(lane, View::ChannelsFirst, &mut ours);
                    scalar.observe(View::Gymnasium, &mut theirs);
                    assert_eq!(ours.map(f32::to_bits), theirs.map(f32::to_bits), "{}", entry.id);
                    assert!(last[lane][0].is_nan() || ours[..2] == last[lane]);
                    assert!(ours.iter().all(|value| (-0.25..=0.5).contains(value)));
                    last[lane] = [ours[2], ours[3]];
                }
            }
            // The limit cuts the third skip short.
            assert_eq!((outcomes.steps, outcomes.truncated), (vec![2; 3], vec![true; 3]), "{}", entry.id);
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let refusal = |id: &str, options: &ObservationOptions| {
            find(id).unwrap().observed_spec(&[], &[], options, None).err().unwrap().to_string()
        };
        for kept in [&[][..], &[4], &[0, 0], &[2, 1]] {
            let expected = "observation: keep: expected ascending positions from 0 to 3 for CartPole-v1, got";
            assert_eq!(refusal("cartpole", &keeping(kept)), format!("{expected} {kept:?}"));
        }
        assert_eq!(
            refusal("carracing", &keeping(&[0])),
            "observation: keep: expected an environment with vectors, (n,) float32, got CarRacing-v3 with [96, 96, 3] \
             uint8"
        );
        let clip = |low, high| ObservationOptions { clip: Some((low, high)), ..Default::default() };
        assert_eq!(
            refusal("cartpole", &clip(1.0, -1.0)),
            "observation: clip: expected bounds, the lower one first, got (1, -1)"
        );
        assert!(refusal("cartpole", &clip(f32::NAN, 1.0)).ends_with("got (NaN, 1)"));
    }
}

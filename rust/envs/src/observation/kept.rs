//! Vector observations of which some values are kept: an environment that shows less, with the same episodes.
//!
//! EXACT: Gymnasium's `TransformObservation` with `lambda observation: observation[kept]`. Rewards, ends, states and random
//! streams are the environment's own.

use crate::arguments::Arguments;
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::error::EnvError;
use crate::group::{Group, Outcomes, same_kind};
use crate::space::{ActionSpace, Actions, ObservationDtype, ObservationSpace};
use crate::spec::Spec;
use std::any::Any;

/// The most values of an observation of which some are kept: it is looked at on the stack.
const MOST_VALUES: usize = 64;

/// An environment that shows some values of its observations.
pub(crate) struct KeptSpec {
    inner: Box<dyn Spec>,
    kept: Vec<usize>,
    observation_space: ObservationSpace,
    fields: Vec<&'static str>,
    default_policy: String,
}

impl KeptSpec {
    /// Shows the values of `inner`, an environment called `id`, at the indices `kept`. `default_policy` is what fits all.
    pub(crate) fn new(
        id: &str,
        inner: Box<dyn Spec>,
        default_policy: &str,
        kept: &[usize],
    ) -> Result<Self, EnvError> {
        let ObservationSpace { shape, dtype } = inner.observation_space();
        let (&[size], ObservationDtype::F32) = (&shape[..], dtype) else {
            let dtype = dtype.name();
            return Err(EnvError::new(format!(
                "observation: keep: expected an environment with vectors, (n,) float32, got {id} with {shape:?} {dtype}"
            )));
        };
        let ascends = kept.windows(2).all(|pair| pair[0] < pair[1]);
        if kept.is_empty() || !ascends || kept.iter().any(|&index| index >= size) || size > MOST_VALUES {
            return Err(EnvError::new(format!(
                "observation: keep: expected ascending positions from 0 to {} for {id}, got {kept:?}",
                size - 1
            )));
        }
        let names = inner.observation_fields();
        let fields = kept.iter().filter_map(|&index| names.get(index).copied()).collect();
        let layers = default_policy.split_once('-').map_or("", |(_, layers)| layers);
        Ok(Self {
            default_policy: format!("mlp:{}-{layers}", kept.len()),
            fields,
            observation_space: ObservationSpace { shape: vec![kept.len()], dtype: ObservationDtype::F32 },
            kept: kept.to_vec(),
            inner,
        })
    }
}

impl Spec for KeptSpec {
    fn observation_space(&self) -> &ObservationSpace {
        &self.observation_space
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
        let size = self.inner.observation_space().size();
        Box::new(KeptEnvironment { inner: self.inner.environment(), kept: self.kept.clone(), size })
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        let size = self.inner.observation_space().size();
        Box::new(KeptGroup { inner: self.inner.group(lanes), kept: self.kept.clone(), size })
    }
}

/// Copies the values of a whole observation that are kept.
fn pick(kept: &[usize], whole: &[f32], observation: &mut [f32]) {
    for (value, &index) in observation.iter_mut().zip(kept) {
        *value = whole[index];
    }
}

/// One scalar episode.
struct KeptEnvironment {
    inner: Box<dyn Environment>,
    kept: Vec<usize>,
    size: usize,
}

impl Environment for KeptEnvironment {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        self.inner.set_reset_options(options)
    }

    fn reset(&mut self, seed: Option<u64>) {
        self.inner.reset(seed);
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        self.inner.step(action)
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        let mut whole = [0.0; MOST_VALUES];
        self.inner.observe(view, &mut whole[..self.size]);
        pick(&self.kept, &whole, observation);
    }

    fn events(&self, events: &mut [f64]) {
        self.inner.events(events);
    }

    fn elapsed_steps(&self) -> Option<u64> {
        self.inner.elapsed_steps()
    }

    fn state(&self) -> Vec<StateField> {
        self.inner.state()
    }
}

/// Several episodes side by side.
struct KeptGroup {
    inner: Box<dyn Group>,
    kept: Vec<usize>,
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

    fn move_lane(&mut self, from: usize, to: usize) {
        self.inner.move_lane(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        self.inner.take_lane(to, same_kind::<Self>(other).inner.as_mut(), from);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        for (lane, row) in observations.chunks_exact_mut(self.kept.len()).take(active).enumerate() {
            self.observe_lane(lane, view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        let mut whole = [0.0; MOST_VALUES];
        self.inner.observe_lane(lane, view, &mut whole[..self.size]);
        pick(&self.kept, &whole, observation);
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
        let both = ObservationOptions { skip: Some(2), ..keeping(&[0]) };
        assert_eq!(
            refusal("cartpole", &both),
            "observation: expected keep alone, which is for vectors, got it with an option for images"
        );
    }
}

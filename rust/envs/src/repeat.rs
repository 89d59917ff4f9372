//! Each action played several times: an environment with longer steps, and the same episodes.
//!
//! EXACT: Gymnasium's environment behind a wrapper that plays an action again until it has been played so many times or the
//! episode ends, adds up the rewards from 0.0, first to last, in float64, and shows the last observation. The time limit
//! stands before it, where `gymnasium.make` puts it: it counts the environment's own steps, cuts a repetition short, and a
//! step counts as as many ([`Outcomes::steps`]). Observations that are not the last are not computed. Events are summed up,
//! as rewards are.
//!
//! Depends on [`Spec`], [`Group`] and [`Environment`], never on a single environment.

use crate::arguments::Arguments;
use crate::environment::{Action, Environment, StateField, Step, View};
use crate::error::EnvError;
use crate::group::{Group, Outcomes, same_kind};
use crate::seats::{EventSums, SeatedActions, Seats};
use crate::space::{ActionSpace, Actions, ObservationSpace};
use crate::spec::Spec;
use std::any::Any;

/// An environment whose steps are several of another's.
pub(crate) struct RepeatSpec {
    inner: Box<dyn Spec>,
    repeat: Repeat,
}

/// How often, and the limit of steps of the environment.
#[derive(Clone, Copy)]
struct Repeat {
    times: usize,
    most_steps: u64,
}

impl RepeatSpec {
    /// Plays each action of `inner` `times` times; an episode has at most `max_episode_steps` of its steps.
    pub(crate) fn new(inner: Box<dyn Spec>, times: usize, max_episode_steps: Option<u64>) -> Self {
        Self { inner, repeat: Repeat { times, most_steps: max_episode_steps.unwrap_or(u64::MAX) } }
    }
}

impl Spec for RepeatSpec {
    fn observation_space(&self) -> &ObservationSpace {
        self.inner.observation_space()
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.inner.image_shape()
    }

    fn channels_first_order(&self) -> Vec<usize> {
        self.inner.channels_first_order()
    }

    fn observation_fields(&self) -> &[&'static str] {
        self.inner.observation_fields()
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
        self.inner.default_policy()
    }

    fn lanes_that_pay(&self) -> usize {
        self.inner.lanes_that_pay()
    }

    fn environment(&self) -> Box<dyn Environment> {
        let events = [(); 2].map(|()| vec![0.0; self.event_fields().len()]);
        let inner = self.inner.environment();
        Box::new(RepeatEnvironment { inner, repeat: self.repeat, steps: 0, events })
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        let dimensions = match self.inner.action_space() {
            ActionSpace::Discrete(_) => 1,
            ActionSpace::Box { low, .. } => low.len(),
        };
        Box::new(RepeatGroup {
            inner: self.inner.group(lanes),
            repeat: self.repeat,
            steps: vec![0; lanes],
            seats: Seats::new(lanes),
            actions: SeatedActions::new(lanes, dimensions),
            outcomes: Outcomes::new(lanes),
            events: EventSums::new(lanes, self.event_fields().len()),
            last: LastSeen::new(lanes, self.inner.as_ref()),
        })
    }
}

/// One scalar episode.
struct RepeatEnvironment {
    inner: Box<dyn Environment>,
    repeat: Repeat,
    /// Of the environment, so far.
    steps: u64,
    /// What happened in the last step, and room for what happened in a part of it.
    events: [Vec<f64>; 2],
}

impl Environment for RepeatEnvironment {
    fn set_reset_options(&mut self, options: &Arguments) -> Result<(), EnvError> {
        self.inner.set_reset_options(options)
    }

    fn reset(&mut self, seed: Option<u64>) {
        self.inner.reset(seed);
        self.inner.events(&mut self.events[0]);
        self.steps = 0;
    }

    fn step(&mut self, action: Action<'_>) -> Step {
        let mut total = Step { reward: 0.0, terminated: false, truncated: false };
        let [events, latest] = &mut self.events;
        events.fill(0.0);
        for _ in 0..self.repeat.times {
            let step = self.inner.step(action);
            self.steps += 1;
            total.reward += step.reward;
            self.inner.events(latest);
            events.iter_mut().zip(&*latest).for_each(|(event, happened)| *event += happened);
            total.terminated = step.terminated;
            total.truncated = step.truncated | (self.steps >= self.repeat.most_steps);
            if total.terminated | total.truncated {
                break;
            }
        }
        total
    }

    fn observe(&self, view: View, observation: &mut [f32]) {
        self.inner.observe(view, observation);
    }

    fn events(&self, events: &mut [f64]) {
        events.copy_from_slice(&self.events[0]);
    }

    fn elapsed_steps(&self) -> Option<u64> {
        Some(self.steps)
    }

    fn state(&self) -> Vec<StateField> {
        self.inner.state()
    }
}

/// Several episodes side by side. The scalar episode is its twin.
struct RepeatGroup {
    inner: Box<dyn Group>,
    repeat: Repeat,
    /// Of the environment, so far.
    steps: Vec<u64>,
    seats: Seats,
    actions: SeatedActions,
    outcomes: Outcomes,
    events: EventSums,
    last: LastSeen,
}

/// What the lanes showed whose episodes have ended in a step. Groups that step in vectors go on with what is left of an
/// episode beside others; images are those of scalar episodes, which stay as they are and are drawn if anyone looks.
struct LastSeen {
    /// Values in an observation; 0 where nothing needs to be kept.
    size: usize,
    /// `(lanes, size)`, as Gymnasium has it.
    observations: Vec<f32>,
    has_ended: Vec<bool>,
}

impl LastSeen {
    fn new(lanes: usize, spec: &dyn Spec) -> Self {
        let size = if spec.image_shape().is_some() { 0 } else { spec.observation_space().size() };
        Self { size, observations: vec![0.0; lanes * size], has_ended: vec![false; lanes] }
    }

    /// What the lane showed, if its episode has ended and that is kept.
    fn of(&self, lane: usize) -> Option<&[f32]> {
        let row = lane * self.size..(lane + 1) * self.size;
        (self.size > 0 && self.has_ended[lane]).then(|| &self.observations[row])
    }

    fn end(&mut self, lane: usize, observe: impl FnOnce(&mut [f32])) {
        self.has_ended[lane] = true;
        if self.size > 0 {
            observe(&mut self.observations[lane * self.size..(lane + 1) * self.size]);
        }
    }
}

impl RepeatGroup {
    /// One step of the environments in the first `playing` seats; returns how many still play.
    fn step_once(&mut self, like: Actions<'_>, playing: usize, totals: &mut Outcomes) -> usize {
        self.inner.step(self.actions.first(playing, like), &mut self.outcomes);
        let mut left = playing;
        // Downwards, so that the episode that is moved into a gap has been looked at already.
        for seat in (0..playing).rev() {
            let lane = self.seats.lane_at(seat);
            self.steps[lane] += 1;
            totals.rewards[lane] += self.outcomes.rewards[seat];
            totals.terminated[lane] = self.outcomes.terminated[seat];
            totals.truncated[lane] =
                self.outcomes.truncated[seat] | (self.steps[lane] >= self.repeat.most_steps);
            totals.steps[lane] += 1;
            self.events.add(lane, |events| self.inner.events(seat, events));
            if totals.terminated[lane] | totals.truncated[lane] {
                self.last.end(lane, |row| self.inner.observe_lane(seat, View::Gymnasium, row));
                left -= 1;
                if seat != left {
                    self.inner.move_lane(left, seat);
                    self.actions.copy(left, seat);
                    self.seats.swap(left, seat);
                }
            }
        }
        left
    }
}

impl Group for RepeatGroup {
    fn lanes(&self) -> usize {
        self.steps.len()
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.inner.vary(self.seats.seat_of(lane), prototype);
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        let seat = self.seats.seat_of(lane);
        self.inner.reset(seat, seed);
        self.events.restart(lane, |events| self.inner.events(seat, events));
        self.steps[lane] = 0;
        self.last.has_ended[lane] = false;
    }

    fn keep_resets(&mut self, seeds: usize) {
        self.inner.keep_resets(seeds);
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        // What is moved is in play.
        self.last.has_ended[to] = false;
        self.steps[to] = self.steps[from];
        self.events.copy(from, to);
        self.seats.swap(self.seats.seat_of(from), self.seats.seat_of(to));
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        let other = same_kind::<Self>(other);
        self.last.has_ended[to] = false;
        self.steps[to] = other.steps[from];
        self.events.take(to, &other.events, from);
        let (seat, others_seat) = (self.seats.seat_of(to), other.seats.seat_of(from));
        self.inner.take_lane(seat, other.inner.as_mut(), others_seat);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        let size = observations.len() / active;
        // The lanes of the wrapped group are in another order once an episode has ended within a step.
        if (0..active).all(|lane| self.seats.seat_of(lane) == lane && self.last.of(lane).is_none()) {
            return self.inner.observe(active, view, observations);
        }
        for (lane, row) in observations.chunks_exact_mut(size).enumerate() {
            self.observe_lane(lane, view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        match self.last.of(lane) {
            Some(last) => observation.copy_from_slice(last),
            None => self.inner.observe_lane(self.seats.seat_of(lane), view, observation),
        }
    }

    fn events(&self, lane: usize, events: &mut [f64]) {
        events.copy_from_slice(self.events.of(lane));
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let active = self.actions.lanes(actions);
        self.seats.close_ranks(active, self.inner.as_mut());
        self.actions.fill(actions, &self.seats);
        outcomes.rewards[..active].fill(0.0);
        outcomes.steps[..active].fill(0);
        self.events.clear();
        let mut playing = active;
        for _ in 0..self.repeat.times {
            playing = self.step_once(actions, playing, outcomes);
            if playing == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ENTRIES;
    use numpy_rng::Generator;

    const LANES: usize = 5;

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// Lanes whose episodes have ended stay in play until they are reset after the step, as the engine does it.
    #[test]
    fn groups_have_the_bits_of_scalar_episodes_and_show_what_ended() {
        for entry in ENTRIES {
            let (times, limit, steps) = if entry.short_name == "carracing" { (2, 9, 6) } else { (7, 40, 60) };
            let spec = entry.wrapped_spec(&[], &[], None, times, Some(limit)).unwrap();
            let size = spec.observation_space().size();
            let mut rng = Generator::from_seed(5);
            let mut group = spec.group(LANES);
            let mut scalars: Vec<_> = (0..LANES).map(|_| spec.environment()).collect();
            for (lane, scalar) in scalars.iter_mut().enumerate() {
                group.reset(lane, lane as u64);
                scalar.reset(Some(lane as u64));
            }
            let (mut outcomes, mut ended) = (Outcomes::new(LANES), 0);
            for _ in 0..steps {
                let (indices, values): (Vec<u32>, Vec<f32>) = match spec.action_space() {
                    ActionSpace::Discrete(n) => {
                        ((0..LANES).map(|_| rng.integers(0, i64::from(*n)) as u32).collect(), Vec::new())
                    }
                    ActionSpace::Box { low, .. } => {
                        (Vec::new(), (0..LANES * low.len()).map(|_| rng.uniform(-1.0, 1.0) as f32).collect())
                    }
                };
                let dimensions = values.len() / LANES;
                let actions = match dimensions {
                    0 => Actions::Discrete(&indices),
                    _ => Actions::Continuous(&values),
                };
                group.step(actions, &mut outcomes);
                let (mut all, mut one) = (vec![0.0; LANES * size], vec![0.0; size]);
                group.observe(LANES, View::Gymnasium, &mut all);
                for (lane, scalar) in scalars.iter_mut().enumerate() {
                    let row = &values[lane * dimensions..(lane + 1) * dimensions];
                    let action = if row.is_empty() {
                        Action::Discrete(indices[lane])
                    } else {
                        Action::Continuous(row)
                    };
                    let before = scalar.elapsed_steps().unwrap();
                    let step = scalar.step(action);
                    let expected = (step.reward.to_bits(), step.terminated, step.truncated);
                    let got = (
                        outcomes.rewards[lane].to_bits(),
                        outcomes.terminated[lane],
                        outcomes.truncated[lane],
                    );
                    assert_eq!(got, expected, "{}", entry.id);
                    assert_eq!(
                        outcomes.steps[lane],
                        scalar.elapsed_steps().unwrap() - before,
                        "{}",
                        entry.id
                    );
                    scalar.observe(View::Gymnasium, &mut one);
                    assert_eq!(bits(&all[lane * size..(lane + 1) * size]), bits(&one), "{}", entry.id);
                    let mut events = [(); 2].map(|()| vec![0.0; spec.event_fields().len()]);
                    group.events(lane, &mut events[0]);
                    scalar.events(&mut events[1]);
                    assert_eq!(events[0], events[1], "{}", entry.id);
                }
                for (lane, scalar) in scalars.iter_mut().enumerate() {
                    if outcomes.terminated[lane] || outcomes.truncated[lane] {
                        ended += 1;
                        let seed = rng.next_u64();
                        group.reset(lane, seed);
                        scalar.reset(Some(seed));
                    }
                }
            }
            assert!(ended >= LANES, "{}", entry.id);
        }
    }

    #[test]
    fn no_repetition_and_two_of_them_are_refused() {
        let entry = crate::registry::find("carracing").unwrap();
        let skips = crate::ObservationOptions { skip: Some(4), ..Default::default() };
        let refusal = |observation, times| {
            entry.wrapped_spec(&[], &[], observation, times, None).err().unwrap().to_string()
        };
        assert_eq!(refusal(None, 0), "action_repeat: expected at least 1, got 0");
        assert_eq!(
            refusal(Some(&skips), 2),
            "action_repeat: expected either it or a skip of the observation, got 2 and skip=4"
        );
    }
}

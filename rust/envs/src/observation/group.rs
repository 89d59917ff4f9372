//! Groups behind the wrappers. The scalar [`ObservedEnvironment`](super::environment::ObservedEnvironment) is their twin.

use super::pipeline::Pipeline;
use crate::environment::View;
use crate::group::{Group, Outcomes, same_kind};
use crate::seats::{EventSums, SeatedActions, Seats};
use crate::space::Actions;
use std::any::Any;

/// A group behind the wrappers.
///
/// An episode that ends before its skip does must not be stepped on while the others are, and a group steps its first
/// lanes: so the last one that still plays is moved to where the ended one was. [`Seats`] says who is where.
pub(super) struct ObservedGroup<P: Pipeline> {
    inner: Box<dyn Group>,
    pipeline: P,
    memories: Vec<P::Memory>,
    seats: Seats,
    actions: SeatedActions,
    outcomes: Outcomes,
    events: EventSums,
}

impl<P: Pipeline> ObservedGroup<P> {
    pub(super) fn new(inner: Box<dyn Group>, pipeline: P, dimensions: usize, n_events: usize) -> Self {
        let lanes = inner.lanes();
        Self {
            inner,
            memories: vec![pipeline.memory(); lanes],
            pipeline,
            seats: Seats::new(lanes),
            actions: SeatedActions::new(lanes, dimensions),
            outcomes: Outcomes::new(lanes),
            events: EventSums::new(lanes, n_events),
        }
    }

    /// One step of the environments in the first `playing` seats, number `index` of the skip; returns how many still play.
    fn step_once(&mut self, index: usize, like: Actions<'_>, playing: usize, totals: &mut Outcomes) -> usize {
        self.inner.step(self.actions.first(playing, like), &mut self.outcomes);
        let mut left = playing;
        // Downwards, so that the episode that is moved into a gap has been looked at already.
        for seat in (0..playing).rev() {
            let lane = self.seats.lane_at(seat);
            let memory = &mut self.memories[lane];
            totals.rewards[lane] += self.outcomes.rewards[seat];
            totals.terminated[lane] = self.outcomes.terminated[seat];
            totals.truncated[lane] = self.outcomes.truncated[seat] | self.pipeline.is_at_limit(memory);
            totals.steps[lane] += self.outcomes.steps[seat];
            self.events.add(lane, |events| self.inner.events(seat, events));
            self.pipeline.look(memory, index, |frame| self.inner.observe_lane(seat, View::Gymnasium, frame));
            if totals.terminated[lane] | totals.truncated[lane] {
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

impl<P: Pipeline> Group for ObservedGroup<P> {
    fn lanes(&self) -> usize {
        self.memories.len()
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        let seat = self.seats.seat_of(lane);
        self.inner.reset(seat, seed);
        self.events.restart(lane, |events| self.inner.events(seat, events));
        let draw = |frame: &mut [f32]| self.inner.observe_lane(seat, View::Gymnasium, frame);
        self.pipeline.reset(&mut self.memories[lane], draw);
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.inner.vary(self.seats.seat_of(lane), prototype);
    }

    fn keep_resets(&mut self, seeds: usize) {
        self.inner.keep_resets(seeds);
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.memories.swap(from, to);
        self.events.copy(from, to);
        self.seats.swap(self.seats.seat_of(from), self.seats.seat_of(to));
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        let other = same_kind::<Self>(other);
        std::mem::swap(&mut self.memories[to], &mut other.memories[from]);
        self.events.take(to, &other.events, from);
        let (seat, others_seat) = (self.seats.seat_of(to), other.seats.seat_of(from));
        self.inner.take_lane(seat, other.inner.as_mut(), others_seat);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        let rows = observations.chunks_exact_mut(self.pipeline.observation_size());
        for (memory, row) in self.memories[..active].iter().zip(rows) {
            self.pipeline.observe(memory, view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        self.pipeline.observe(&self.memories[lane], view, observation);
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
        for index in 0..self.pipeline.skip() {
            playing = self.step_once(index, actions, playing, outcomes);
            if playing == 0 {
                break;
            }
        }
        for memory in &mut self.memories[..active] {
            self.pipeline.push(memory);
        }
    }
}

//! Groups behind the wrappers. The scalar [`ObservedEnvironment`](super::environment::ObservedEnvironment) is their twin.

use super::pipeline::Pipeline;
use super::seats::Seats;
use crate::environment::View;
use crate::group::{Group, Outcomes, same_kind};
use crate::space::Actions;

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
    events: Events,
}

/// What happened in the last step of each lane, summed over its skip.
struct Events {
    /// `(lanes, n)`, row-major.
    sums: Vec<f64>,
    /// Of one step of a skip.
    latest: Vec<f64>,
}

impl Events {
    /// What happened in the last step of a lane.
    fn of(&self, lane: usize) -> &[f64] {
        let n = self.latest.len();
        &self.sums[lane * n..(lane + 1) * n]
    }

    fn copy(&mut self, from: usize, to: usize) {
        let n = self.latest.len();
        self.sums.copy_within(from * n..(from + 1) * n, to * n);
    }

    fn take(&mut self, to: usize, other: &Self, from: usize) {
        let n = self.latest.len();
        self.sums[to * n..(to + 1) * n].copy_from_slice(other.of(from));
    }

    /// Makes the sums of a lane what `read` writes.
    fn restart(&mut self, lane: usize, read: impl FnOnce(&mut [f64])) {
        let n = self.latest.len();
        read(&mut self.sums[lane * n..(lane + 1) * n]);
    }

    /// Adds what `read` writes to the sums of a lane.
    fn add(&mut self, lane: usize, read: impl FnOnce(&mut [f64])) {
        let n = self.latest.len();
        read(&mut self.latest);
        let sums = &mut self.sums[lane * n..(lane + 1) * n];
        sums.iter_mut().zip(&self.latest).for_each(|(sum, event)| *sum += event);
    }
}

/// The actions in the order of the seats: only one of the two is in use.
struct SeatedActions {
    indices: Vec<u32>,
    values: Vec<f32>,
    dimensions: usize,
}

impl SeatedActions {
    /// Takes over the actions of the first lanes; returns their number.
    fn fill(&mut self, actions: Actions<'_>, seats: &Seats) -> usize {
        match actions {
            Actions::Discrete(indices) => {
                for (lane, &index) in indices.iter().enumerate() {
                    self.indices[seats.seat_of(lane)] = index;
                }
                indices.len()
            }
            Actions::Continuous(values) => {
                let rows = values.chunks_exact(self.dimensions);
                let active = rows.len();
                for (lane, row) in rows.enumerate() {
                    let start = seats.seat_of(lane) * self.dimensions;
                    self.values[start..start + self.dimensions].copy_from_slice(row);
                }
                active
            }
        }
    }

    /// Copies one seat's action to another seat.
    fn copy(&mut self, from: usize, to: usize) {
        self.indices[to] = self.indices[from];
        let start = from * self.dimensions;
        self.values.copy_within(start..start + self.dimensions, to * self.dimensions);
    }

    /// The actions of the first seats, of the kind of `like`.
    fn first(&self, seats: usize, like: Actions<'_>) -> Actions<'_> {
        match like {
            Actions::Discrete(_) => Actions::Discrete(&self.indices[..seats]),
            Actions::Continuous(_) => Actions::Continuous(&self.values[..seats * self.dimensions]),
        }
    }
}

impl<P: Pipeline> ObservedGroup<P> {
    pub(super) fn new(inner: Box<dyn Group>, pipeline: P, dimensions: usize, n_events: usize) -> Self {
        let lanes = inner.lanes();
        Self {
            inner,
            memories: vec![pipeline.memory(); lanes],
            pipeline,
            seats: Seats::new(lanes),
            actions: SeatedActions {
                indices: vec![0; lanes],
                values: vec![0.0; lanes * dimensions],
                dimensions,
            },
            outcomes: Outcomes::new(lanes),
            events: Events { sums: vec![0.0; lanes * n_events], latest: vec![0.0; n_events] },
        }
    }

    /// Sees to it that the first `active` lanes have the first seats, in whatever order.
    fn close_ranks(&mut self, active: usize) {
        for lane in 0..active {
            let seat = self.seats.seat_of(lane);
            if seat >= active {
                let is_free = |&seat: &usize| self.seats.lane_at(seat) >= active;
                let free = (0..active).find(is_free).expect("as many seats as lanes");
                self.inner.move_lane(seat, free);
                self.seats.swap(seat, free);
            }
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
            totals.steps[lane] += 1;
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
        let active = match actions {
            Actions::Discrete(indices) => indices.len(),
            Actions::Continuous(values) => values.len() / self.actions.dimensions,
        };
        self.close_ranks(active);
        self.actions.fill(actions, &self.seats);
        outcomes.rewards[..active].fill(0.0);
        outcomes.steps[..active].fill(0);
        self.events.sums.fill(0.0);
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

//! Groups of episodes that one thread advances together.

use crate::environment::View;
use crate::space::Actions;
use lane_math::{Isa, LibmLanes};
use std::any::Any;

/// What a group's step returned, one entry per lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// The rewards.
    pub rewards: Vec<f64>,
    /// Which episodes reached an end state.
    pub terminated: Vec<bool>,
    /// Which episodes reached a limit of the environment's own.
    pub truncated: Vec<bool>,
    /// How many steps of the environment it was: 1, unless frames are skipped. Only a group that skips writes them.
    pub steps: Vec<u64>,
}

impl Outcomes {
    /// Room for `lanes` lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            rewards: vec![0.0; lanes],
            terminated: vec![false; lanes],
            truncated: vec![false; lanes],
            steps: vec![1; lanes],
        }
    }
}

/// Several episodes side by side. Lanes `0..active` are in play; the engine keeps them dense by
/// moving the last one into a gap.
pub trait Group: Send + Any {
    /// The number of lanes.
    fn lanes(&self) -> usize;

    /// Makes the episodes that will be started in `lane` copies of `prototype`, which [`Spec::prototype`](crate::Spec::prototype)
    /// is of the same environment with other values of keyword arguments. They change neither observations nor actions.
    ///
    /// # Panics
    ///
    /// If it is another environment's.
    fn vary(&mut self, lane: usize, prototype: &dyn Any);

    /// Says that resets will be given the same `seeds` seeds again and again, and lanes never be varied: where a reset takes longer
    /// than a copy, the group keeps what each of them comes to. That changes the time that resets take, and nothing else.
    fn keep_resets(&mut self, _seeds: usize) {}

    /// Starts a new episode in `lane`.
    fn reset(&mut self, lane: usize, seed: u64);

    /// Makes lane `to` what lane `from` is; `from` is out of play afterwards. Groups of scalar episodes exchange the two, and
    /// their steps leave lanes out of play alone, so that what was in `to` can still be observed in `from`.
    fn move_lane(&mut self, from: usize, to: usize);

    /// Makes lane `to` what lane `from` of another group is, in which it is out of play afterwards.
    ///
    /// # Panics
    ///
    /// If `other` is not a group of the same spec.
    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize);

    /// Writes the observations of the first `active` lanes, `(active, size)` row-major.
    fn observe(&self, active: usize, view: View, observations: &mut [f32]);

    /// Writes the observation of one lane.
    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]);

    /// Writes what happened in the last step of one lane, as [`Environment::events`](crate::Environment::events) does.
    fn events(&self, _lane: usize, _events: &mut [f64]) {}

    /// Advances the first lanes, as many as there are actions; writes their entries of `outcomes`.
    ///
    /// A lane whose episode has ended must be reset before it is stepped again: past the end only the
    /// scalar [`Environment`](crate::Environment) does what the reference does.
    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes);
}

/// The other group of [`Group::take_lane`].
pub(crate) fn same_kind<G: Group>(other: &mut dyn Group) -> &mut G {
    let other: &mut dyn Any = other;
    other.downcast_mut().expect("groups of one spec are of one type")
}

/// The prototype of [`Group::vary`].
pub(crate) fn prototype_of<E: 'static>(prototype: &dyn Any) -> &E {
    prototype.downcast_ref().expect("episodes of one environment are of one type")
}

/// A group of an environment's own, which an instruction set can be chosen for.
pub(crate) trait LaneGroup<E>: Group + Sized {
    /// `lanes` copies of `prototype`, none of them reset.
    fn new(prototype: &E, lanes: usize, isa: Isa, libm: LibmLanes) -> Self;

    /// The same on the best instruction set of the machine: what [`PrototypeSpec::with_groups`](crate::PrototypeSpec::with_groups) takes.
    fn boxed(prototype: &E, lanes: usize) -> Box<dyn Group> {
        let isa = Isa::detect();
        Box::new(Self::new(prototype, lanes, isa, LibmLanes::detect(isa)))
    }
}

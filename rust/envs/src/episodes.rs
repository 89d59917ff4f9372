//! Groups whose lanes are scalar episodes. Only how they advance differs: one after the other ([`ScalarGroup`]), or with
//! their worlds together ([`WorldGroup`](crate::worlds::WorldGroup)).

use crate::environment::{Action, Environment, Step, View};
use crate::group::{Group, Outcomes, prototype_of, same_kind};
use crate::space::Actions;
use std::any::Any;

/// A group of scalar episodes.
pub struct EpisodeGroup<E, A> {
    episodes: Vec<E>,
    /// What resets came to, by their seeds, and for how many seeds that is kept.
    kept: Vec<(u64, E)>,
    most_kept: usize,
    advance: A,
    dimensions: usize,
    observation_size: usize,
}

/// How the episodes of a group advance.
pub(crate) trait Advance<E>: Send + 'static {
    /// Whether a reset takes longer than a copy.
    const KEEPS_RESETS: bool = false;

    /// Makes an episode a copy of another one of the same environment.
    fn copy(from: &E, to: &mut E)
    where
        E: Clone,
    {
        to.clone_from(from);
    }

    /// Advances each of the episodes by its action; gives every step to `record`, first lane to last.
    fn advance<'a>(
        &self,
        episodes: &mut [E],
        actions: impl Iterator<Item = Action<'a>>,
        record: impl FnMut(Step),
    );
}

/// The group that every environment has: scalar episodes, one after the other.
pub type ScalarGroup<E> = EpisodeGroup<E, OneByOne>;

/// One after the other.
pub struct OneByOne;

impl<E: Environment> Advance<E> for OneByOne {
    #[inline]
    fn advance<'a>(
        &self,
        episodes: &mut [E],
        actions: impl Iterator<Item = Action<'a>>,
        mut record: impl FnMut(Step),
    ) {
        episodes.iter_mut().zip(actions).for_each(|(episode, action)| record(episode.step(action)));
    }
}

impl<E: Environment + Clone> ScalarGroup<E> {
    /// `lanes` copies of `prototype`, which has `observation_size` values in an observation and
    /// `dimensions` in a continuous action.
    pub fn new(prototype: &E, lanes: usize, observation_size: usize, dimensions: usize) -> Self {
        Self::advancing(OneByOne, prototype, lanes, observation_size, dimensions)
    }
}

impl<E: Clone, A> EpisodeGroup<E, A> {
    /// The same as [`ScalarGroup::new`], for episodes that advance in another way.
    pub(crate) fn advancing(
        advance: A,
        prototype: &E,
        lanes: usize,
        observation_size: usize,
        dimensions: usize,
    ) -> Self {
        let episodes = vec![prototype.clone(); lanes];
        Self { episodes, kept: Vec::new(), most_kept: 0, advance, dimensions, observation_size }
    }
}

impl<E: Environment + Clone + 'static, A: Advance<E>> Group for EpisodeGroup<E, A> {
    fn lanes(&self) -> usize {
        self.episodes.len()
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.episodes[lane] = prototype_of::<E>(prototype).clone();
        // Resets of different episodes come to different things.
        self.keep_resets(0);
    }

    fn keep_resets(&mut self, seeds: usize) {
        self.most_kept = if A::KEEPS_RESETS { seeds } else { 0 };
        self.kept.clear();
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        let episode = &mut self.episodes[lane];
        if let Some((_, kept)) = self.kept.iter().find(|&&(known, _)| known == seed) {
            return A::copy(kept, episode);
        }
        episode.reset(Some(seed));
        if self.kept.len() < self.most_kept {
            self.kept.push((seed, episode.clone()));
        }
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.episodes.swap(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        std::mem::swap(&mut self.episodes[to], &mut same_kind::<Self>(other).episodes[from]);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        let rows = observations.chunks_exact_mut(self.observation_size);
        for (episode, row) in self.episodes[..active].iter().zip(rows) {
            episode.observe(view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        self.episodes[lane].observe(view, observation);
    }

    fn events(&self, lane: usize, events: &mut [f64]) {
        self.episodes[lane].events(events);
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let active = actions.lanes(self.dimensions);
        let mut lane = 0;
        let record = |step: Step| {
            outcomes.rewards[lane] = step.reward;
            outcomes.terminated[lane] = step.terminated;
            outcomes.truncated[lane] = step.truncated;
            lane += 1;
        };
        self.advance.advance(&mut self.episodes[..active], actions.by_lane(self.dimensions), record);
    }
}

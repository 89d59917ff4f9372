//! The episodes that a worker has in play, one in each of its lanes. Every field is an array of its own: a step adds to
//! them in vectors, and others read them as they are.

use crate::rules::{Rules, StopRule};
use envs::Outcomes;

/// An episode in play.
#[derive(Clone, Copy)]
pub(crate) struct Episode {
    /// Which (individual, episode) it is.
    pub(crate) job: usize,
    /// Where its individual is unpacked.
    pub(crate) slot: usize,
    /// The sum of its rewards so far.
    pub(crate) total: f64,
    /// The environment's steps so far.
    pub(crate) length: u64,
    /// Its actions so far; counted under rules only.
    pub(crate) actions: u64,
    /// Its last steps in a row without a reward above the bound; counted under rules only.
    pub(crate) idle: u64,
}

/// An [`Episode`] in each lane, and what its last step has come to.
pub(crate) struct InPlay {
    pub(crate) jobs: Vec<usize>,
    pub(crate) slots: Vec<usize>,
    pub(crate) totals: Vec<f64>,
    pub(crate) lengths: Vec<u64>,
    pub(crate) actions: Vec<u64>,
    pub(crate) idle: Vec<u64>,
    /// Which episodes the last step has ended.
    pub(crate) ended: Vec<bool>,
    /// Which rule has stopped them there.
    pub(crate) stopped: Vec<Option<StopRule>>,
}

impl InPlay {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            jobs: vec![0; lanes],
            slots: vec![0; lanes],
            totals: vec![0.0; lanes],
            lengths: vec![0; lanes],
            actions: vec![0; lanes],
            idle: vec![0; lanes],
            ended: vec![false; lanes],
            stopped: vec![None; lanes],
        }
    }

    pub(crate) fn get(&self, lane: usize) -> Episode {
        Episode {
            job: self.jobs[lane],
            slot: self.slots[lane],
            total: self.totals[lane],
            length: self.lengths[lane],
            actions: self.actions[lane],
            idle: self.idle[lane],
        }
    }

    pub(crate) fn set(&mut self, lane: usize, episode: Episode) {
        self.jobs[lane] = episode.job;
        self.slots[lane] = episode.slot;
        self.totals[lane] = episode.total;
        self.lengths[lane] = episode.length;
        self.actions[lane] = episode.actions;
        self.idle[lane] = episode.idle;
    }

    /// Adds a step of the first `active` lanes to their episodes, and truncates those that reach `limit`; true if any has
    /// ended.
    pub(crate) fn add_step(&mut self, active: usize, outcomes: &mut Outcomes, limit: u64) -> bool {
        let (totals, lengths) = (&mut self.totals[..active], &mut self.lengths[..active]);
        let (rewards, ended) = (&outcomes.rewards[..active], &mut self.ended[..active]);
        let steps = &outcomes.steps[..active];
        let (terminated, truncated) = (&outcomes.terminated[..active], &mut outcomes.truncated[..active]);
        let mut any = false;
        for lane in 0..active {
            totals[lane] += rewards[lane];
            lengths[lane] += steps[lane];
            truncated[lane] |= lengths[lane] >= limit;
            ended[lane] = terminated[lane] | truncated[lane];
            any |= ended[lane];
        }
        any
    }

    /// Counts the step that was added last for the rules, and truncates the episodes that they stop; true if any is. `met`
    /// says in which lanes it met the condition; there may be none.
    pub(crate) fn apply(
        &mut self,
        rules: &Rules<'_>,
        active: usize,
        met: &[bool],
        outcomes: &mut Outcomes,
    ) -> bool {
        let mut any = false;
        for lane in 0..active {
            self.actions[lane] += 1;
            let is_rewarded = outcomes.rewards[lane] > rules.reward_above;
            self.idle[lane] = if is_rewarded { 0 } else { self.idle[lane] + 1 };
            let is_met = met.get(lane).is_some_and(|&is_met| is_met);
            let rule = rules.stop(self.idle[lane], self.totals[lane], is_met);
            self.stopped[lane] = rule.filter(|_| !self.ended[lane]);
            if self.stopped[lane].is_some() {
                outcomes.truncated[lane] = true;
                self.ended[lane] = true;
                any = true;
            }
        }
        any
    }
}

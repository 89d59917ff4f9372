//! The episodes that a worker has in play, one in each of its lanes. Every field is an array of its own: a step adds to
//! them in vectors, and others read them as they are.

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
}

/// An [`Episode`] in each lane, and what its last step has come to.
pub(crate) struct InPlay {
    pub(crate) jobs: Vec<usize>,
    pub(crate) slots: Vec<usize>,
    pub(crate) totals: Vec<f64>,
    pub(crate) lengths: Vec<u64>,
    /// Which episodes the last step has ended.
    pub(crate) ended: Vec<bool>,
}

impl InPlay {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            jobs: vec![0; lanes],
            slots: vec![0; lanes],
            totals: vec![0.0; lanes],
            lengths: vec![0; lanes],
            ended: vec![false; lanes],
        }
    }

    pub(crate) fn get(&self, lane: usize) -> Episode {
        Episode {
            job: self.jobs[lane],
            slot: self.slots[lane],
            total: self.totals[lane],
            length: self.lengths[lane],
        }
    }

    pub(crate) fn set(&mut self, lane: usize, episode: Episode) {
        self.jobs[lane] = episode.job;
        self.slots[lane] = episode.slot;
        self.totals[lane] = episode.total;
        self.lengths[lane] = episode.length;
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
}

//! What a worker gives to one that has nothing left to play: jobs that have not begun, or lanes with their episodes.

use super::Worker;
use crate::exchange::Exchange;

/// Lanes that all have fewer steps than this before them are not worth giving away.
pub(super) const STEPS_WORTH_GIVING: u64 = 16;

impl Worker<'_> {
    /// Gives a worker that waits half of the jobs that have not begun, or else of the lanes, if they are worth it.
    pub(super) fn serve(&mut self, exchange: &Exchange<Box<Self>>) {
        if !self.claimed.is_empty() {
            exchange.serve(|other| self.give_jobs(other));
        } else if let Some(kept) = self.lanes_to_keep() {
            exchange.serve(|other| self.give_lanes(kept, other));
        }
    }

    /// The half of the lanes that stays when the other half is given away; none if they had better stay together.
    pub(super) fn lanes_to_keep(&self) -> Option<usize> {
        let together = self.task.lanes_that_stay_together();
        let kept = self.active.div_ceil(together) / 2 * together;
        let limit = self.task.step_limit().unwrap_or(u64::MAX);
        let may_last = |&length: &u64| limit.saturating_sub(length) >= STEPS_WORTH_GIVING;
        (kept > 0 && self.in_play.lengths[..self.active].iter().any(may_last)).then_some(kept)
    }

    pub(super) fn give_jobs(&mut self, other: &mut Self) {
        let middle = self.claimed.start + self.claimed.len() / 2;
        other.claimed = middle..self.claimed.end;
        self.claimed.end = middle;
    }

    /// The lanes from `kept` on go to a worker that has none, which goes on with their episodes.
    pub(super) fn give_lanes(&mut self, kept: usize, other: &mut Self) {
        for (to, from) in (kept..self.active).enumerate() {
            other.group.take_lane(to, self.group.as_mut(), from);
            if let (Some(theirs), Some(ours)) = (&mut other.graphs, &self.graphs) {
                theirs.take_lane(to, ours, from);
            }
            other.decoder.take_lane(to, &self.decoder, from);
            other.states.take_lane(to, &self.states, from);
            let episode = self.in_play.get(from);
            other.in_play.set(to, episode);
            if let (Some(theirs), Some(ours)) = (&mut other.recorder, &mut self.recorder) {
                theirs.take_lane(to, ours, from);
            }
            self.release(episode.slot);
        }
        other.active = self.active - kept;
        self.active = kept;
    }

    /// Packs the individuals of the lanes that another worker gave: work for the thread that had none, not for the one
    /// that has lanes left.
    pub(crate) fn take_up(&mut self) {
        for lane in 0..self.active {
            let individual = self.in_play.jobs[lane] / self.task.episodes;
            self.in_play.slots[lane] = self.acquire(individual);
        }
    }
}

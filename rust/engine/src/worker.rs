//! One thread's loop: observe all lanes, act all, step all; refill the lanes whose episodes ended, and share them with
//! threads that have none left.

use crate::actions::ActionDecoder;
use crate::bytes::scale_bytes;
use crate::exchange::Exchange;
use crate::finite::all_finite;
use crate::normalizer::Normalizer;
use crate::outcome::{EpisodeRecord, EpisodeRecords};
use crate::queue::Queue;
use crate::recording::{End, Recorder, SharedTotal, Steps};
use crate::slots::Slots;
use crate::task::{Lanes, OnNonFinite, Task};
use crate::watch::Lookout;
use envs::{Group, ObservationDtype, Outcomes, View};
use lane_math::{Isa, memory};
use policy::{Inputs, Scratch};
use std::ops::Range;

/// Lanes that all have fewer steps than this before them are not worth giving away.
const STEPS_WORTH_GIVING: u64 = 16;

/// Lanes `0..active` are in play. The arrays have an entry per lane.
pub(crate) struct Worker<'a> {
    task: &'a Task<'a>,
    queue: &'a Queue,
    thread: usize,
    claimed: Range<usize>,
    at_once: bool,
    usual_lanes: usize,
    group: Box<dyn Group>,
    slots: Slots,
    decoder: ActionDecoder,
    scratch: Scratch,
    view: View,
    reads_pixels: bool,
    scales_bytes: bool,
    isa: Isa,
    normalizer: Option<Normalizer>,
    recorder: Option<Box<Recorder<'a>>>,
    active: usize,
    jobs: Vec<usize>,
    lane_slots: Vec<usize>,
    totals: Vec<f64>,
    lengths: Vec<u64>,
    ended: Vec<bool>,
    outcomes: Outcomes,
    observations: Vec<f32>,
    logits: Vec<f32>,
    records: EpisodeRecords,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        task: &'a Task<'a>,
        queue: &'a Queue,
        total: &'a SharedTotal,
        thread: usize,
        lanes: Lanes,
    ) -> Self {
        let architecture = task.network.architecture();
        let width = lanes.most;
        Self {
            task,
            queue,
            thread,
            claimed: 0..0,
            at_once: false,
            usual_lanes: lanes.usual,
            group: task.spec.group(width),
            slots: Slots::default(),
            decoder: ActionDecoder::new(task.spec.action_space(), task.head, width),
            scratch: task.network.scratch(width),
            view: task.view(),
            reads_pixels: task.reads_pixels(),
            scales_bytes: task.spec.observation_space().dtype == ObservationDtype::U8,
            isa: Isa::detect(),
            normalizer: Normalizer::new(task, width),
            recorder: Recorder::new(task, width, total),
            active: 0,
            jobs: vec![0; width],
            lane_slots: vec![0; width],
            totals: vec![0.0; width],
            lengths: vec![0; width],
            ended: vec![false; width],
            outcomes: Outcomes::new(width),
            observations: memory::filled(0.0, width.saturating_mul(architecture.n_inputs())),
            logits: memory::filled(0.0, width.saturating_mul(architecture.n_outputs())),
            records: EpisodeRecords::default(),
        }
    }

    /// Runs until no episode is left that it knows of, or the call is stopped. May be called again once the worker has been
    /// given more.
    pub(crate) fn run(&mut self, exchange: &Exchange<Box<Self>>, lookout: &mut Lookout<'_, '_>) {
        self.open_lanes();
        while self.active > 0 && !self.queue.is_stopped() {
            if self.queue.first_failure().is_some() {
                self.drop_lanes_behind_the_failure();
            }
            self.advance(lookout);
            if exchange.is_asked() {
                self.serve(exchange);
            }
            lookout.after_step();
        }
    }

    /// What it has recorded.
    pub(crate) fn into_records(mut self) -> EpisodeRecords {
        self.records.recorded = self.recorder.map(|recorder| recorder.into_recorded()).unwrap_or_default();
        self.records
    }

    /// Gives a worker that waits half of the jobs that have not begun, or else of the lanes, if they are worth it.
    fn serve(&mut self, exchange: &Exchange<Box<Self>>) {
        if !self.claimed.is_empty() {
            exchange.serve(|other| self.give_jobs(other));
        } else if let Some(kept) = self.lanes_to_keep() {
            exchange.serve(|other| self.give_lanes(kept, other));
        }
    }

    /// The half of the lanes that stays when the other half is given away; none if they had better stay together.
    fn lanes_to_keep(&self) -> Option<usize> {
        let together = self.task.lanes_that_stay_together();
        let kept = self.active.div_ceil(together) / 2 * together;
        let limit = self.task.step_limit().unwrap_or(u64::MAX);
        let may_last = |&length: &u64| limit.saturating_sub(length) >= STEPS_WORTH_GIVING;
        (kept > 0 && self.lengths[..self.active].iter().any(may_last)).then_some(kept)
    }

    fn give_jobs(&mut self, other: &mut Self) {
        let middle = self.claimed.start + self.claimed.len() / 2;
        other.claimed = middle..self.claimed.end;
        self.claimed.end = middle;
    }

    /// The lanes from `kept` on go to a worker that has none, which goes on with their episodes.
    fn give_lanes(&mut self, kept: usize, other: &mut Self) {
        for (to, from) in (kept..self.active).enumerate() {
            other.group.take_lane(to, self.group.as_mut(), from);
            other.jobs[to] = self.jobs[from];
            (other.totals[to], other.lengths[to]) = (self.totals[from], self.lengths[from]);
            if let (Some(theirs), Some(ours)) = (&mut other.recorder, &mut self.recorder) {
                theirs.take_lane(to, ours, from);
            }
            self.slots.release(self.lane_slots[from]);
        }
        other.active = self.active - kept;
        self.active = kept;
    }

    /// Packs the individuals of the lanes that another worker gave: work for the thread that had none, not for the one
    /// that has lanes left.
    pub(crate) fn take_up(&mut self) {
        for lane in 0..self.active {
            let individual = self.jobs[lane] / self.task.episodes;
            let weights = self.task.individual_weights(individual);
            self.lane_slots[lane] = self.slots.acquire(self.task.network, individual, weights);
        }
    }

    /// Starts episodes in lanes that are not in play: up to the usual number, or all that were claimed to be played at
    /// once.
    fn open_lanes(&mut self) {
        while self.active < self.lanes_to_open() && self.start_episode(self.active) {
            self.active += 1;
        }
    }

    fn lanes_to_open(&self) -> usize {
        if self.at_once { self.group.lanes().min(self.active + self.claimed.len()) } else { self.usual_lanes }
    }

    /// One step of every lane; none if the call is stopped meanwhile.
    fn advance(&mut self, lookout: &mut Lookout<'_, '_>) {
        let network = self.task.network;
        let architecture = network.architecture();
        let observations = &mut self.observations[..self.active * architecture.n_inputs()];
        if self.scales_bytes {
            // One image after the other: each is scaled while it is in the nearest cache.
            for (lane, image) in observations.chunks_exact_mut(architecture.n_inputs()).enumerate() {
                self.group.observe_lane(lane, self.view, image);
                scale_bytes(self.isa, image);
            }
        } else {
            self.group.observe(self.active, self.view, observations);
        }
        let inputs = match &mut self.normalizer {
            Some(normalizer) => normalizer.normalized(observations),
            None => observations,
        };
        let logits = &mut self.logits[..self.active * architecture.n_outputs()];
        let inputs = Inputs {
            slots: self.slots.packed(),
            slot_of_lane: &self.lane_slots[..self.active],
            observations: inputs,
            are_pixels: self.reads_pixels,
        };
        if network.forward_while(inputs, logits, &mut self.scratch, &mut || lookout.look()).is_break() {
            return;
        }
        if !all_finite(logits) {
            // The lanes that are left have not been stepped: the next round repeats their forward pass.
            self.fail_lanes();
            return;
        }
        self.group.step(self.decoder.decode(logits), &mut self.outcomes);
        let any_ended = self.tally();
        self.record_step();
        if any_ended {
            self.replace_lanes(|worker, lane| worker.ended[lane].then_some(false));
        }
    }

    /// Adds the step to each lane's episode; true if any has ended.
    fn tally(&mut self) -> bool {
        let limit = self.task.max_episode_steps.unwrap_or(u64::MAX);
        let active = self.active;
        let (totals, lengths) = (&mut self.totals[..active], &mut self.lengths[..active]);
        let (rewards, ended) = (&self.outcomes.rewards[..active], &mut self.ended[..active]);
        let steps = &self.outcomes.steps[..active];
        let (terminated, truncated) =
            (&self.outcomes.terminated[..active], &mut self.outcomes.truncated[..active]);
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

    /// Tells the recorder, if there is one, of the step that all lanes have made.
    fn record_step(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            let n_inputs = self.task.network.architecture().n_inputs();
            recorder.step(&Steps {
                group: self.group.as_ref(),
                active: self.active,
                seen: &self.observations[..self.active * n_inputs],
                actions: self.decoder.decoded(self.active),
                outcomes: &self.outcomes,
                lengths: &self.lengths,
            });
        }
    }

    /// Ends the episodes of lanes whose logits are not finite.
    fn fail_lanes(&mut self) {
        let n_logits = self.task.network.architecture().n_outputs();
        for (lane, row) in self.logits.chunks_exact(n_logits).take(self.active).enumerate() {
            self.ended[lane] = !all_finite(row);
        }
        self.replace_lanes(|worker, lane| worker.ended[lane].then_some(true));
    }

    /// For each lane that `ends` (with `Some(failed)`): records its episode and starts the next one
    /// there, or fills the gap with the last lane if none is left.
    fn replace_lanes(&mut self, ends: impl Fn(&Self, usize) -> Option<bool>) {
        // Downwards, so that a lane that is moved into a gap has been looked at already.
        for lane in (0..self.active).rev() {
            if let Some(failed) = ends(self, lane) {
                self.end_episode(lane, failed);
                if !self.start_episode(lane) {
                    self.close_gap(lane);
                }
            }
        }
        self.open_lanes();
    }

    fn end_episode(&mut self, lane: usize, failed: bool) {
        let job = self.jobs[lane];
        let [terminated, truncated] =
            [&self.outcomes.terminated, &self.outcomes.truncated].map(|flags| !failed && flags[lane]);
        self.slots.release(self.lane_slots[lane]);
        self.record(EpisodeRecord {
            job,
            total: if failed { f64::NAN } else { self.totals[lane] },
            length: self.lengths[lane],
            terminated,
            truncated,
            failed,
        });
        if let Some(recorder) = &mut self.recorder {
            recorder.end(lane, End { job, terminated, truncated, failed });
        }
        if self.task.keep_final_observation {
            let row = self.records.final_observation(self.task.spec.observation_space().size());
            self.group.observe_lane(lane, View::Gymnasium, row);
        }
    }

    fn record(&mut self, record: EpisodeRecord) {
        if record.failed && self.task.on_non_finite == OnNonFinite::Stop {
            self.queue.fail(record.job);
        }
        memory::reserve(&mut self.records.episodes, 1);
        self.records.episodes.push(record);
        self.queue.count_episode(self.thread);
    }

    /// Starts the next episode that is left in `lane`; false if there is none.
    fn start_episode(&mut self, lane: usize) -> bool {
        while let Some(job) = self.next_job() {
            let (individual, episode) = (job / self.task.episodes, job % self.task.episodes);
            let weights = self.task.individual_weights(individual);
            if self.task.on_non_finite != OnNonFinite::Stop && !all_finite(weights) {
                self.fail_before_the_start(job);
                continue;
            }
            self.jobs[lane] = job;
            self.lane_slots[lane] = self.slots.acquire(self.task.network, individual, weights);
            (self.totals[lane], self.lengths[lane]) = (0.0, 0);
            self.group.reset(lane, self.task.seed(individual, episode));
            if let Some(recorder) = &mut self.recorder {
                recorder.start(lane, individual, self.group.as_ref());
            }
            return true;
        }
        false
    }

    fn fail_before_the_start(&mut self, job: usize) {
        self.record(EpisodeRecord::refused(job));
        if let Some(recorder) = &mut self.recorder {
            recorder.refuse(job / self.task.episodes, job);
        }
        if self.task.keep_final_observation {
            self.records.final_observation(self.task.spec.observation_space().size());
        }
    }

    fn next_job(&mut self) -> Option<usize> {
        if self.claimed.is_empty() {
            // The lane for which this is called is one of those in play whose episode has ended, or the next to open.
            let room = self.group.lanes() - self.active;
            let claim = self.queue.claim(room, self.at_once);
            self.at_once |= claim.at_once;
            self.claimed = claim.jobs;
        }
        let bound = self.queue.first_failure().unwrap_or(usize::MAX);
        self.claimed.next().filter(|&job| job < bound)
    }

    /// Takes the last lane in play to where `lane` was.
    fn close_gap(&mut self, lane: usize) {
        self.active -= 1;
        let last = self.active;
        if lane != last {
            self.group.move_lane(last, lane);
            self.jobs[lane] = self.jobs[last];
            self.lane_slots[lane] = self.lane_slots[last];
            (self.totals[lane], self.lengths[lane]) = (self.totals[last], self.lengths[last]);
            if let Some(recorder) = &mut self.recorder {
                recorder.move_lane(last, lane);
            }
        }
    }

    /// Under `OnNonFinite::Stop` only episodes before the first failure still matter.
    fn drop_lanes_behind_the_failure(&mut self) {
        let bound = self.queue.first_failure().unwrap_or(usize::MAX);
        for lane in (0..self.active).rev() {
            if self.jobs[lane] > bound {
                self.slots.release(self.lane_slots[lane]);
                self.close_gap(lane);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! One thread's loop: observe all lanes, act all, step all; refill the lanes whose episodes ended, and share them with
//! threads that have none left (`sharing`).

mod graphs;
mod sharing;

use crate::actions::ActionDecoder;
use crate::bytes::scale_bytes;
use crate::exchange::Exchange;
use crate::finite::{all_finite, is_finite};
use crate::graphs::GraphLanes;
use crate::in_play::{Episode, InPlay};
use crate::lane_states::LaneStates;
use crate::normalizer::Normalizer;
use crate::outcome::{EpisodeRecord, EpisodeRecords, Results};
use crate::queue::Queue;
use crate::recording::{ConditionWatch, End, Recorder, SharedTotal, Steps};
use crate::slots::Slots;
use crate::task::{Lanes, OnNonFinite, Task};
use crate::watch::Lookout;
use envs::{Group, ObservationDtype, Outcomes, View};
use lane_math::{Isa, memory};
use policy::{Inputs, Scratch};
use std::ops::Range;

/// Lanes `0..active` are in play. The arrays have an entry per lane.
pub(crate) struct Worker<'a> {
    task: &'a Task<'a>,
    queue: &'a Queue,
    results: &'a Results,
    thread: usize,
    claimed: Range<usize>,
    at_once: bool,
    usual_lanes: usize,
    group: Box<dyn Group>,
    slots: Slots,
    decoder: ActionDecoder<'a>,
    scratch: Scratch,
    view: View,
    reads_pixels: bool,
    scales_bytes: bool,
    isa: Isa,
    normalizer: Option<Normalizer>,
    recorder: Option<Box<Recorder<'a>>>,
    conditions: Option<Box<ConditionWatch<'a>>>,
    active: usize,
    in_play: InPlay,
    outcomes: Outcomes,
    states: LaneStates,
    observations: Vec<f32>,
    logits: Vec<f32>,
    records: EpisodeRecords,
    /// Whether ended episodes have rows in the records.
    has_rows: bool,
    /// What acts instead of the network, if anything does.
    graphs: Option<GraphLanes<'a>>,
    /// There was nothing to claim, with so many individuals ready, but there will be.
    waiting: Option<usize>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        task: &'a Task<'a>,
        queue: &'a Queue,
        results: &'a Results,
        total: &'a SharedTotal,
        thread: usize,
        lanes: Lanes,
    ) -> Self {
        let architecture = task.network.architecture();
        let width = lanes.most;
        let mut group = task.spec.group(width);
        group.keep_resets(task.recurring_seeds());
        Self {
            task,
            queue,
            results,
            thread,
            claimed: 0..0,
            at_once: false,
            usual_lanes: lanes.usual,
            group,
            slots: Slots::default(),
            decoder: ActionDecoder::new(task.spec.action_space(), task.head, task.exploration, width),
            scratch: task.network.scratch(width),
            view: task.view(),
            reads_pixels: task.reads_pixels(),
            // Graphs are shown bytes as they are, unless they are normalised.
            scales_bytes: (task.graphs.is_none() || task.normalization.is_some())
                && task.spec.observation_space().dtype == ObservationDtype::U8,
            isa: Isa::detect(),
            normalizer: Normalizer::new(task, width),
            recorder: Recorder::new(task, width, total),
            conditions: ConditionWatch::new(task, width),
            active: 0,
            in_play: InPlay::new(width),
            outcomes: Outcomes::new(width),
            states: LaneStates::new(architecture.n_state(), width),
            observations: memory::filled(0.0, width.saturating_mul(architecture.n_inputs())),
            logits: memory::filled(0.0, width.saturating_mul(architecture.n_outputs())),
            records: EpisodeRecords::default(),
            has_rows: task.keep_final_observation || !task.recording.descriptors.is_empty(),
            graphs: task.graphs.map(|graphs| GraphLanes::new(graphs, task.spec.action_space(), width)),
            waiting: None,
        }
    }

    /// Runs until no episode is left that it knows of, or the call is stopped. May be called again once the worker has been
    /// given more.
    pub(crate) fn run(&mut self, exchange: &Exchange<Box<Self>>, lookout: &mut Lookout<'_, '_>) {
        self.open_lanes();
        while (self.active > 0 || self.waiting.is_some()) && !self.queue.is_stopped() {
            if let Some(ready) = self.waiting {
                if self.active == 0 {
                    self.wait_for_graphs(ready, lookout);
                }
                self.open_lanes();
                if self.active == 0 {
                    continue;
                }
            }
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
        if let Some(graphs) = &mut self.graphs {
            if !graphs.activate(self.active, inputs) {
                self.fail_lanes();
                return;
            }
            graphs.advance();
            self.decoder.play(graphs.decode(self.active));
            self.step_group();
            return;
        }
        let logits = &mut self.logits[..self.active * architecture.n_outputs()];
        let inputs = Inputs {
            slots: self.slots.packed(),
            slot_of_lane: &self.in_play.slots[..self.active],
            observations: inputs,
            are_pixels: self.reads_pixels,
        };
        let states = self.states.of(self.active);
        let go_on = &mut || lookout.look();
        if network.forward_while(inputs, states, logits, &mut self.scratch, go_on).is_break() {
            return;
        }
        if !all_finite(logits) {
            // The lanes that are left have not been stepped: the next round repeats their forward pass.
            self.fail_lanes();
            return;
        }
        self.states.advance();
        self.decoder.decode(logits);
        self.step_group();
    }

    /// Steps every lane with its action.
    fn step_group(&mut self) {
        self.decoder.play_no_ops(self.task.rules.no_ops, &self.in_play.actions[..self.active]);
        self.group.step(self.decoder.decoded(self.active), &mut self.outcomes);
        self.end_step();
    }

    /// Adds the step that all lanes have made to their episodes, and ends those that it was the last of.
    fn end_step(&mut self) {
        let limit = self.task.max_episode_steps.unwrap_or(u64::MAX);
        let mut any_ended = self.in_play.add_step(self.active, &mut self.outcomes, limit);
        if !self.task.rules.are_none() {
            let mut conditions = self.conditions.take();
            if let Some(conditions) = &mut conditions {
                conditions.step(&self.steps());
            }
            let met = conditions.as_ref().map_or(&[][..], |conditions| &conditions.met);
            any_ended |= self.in_play.apply(&self.task.rules, self.active, met, &mut self.outcomes);
            self.conditions = conditions;
        }
        if let Some(mut recorder) = self.recorder.take() {
            recorder.step(&self.steps());
            self.recorder = Some(recorder);
        }
        if any_ended {
            self.replace_lanes(|worker, lane| worker.in_play.ended[lane].then_some(false));
        }
    }

    /// The step that all lanes have made.
    fn steps(&self) -> Steps<'_> {
        let n_inputs = self.task.network.architecture().n_inputs();
        Steps {
            group: self.group.as_ref(),
            active: self.active,
            seen: &self.observations[..self.active * n_inputs],
            actions: self.decoder.decoded(self.active),
            outcomes: &self.outcomes,
            lengths: &self.in_play.lengths,
            totals: &self.in_play.totals,
        }
    }

    /// Ends the episodes of lanes whose logits are not finite.
    fn fail_lanes(&mut self) {
        let n_logits = self.task.network.architecture().n_outputs();
        for (lane, ended) in self.in_play.ended[..self.active].iter_mut().enumerate() {
            *ended = match &self.graphs {
                Some(graphs) => graphs.fails(lane),
                None => !all_finite(&self.logits[lane * n_logits..][..n_logits]),
            };
        }
        self.replace_lanes(|worker, lane| worker.in_play.ended[lane].then_some(true));
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
        let Episode { job, slot, total, length, .. } = self.in_play.get(lane);
        let [terminated, truncated] =
            [&self.outcomes.terminated, &self.outcomes.truncated].map(|flags| !failed && flags[lane]);
        self.release(slot);
        self.record(EpisodeRecord {
            job,
            total: if failed { f64::NAN } else { total },
            length,
            terminated,
            truncated,
            stopped: if failed { None } else { self.in_play.stopped[lane] },
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
        self.results.place(&record);
        self.records.steps += record.length;
        if self.has_rows {
            memory::reserve(&mut self.records.jobs, 1);
            self.records.jobs.push(record.job);
        }
        self.queue.count_episode(self.thread);
    }

    /// Starts the next episode that is left in `lane`; false if there is none.
    fn start_episode(&mut self, lane: usize) -> bool {
        while let Some(job) = self.next_job() {
            let (individual, episode) = (job / self.task.episodes, job % self.task.episodes);
            if self.task.on_non_finite != OnNonFinite::Stop && !is_finite(self.task, individual) {
                self.fail_before_the_start(job);
                continue;
            }
            let slot = self.acquire(individual);
            self.in_play.set(lane, Episode { job, slot, total: 0.0, length: 0, actions: 0, idle: 0 });
            let seed = self.task.seed(individual, episode);
            if let Some(variation) = self.task.variation {
                let spec = variation.spec(individual, episode);
                self.group.vary(lane, spec.prototype().expect("it has no wrappers"));
            }
            self.group.reset(lane, seed);
            self.decoder.start(lane, seed, self.task.log_std(individual));
            if let Some(graphs) = &mut self.graphs {
                graphs.start(lane, individual);
            } else {
                self.states.reset(lane);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.start(lane, individual, self.group.as_ref());
            }
            return true;
        }
        false
    }

    /// The slot of an individual's network, for one more lane. Graphs have none: they were compiled before.
    fn acquire(&mut self, individual: usize) -> usize {
        if self.graphs.is_some() {
            return 0;
        }
        let weights = self.task.individual_weights(individual);
        self.slots.acquire(self.task.network, individual, weights)
    }

    /// A lane no longer plays the network in `slot`.
    fn release(&mut self, slot: usize) {
        if self.graphs.is_none() {
            self.slots.release(slot);
        }
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
            self.claim();
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
            if let Some(graphs) = &mut self.graphs {
                graphs.move_lane(last, lane);
            }
            self.decoder.move_lane(last, lane);
            self.states.move_lane(last, lane);
            self.in_play.set(lane, self.in_play.get(last));
            if let Some(recorder) = &mut self.recorder {
                recorder.move_lane(last, lane);
            }
        }
    }

    /// Under `OnNonFinite::Stop` only episodes before the first failure still matter.
    fn drop_lanes_behind_the_failure(&mut self) {
        let bound = self.queue.first_failure().unwrap_or(usize::MAX);
        for lane in (0..self.active).rev() {
            if self.in_play.jobs[lane] > bound {
                self.release(self.in_play.slots[lane]);
                self.close_gap(lane);
            }
        }
    }
}

#[cfg(test)]
mod tests;

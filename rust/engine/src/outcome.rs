//! Results: what workers record, and the evaluation that is made of it.
//!
//! Each episode has a place of its own, into which the thread that ends it writes, so that hardly anything is left to do
//! once all threads are done: to bring a million records in order took as long as playing a million steps.

use crate::recording::{ObservationStatistics, PartialSum, Recorded, SharedTotal, Trajectory};
use crate::rules::StopRule;
use crate::task::{OnNonFinite, Task};
use lane_math::memory;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// One ended episode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EpisodeRecord {
    pub(crate) job: usize,
    pub(crate) total: f64,
    pub(crate) length: u64,
    pub(crate) terminated: bool,
    pub(crate) truncated: bool,
    pub(crate) stopped: Option<StopRule>,
    pub(crate) failed: bool,
}

impl EpisodeRecord {
    /// The episode of an individual that is not played at all.
    pub(crate) fn refused(job: usize) -> Self {
        Self {
            job,
            total: f64::NAN,
            length: 0,
            terminated: false,
            truncated: false,
            stopped: None,
            failed: true,
        }
    }
}

/// What all threads write the ends of their episodes to. It is read when they are done, so that relaxed ordering suffices.
pub(crate) struct Results {
    episodes: usize,
    /// The bits of float64.
    returns: Vec<AtomicU64>,
    lengths: Vec<AtomicU64>,
    terminated: Vec<AtomicBool>,
    truncated: Vec<AtomicBool>,
    /// The rule's number, or 0.
    stopped: Vec<AtomicU8>,
    failed: Vec<AtomicBool>,
}

impl Results {
    pub(crate) fn of(task: &Task<'_>) -> Self {
        let total = task.population * task.episodes;
        Self {
            episodes: task.episodes,
            returns: shared(0, total, AtomicU64::new),
            lengths: shared(0, total, AtomicU64::new),
            terminated: shared(false, total, AtomicBool::new),
            truncated: shared(false, total, AtomicBool::new),
            stopped: shared(0, total, AtomicU8::new),
            failed: shared(false, task.population, AtomicBool::new),
        }
    }

    pub(crate) fn place(&self, record: &EpisodeRecord) {
        self.returns[record.job].store(record.total.to_bits(), Relaxed);
        self.lengths[record.job].store(record.length, Relaxed);
        self.terminated[record.job].store(record.terminated, Relaxed);
        self.truncated[record.job].store(record.truncated, Relaxed);
        self.stopped[record.job].store(record.stopped.map_or(0, |rule| rule as u8), Relaxed);
        if record.failed {
            self.failed[record.job / self.episodes].store(true, Relaxed);
        }
    }
}

/// Where threads write to `len` values.
fn shared<T: Clone, A>(value: T, len: usize, atomic: impl FnMut(T) -> A) -> Vec<A> {
    // Collected into the memory that they have, as in `plain`.
    memory::filled(value, len).into_iter().map(atomic).collect()
}

/// What they have written.
fn plain<A, T>(values: Vec<A>, value: impl FnMut(A) -> T) -> Vec<T> {
    values.into_iter().map(value).collect()
}

fn rule(number: u8) -> Option<StopRule> {
    match number {
        1 => Some(StopRule::Patience),
        2 => Some(StopRule::ReturnBelow),
        3 => Some(StopRule::Condition),
        _ => None,
    }
}

/// What one worker has beside the results, of the episodes that it ended in the order in which they ended.
#[derive(Debug, Default)]
pub(crate) struct EpisodeRecords {
    /// Steps in all.
    pub(crate) steps: u64,
    /// Which episodes the rows are of: empty where there are none.
    pub(crate) jobs: Vec<usize>,
    /// Their last observations, row by row, if they are kept.
    pub(crate) final_observations: Vec<f32>,
    /// What else was asked for.
    pub(crate) recorded: Recorded,
}

impl EpisodeRecords {
    /// A row for the last observation of the episode that was recorded last: NaN until it is written.
    pub(crate) fn final_observation(&mut self, size: usize) -> &mut [f32] {
        let start = self.final_observations.len();
        memory::reserve(&mut self.final_observations, size);
        self.final_observations.resize(start + size, f32::NAN);
        &mut self.final_observations[start..]
    }
}

/// The result of an evaluation. `(P, E)` arrays are row-major, in the order of the population.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// `(P,)`: the mean return of each individual.
    pub fitness: Vec<f32>,
    /// `(P, E)`: the sum of rewards of each episode; NaN where weights or logits were not finite.
    pub returns: Vec<f64>,
    /// `(P, E)`: steps.
    pub lengths: Vec<u64>,
    /// `(P, E)`: the episode reached an end state.
    pub terminated: Vec<bool>,
    /// `(P, E)`: the episode reached a limit, or was stopped.
    pub truncated: Vec<bool>,
    /// `(P, E)`: the rule that stopped the episode, if one did.
    pub stopped: Vec<Option<StopRule>>,
    /// `(P,)`: weights or logits were not finite.
    pub failed: Vec<bool>,
    /// `(P, E, observation size)` in Gymnasium's order, if asked for.
    pub final_observations: Option<Vec<f32>>,
    /// `(P, E, K)`: the descriptors of each episode; NaN where it failed.
    pub descriptors: Vec<f64>,
    /// Those that were asked for, in the population's order.
    pub trajectories: Vec<Trajectory>,
    /// Of all observations that the policies saw, if asked for; not of a share.
    pub statistics: Option<ObservationStatistics>,
    /// The same of a share of a population; in the order of levels and indices.
    pub partial_sums: Vec<PartialSum>,
    /// Environment steps in all.
    pub steps: u64,
    /// Wall-clock time of the call.
    pub elapsed: Duration,
}

impl Evaluation {
    pub(crate) fn collect(
        task: &Task<'_>,
        results: Results,
        records: Vec<EpisodeRecords>,
        statistics: &SharedTotal,
        elapsed: Duration,
    ) -> Self {
        let n_descriptors = task.recording.descriptors.len();
        let total = task.population * task.episodes;
        let size = task.spec.observation_space().size();
        let mut evaluation = Self {
            fitness: Vec::with_capacity(task.population),
            returns: plain(results.returns, |bits| f64::from_bits(bits.into_inner())),
            lengths: plain(results.lengths, AtomicU64::into_inner),
            terminated: plain(results.terminated, AtomicBool::into_inner),
            truncated: plain(results.truncated, AtomicBool::into_inner),
            stopped: plain(results.stopped, |number| rule(number.into_inner())),
            failed: plain(results.failed, AtomicBool::into_inner),
            final_observations: task.keep_final_observation.then(|| memory::filled(0.0, total * size)),
            descriptors: memory::filled(f64::NAN, total * n_descriptors),
            trajectories: Vec::new(),
            statistics: statistics.take(task),
            partial_sums: statistics.take_partial_sums(task),
            steps: 0,
            elapsed,
        };
        for worker in records {
            evaluation.steps += worker.steps;
            if let Some(all) = &mut evaluation.final_observations {
                place_rows(all, size, &worker.jobs, &worker.final_observations);
            }
            let Recorded { descriptors, trajectories } = worker.recorded;
            place_rows(&mut evaluation.descriptors, n_descriptors, &worker.jobs, &descriptors);
            evaluation.trajectories.extend(trajectories);
        }
        evaluation.trajectories.sort_by_key(|trajectory| trajectory.job);
        for (individual, returns) in evaluation.returns.chunks_exact(task.episodes).enumerate() {
            let fitness = match task.on_non_finite {
                OnNonFinite::Fitness(fitness) if evaluation.failed[individual] => fitness,
                _ => mean(returns),
            };
            evaluation.fitness.push(fitness);
        }
        evaluation
    }
}

/// Puts each row of `size` values where its job's is.
fn place_rows<T: Copy>(all: &mut [T], size: usize, jobs: &[usize], rows: &[T]) {
    if size > 0 {
        for (job, row) in jobs.iter().zip(rows.chunks_exact(size)) {
            all[job * size..(job + 1) * size].copy_from_slice(row);
        }
    }
}

/// The mean in float64, summed first to last, as float32.
fn mean(returns: &[f64]) -> f32 {
    let sum = returns.iter().fold(0.0, |sum, value| sum + value);
    (sum / returns.len() as f64) as f32
}

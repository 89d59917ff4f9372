//! Results: what workers record, and the evaluation that is made of it.

use crate::recording::{ObservationStatistics, PartialSum, Recorded, SharedTotal, Trajectory};
use crate::rules::StopRule;
use crate::task::{OnNonFinite, Task};
use lane_math::memory;
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

/// The episodes that one worker ended, in the order in which they ended.
#[derive(Debug, Default)]
pub(crate) struct EpisodeRecords {
    pub(crate) episodes: Vec<EpisodeRecord>,
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
        records: Vec<EpisodeRecords>,
        statistics: &SharedTotal,
        elapsed: Duration,
    ) -> Self {
        let n_descriptors = task.recording.descriptors.len();
        let total = task.population * task.episodes;
        let size = task.spec.observation_space().size();
        let mut evaluation = Self {
            fitness: Vec::with_capacity(task.population),
            returns: memory::filled(f64::NAN, total),
            lengths: memory::filled(0, total),
            terminated: memory::filled(false, total),
            truncated: memory::filled(false, total),
            stopped: memory::filled(None, total),
            failed: vec![false; task.population],
            final_observations: task.keep_final_observation.then(|| memory::filled(0.0, total * size)),
            descriptors: memory::filled(f64::NAN, total * n_descriptors),
            trajectories: Vec::new(),
            statistics: statistics.take(task),
            partial_sums: statistics.take_partial_sums(task),
            steps: 0,
            elapsed,
        };
        for worker in records {
            for (index, record) in worker.episodes.iter().enumerate() {
                evaluation.place(task.episodes, record);
                if let Some(all) = &mut evaluation.final_observations {
                    let row = &worker.final_observations[index * size..(index + 1) * size];
                    all[record.job * size..(record.job + 1) * size].copy_from_slice(row);
                }
            }
            evaluation.take_recorded(&worker.episodes, worker.recorded, n_descriptors);
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

    fn take_recorded(&mut self, episodes: &[EpisodeRecord], recorded: Recorded, n_descriptors: usize) {
        self.trajectories.extend(recorded.trajectories);
        if n_descriptors > 0 {
            for (record, row) in episodes.iter().zip(recorded.descriptors.chunks_exact(n_descriptors)) {
                let start = record.job * n_descriptors;
                self.descriptors[start..start + n_descriptors].copy_from_slice(row);
            }
        }
    }

    fn place(&mut self, episodes: usize, record: &EpisodeRecord) {
        self.returns[record.job] = record.total;
        self.lengths[record.job] = record.length;
        self.terminated[record.job] = record.terminated;
        self.truncated[record.job] = record.truncated;
        self.stopped[record.job] = record.stopped;
        self.failed[record.job / episodes] |= record.failed;
        self.steps += record.length;
    }
}

/// The mean in float64, summed first to last, as float32.
fn mean(returns: &[f64]) -> f32 {
    let sum = returns.iter().fold(0.0, |sum, value| sum + value);
    (sum / returns.len() as f64) as f32
}

//! Sums, squares and number of the observations that policies see, in an order that nothing but the task decides.
//!
//! **Numeric contract.** Float64. Each episode sums its observations from 0.0, first to last: those that a policy was
//! asked about, so the reset's but not the last one; images as byte / 255 in float32; before normalisation. An episode
//! that failed counts as one without observations. Episodes are then added in pairs: numbered in the population's order
//! (individual by individual), 0 and 1, 2 and 3, ...; of the results again 0 and 1, 2 and 3, ...; the last one goes up
//! alone where it has no other. So threads, lanes and the order in which episodes end change no bit, and of all episodes
//! that have ended no more than a few sums wait for others.
//!
//! A call that is a share of a larger population numbers its episodes as that does, and gives back the sums that wait
//! for episodes of other shares: [`PartialSum`]s. Added to those of the other shares in the same way they make the
//! same bits as one call.

use super::{Share, Steps, share_of};
use crate::task::Task;
use envs::{Spec, View};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What the policies saw, before normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservationStatistics {
    /// How many observations.
    pub count: u64,
    /// Their sum, a value for each of an observation as Gymnasium has it.
    pub sum: Vec<f64>,
    /// The sum of their squares.
    pub sum_of_squares: Vec<f64>,
}

impl ObservationStatistics {
    fn zero(n: usize) -> Self {
        Self { count: 0, sum: vec![0.0; n], sum_of_squares: vec![0.0; n] }
    }

    fn add(&mut self, observation: &[f32]) {
        self.count += 1;
        let sums = self.sum.iter_mut().zip(&mut self.sum_of_squares);
        for ((sum, square), &value) in sums.zip(observation) {
            let value = f64::from(value);
            *sum += value;
            *square += value * value;
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.sum.iter_mut().zip(&other.sum).for_each(|(sum, value)| *sum += value);
        self.sum_of_squares.iter_mut().zip(&other.sum_of_squares).for_each(|(sum, value)| *sum += value);
        self
    }

    /// From the order of a policy's view to Gymnasium's.
    fn in_gymnasium_order(self, spec: &dyn Spec, view: View) -> Self {
        if view == View::Gymnasium {
            return self;
        }
        let mut ordered = Self { count: self.count, ..Self::zero(self.sum.len()) };
        for (index, place) in spec.channels_first_order().into_iter().enumerate() {
            ordered.sum[place] = self.sum[index];
            ordered.sum_of_squares[place] = self.sum_of_squares[index];
        }
        ordered
    }
}

/// A node of the sum in pairs: the statistics of 2^level neighbouring episodes, fewer at the population's end.
#[derive(Clone, Debug, PartialEq)]
pub struct PartialSum {
    /// How often sums were paired; 0 is an episode's own.
    pub level: u32,
    /// Its number among those of its level: episodes from `index << level` on.
    pub index: usize,
    /// The sum.
    pub statistics: ObservationStatistics,
}

/// The sums of all episodes of a call, which its workers share.
#[derive(Debug, Default)]
pub(crate) struct SharedTotal(Mutex<PairwiseSum>);

impl SharedTotal {
    fn add(&self, job: usize, jobs: usize, statistics: ObservationStatistics) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(job, jobs, statistics);
    }

    /// The statistics of the whole call, if its task asks for them, is no share, and all of its episodes have ended.
    pub(crate) fn take(&self, task: &Task<'_>) -> Option<ObservationStatistics> {
        if !task.recording.statistics || task.recording.share.is_some() {
            return None;
        }
        let total = self.take_parts(task).pop();
        let zero = || ObservationStatistics::zero(task.spec.observation_space().size());
        Some(total.map_or_else(zero, |total| total.statistics))
    }

    /// The sums of a share, in the order of their levels and indices; none of a call that is no share.
    pub(crate) fn take_partial_sums(&self, task: &Task<'_>) -> Vec<PartialSum> {
        if task.recording.share.is_some() { self.take_parts(task) } else { Vec::new() }
    }

    fn take_parts(&self, task: &Task<'_>) -> Vec<PartialSum> {
        let parts = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting);
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|((level, index), statistics)| {
                let statistics = statistics.in_gymnasium_order(task.spec, task.view());
                PartialSum { level, index, statistics }
            })
            .collect();
        parts.sort_by_key(|part| (part.level, part.index));
        parts
    }
}

/// A sum in pairs whose parts come in any order.
#[derive(Debug, Default)]
struct PairwiseSum {
    /// Those that wait for their neighbour, by level and index; the total, at the top, waits for nobody.
    waiting: HashMap<(u32, usize), ObservationStatistics>,
}

impl PairwiseSum {
    /// Adds part `index` of `count`.
    fn add(&mut self, mut index: usize, mut count: usize, mut part: ObservationStatistics) {
        for level in 0.. {
            let neighbour = index ^ 1;
            if count == 1 || neighbour < count {
                let Some(other) = self.waiting.remove(&(level, neighbour)) else {
                    self.waiting.insert((level, index), part);
                    return;
                };
                // In either order: a sum of two does not depend on it.
                part = part.plus(&other);
            }
            (index, count) = (index / 2, count.div_ceil(2));
        }
    }
}

/// The statistics of the lanes of a worker.
pub(super) struct Statistics<'a> {
    lanes: Vec<ObservationStatistics>,
    /// The number of this call's first episode in the population, and how many that has.
    first: usize,
    jobs: usize,
    total: &'a SharedTotal,
}

impl<'a> Statistics<'a> {
    pub(super) fn new(task: &Task<'_>, lanes: usize, total: &'a SharedTotal) -> Self {
        let zero = ObservationStatistics::zero(task.spec.observation_space().size());
        let Share { first, population } = share_of(task);
        let [first, jobs] = [first, population].map(|individuals| individuals * task.episodes);
        Self { lanes: vec![zero; lanes], first, jobs, total }
    }

    pub(super) fn start(&mut self, lane: usize) {
        let statistics = &mut self.lanes[lane];
        statistics.count = 0;
        statistics.sum.fill(0.0);
        statistics.sum_of_squares.fill(0.0);
    }

    pub(super) fn step(&mut self, steps: &Steps<'_>) {
        let rows = steps.seen.chunks_exact(steps.seen.len() / steps.active);
        self.lanes.iter_mut().zip(rows).for_each(|(statistics, row)| statistics.add(row));
    }

    /// An episode has ended, in a lane if it counts.
    pub(super) fn end(&mut self, lane: Option<usize>, job: usize) {
        let statistics = match lane {
            Some(lane) => self.lanes[lane].clone(),
            None => ObservationStatistics::zero(self.lanes[0].sum.len()),
        };
        self.total.add(self.first + job, self.jobs, statistics);
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        self.lanes.swap(from, to);
    }

    pub(super) fn take_lane(&mut self, to: usize, other: &mut Self, from: usize) {
        std::mem::swap(&mut self.lanes[to], &mut other.lanes[from]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the contract, written down once more.
    fn in_pairs(mut parts: Vec<ObservationStatistics>) -> ObservationStatistics {
        while parts.len() > 1 {
            let pairs = parts.chunks(2);
            parts = pairs
                .map(|pair| match pair {
                    [one, other] => one.clone().plus(other),
                    _ => pair[0].clone(),
                })
                .collect();
        }
        parts.remove(0)
    }

    fn part(index: usize) -> ObservationStatistics {
        let mut part = ObservationStatistics::zero(2);
        (0..=index % 3).for_each(|step| part.add(&[0.1 * index as f32 + 0.7, 1e6 / (1.0 + step as f32)]));
        part
    }

    #[test]
    fn parts_in_any_order_have_the_sum_in_pairs() {
        for count in 1..40 {
            let expected = in_pairs((0..count).map(part).collect());
            for stride in [1, 7, 11, count.max(2) - 1] {
                let mut sum = PairwiseSum::default();
                let mut order: Vec<_> = (0..count).collect();
                order.sort_by_key(|index| index * stride % count);
                order.into_iter().for_each(|index| sum.add(index, count, part(index)));
                let total: Vec<_> = sum.waiting.into_values().collect();
                assert_eq!(total, std::slice::from_ref(&expected), "{count} parts, stride {stride}");
            }
        }
    }

    #[test]
    fn few_parts_wait_while_they_come_in_order() {
        let mut sum = PairwiseSum::default();
        for index in 0..1000 {
            sum.add(index, 1000, part(index));
            assert!(sum.waiting.len() <= 10);
        }
    }
}

//! The queue that all workers of a call share: which episodes are left, and whether to go on.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// A thread claims this fraction of an even share of what is left, so that the last claims are single
/// episodes and all threads run out at the same time.
const CLAIMS_PER_SHARE: usize = 4;

/// No episode, and no individual, has failed.
const NONE: usize = usize::MAX;

/// A counter on a cache line of its own: workers count episodes without disturbing each other.
#[repr(align(64))]
#[derive(Default)]
struct Counter(AtomicUsize);

/// Jobs `0..total` in the population's order: job = individual * episodes + episode.
///
/// Only counters are shared, so relaxed ordering suffices: results travel through the workers' channel.
pub(crate) struct Queue {
    total: usize,
    threads: usize,
    next: AtomicUsize,
    stopped: AtomicBool,
    first_failure: AtomicUsize,
    bad_individual: AtomicUsize,
    done: Vec<Counter>,
}

impl Queue {
    pub(crate) fn new(total: usize, threads: usize) -> Self {
        Self {
            total,
            threads,
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            first_failure: AtomicUsize::new(NONE),
            bad_individual: AtomicUsize::new(NONE),
            done: (0..threads).map(|_| Counter::default()).collect(),
        }
    }

    /// The next run of jobs for a thread; empty when none is left.
    pub(crate) fn claim(&self) -> Range<usize> {
        let size = |next: usize| ((self.total - next) / (self.threads * CLAIMS_PER_SHARE)).max(1);
        let claimed =
            self.next.fetch_update(Relaxed, Relaxed, |next| (next < self.total).then(|| next + size(next)));
        match claimed {
            Ok(start) => start..start + size(start),
            Err(_) => self.total..self.total,
        }
    }

    /// The thread's part of `count` things that are divided evenly.
    pub(crate) fn share(&self, count: usize, thread: usize) -> Range<usize> {
        let size = count.div_ceil(self.threads);
        count.min(thread * size)..count.min((thread + 1) * size)
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// The job failed. Later ones need not run any more; earlier ones do, since one of them may fail too
    /// and the first is to be reported.
    pub(crate) fn fail(&self, job: usize) {
        self.first_failure.fetch_min(job, Relaxed);
    }

    pub(crate) fn first_failure(&self) -> Option<usize> {
        Some(self.first_failure.load(Relaxed)).filter(|&job| job != NONE)
    }

    /// The individual's weights are not finite, so that nothing need run.
    pub(crate) fn refuse(&self, individual: usize) {
        self.bad_individual.fetch_min(individual, Relaxed);
        self.stop();
    }

    /// The first individual that was refused.
    pub(crate) fn refused(&self) -> Option<usize> {
        Some(self.bad_individual.load(Relaxed)).filter(|&individual| individual != NONE)
    }

    pub(crate) fn count_episode(&self, thread: usize) {
        let counter = &self.done[thread].0;
        // Only this thread writes it: no atomic addition is needed.
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }

    pub(crate) fn episodes_done(&self) -> usize {
        self.done.iter().map(|counter| counter.0.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_cover_every_job_once_and_end_with_single_ones() {
        let queue = Queue::new(1000, 2);
        let claims: Vec<_> =
            std::iter::from_fn(|| Some(queue.claim()).filter(|claim| !claim.is_empty())).collect();
        let jobs: Vec<usize> = claims.iter().cloned().flatten().collect();
        assert_eq!(jobs, (0..1000).collect::<Vec<_>>());
        assert_eq!(claims[0].len(), 125);
        assert!(claims.iter().rev().take(8).all(|claim| claim.len() == 1));
        assert!(queue.claim().is_empty());
    }

    #[test]
    fn shares_cover_everything_once() {
        for (count, threads) in [(10, 3), (1, 4), (0, 2), (7, 7)] {
            let queue = Queue::new(100, threads);
            let shares = (0..threads).flat_map(|thread| queue.share(count, thread));
            assert_eq!(shares.collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_earliest_failure_is_kept() {
        let queue = Queue::new(10, 1);
        assert_eq!(queue.first_failure(), None);
        [7, 3, 5].into_iter().for_each(|job| queue.fail(job));
        assert_eq!(queue.first_failure(), Some(3));
    }

    #[test]
    fn episodes_are_counted_over_all_threads() {
        let queue = Queue::new(10, 2);
        [0, 1, 1].into_iter().for_each(|thread| queue.count_episode(thread));
        assert_eq!(queue.episodes_done(), 3);
    }
}

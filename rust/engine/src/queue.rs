//! The queue that all workers of a call share: which episodes are left, and whether to go on.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A thread claims this fraction of an even share of what is left: few claims, of which the last ones are small.
const CLAIMS_PER_SHARE: usize = 4;

/// No episode, and no individual, has failed.
const NONE: usize = usize::MAX;

/// A counter on a cache line of its own: workers count episodes without disturbing each other.
#[repr(align(64))]
#[derive(Default)]
struct Counter(AtomicUsize);

/// What a thread may play next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The jobs; empty when none is left.
    pub(crate) jobs: Range<usize>,
    /// All of them can be played at once, and no other thread will have more to do: to play them one after the other
    /// would only take longer.
    pub(crate) at_once: bool,
}

/// Which jobs are left, and for whom.
struct Left {
    next: usize,
    /// The threads that have not had their share of the last jobs.
    waiting: usize,
}

/// Jobs `0..total` in the population's order: job = individual * episodes + episode.
///
/// Outside the lock there are only counters, so relaxed ordering suffices: results travel through the workers' channel.
pub(crate) struct Queue {
    total: usize,
    threads: usize,
    left: Mutex<Left>,
    stopped: AtomicBool,
    abandoned: AtomicBool,
    first_failure: AtomicUsize,
    bad_individual: AtomicUsize,
    done: Vec<Counter>,
}

impl Queue {
    pub(crate) fn new(total: usize, threads: usize) -> Self {
        Self {
            total,
            threads,
            left: Mutex::new(Left { next: 0, waiting: threads }),
            stopped: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            first_failure: AtomicUsize::new(NONE),
            bad_individual: AtomicUsize::new(NONE),
            done: (0..threads).map(|_| Counter::default()).collect(),
        }
    }

    /// The next jobs before `ready`, which may be played by now, for a thread that has `room` more lanes; `had_last` is
    /// whether a claim of its was `at_once`.
    ///
    /// As long as many are left, a part of an even share, so that a thread that is held up leaves the rest to others.
    /// Once every thread has room for its share of them all, that share: episodes that begin together end together
    /// if they are as long as each other, and a long one has begun as early as it could.
    pub(crate) fn claim(&self, ready: usize, room: usize, had_last: bool) -> Claim {
        let mut left = self.left();
        let count = self.total - left.next;
        // One that comes back because others have not come at all takes its part of what is theirs.
        let sharing = left.waiting + usize::from(had_last);
        let share = count.div_ceil(sharing.max(1));
        let at_once = share <= room && ready >= self.total;
        let size = if at_once { share } else { (count / (self.threads * CLAIMS_PER_SHARE)).max(1) };
        let start = left.next;
        left.next += size.min(count).min(ready.saturating_sub(start));
        left.waiting -= usize::from(at_once && !had_last);
        Claim { jobs: start..left.next, at_once }
    }

    /// Nothing panics while it is locked, and two counters cannot be left half written.
    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's part of `count` things that are divided evenly.
    pub(crate) fn share(&self, count: usize, thread: usize) -> Range<usize> {
        let size = count.div_ceil(self.threads);
        count.min(thread * size)..count.min((thread + 1) * size)
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Nothing that is found from now on is of use: the call was cancelled, or a thread has panicked.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
        self.stopped.store(true, Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Relaxed)
    }

    /// No further step need be made.
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
        self.stopped.store(true, Relaxed);
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

    /// Claims of threads that take turns, each with `room` lanes free, until nothing is left.
    fn claims(queue: &Queue, threads: usize, room: usize) -> Vec<Claim> {
        let mut had_last = vec![false; threads];
        let mut found = Vec::new();
        for thread in (0..threads).cycle() {
            let claim = queue.claim(queue.total(), room, had_last[thread]);
            if claim.jobs.is_empty() {
                return found;
            }
            had_last[thread] |= claim.at_once;
            found.push(claim);
        }
        unreachable!("the threads take turns for ever")
    }

    #[test]
    fn claims_cover_every_job_once_and_end_with_even_shares() {
        let claims = claims(&Queue::new(1000, 2), 2, 48);
        let jobs: Vec<usize> = claims.iter().flat_map(|claim| claim.jobs.clone()).collect();
        assert_eq!(jobs, (0..1000).collect::<Vec<_>>());
        assert_eq!((claims[0].jobs.len(), claims[0].at_once), (125, false));
        let last: Vec<_> =
            claims.iter().filter(|claim| claim.at_once).map(|claim| claim.jobs.len()).collect();
        assert_eq!(last.len(), 2);
        assert!(last[0] > 40 && last[0] - last[1] <= 1, "{last:?}");
    }

    #[test]
    fn without_room_the_last_claims_are_single_jobs() {
        let claims = claims(&Queue::new(100, 2), 2, 0);
        assert!(claims.iter().rev().take(8).all(|claim| claim.jobs.len() == 1 && !claim.at_once));
    }

    #[test]
    fn what_others_do_not_come_for_is_played_all_the_same() {
        let queue = Queue::new(100, 2);
        let mut taken = vec![queue.claim(100, 64, false)];
        while taken.iter().map(|claim| claim.jobs.len()).sum::<usize>() < 100 {
            taken.push(queue.claim(100, 64, true));
        }
        assert_eq!(taken[0], Claim { jobs: 0..50, at_once: true });
        assert_eq!(taken[1], Claim { jobs: 50..75, at_once: true });
        assert_eq!(taken.last().unwrap().jobs, 99..100);
    }

    #[test]
    fn nobody_claims_what_is_not_ready() {
        let queue = Queue::new(100, 2);
        assert_eq!(queue.claim(0, 64, false), Claim { jobs: 0..0, at_once: false });
        assert_eq!(queue.claim(7, 64, false), Claim { jobs: 0..7, at_once: false });
        assert_eq!(queue.claim(7, 64, false), Claim { jobs: 7..7, at_once: false });
        assert_eq!(queue.claim(99, 64, false), Claim { jobs: 7..18, at_once: false });
        assert_eq!(queue.claim(100, 64, false), Claim { jobs: 18..59, at_once: true });
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

//! The threads of a call: the calling one, and others that are kept from one call to the next. To start one takes 30 us, to
//! wake a sleeping one as much or more on a virtual machine, and a generation of a small evolution is over in 200; so a
//! thread that has done its work stays awake for a moment, in case the next call comes at once.
//!
//! A system may refuse to start threads (limits of users and of containers). A call then goes on with those that are
//! there, be it the calling one alone: how many they are changes no result.

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

/// How long a thread stays awake: as long as an algorithm may need between two small generations, of which the next call's
/// own preparations take a part (up to 0.2 ms, where another virtual machine has had the caches).
const LINGER: Duration = Duration::from_micros(500);

/// The threads of the process that started them: a fork copies the memory, but not the threads.
pub(crate) struct Kept {
    process: u32,
    pool: ThreadPool,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// How many calls have had the kept threads.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// What a thread does.
type Body = Box<dyn FnOnce() + Send>;

/// Starts a thread, or says why the system does not.
pub(crate) type Start<'a> = &'a dyn Fn(Body) -> io::Result<()>;

/// A thread of the system's.
pub(crate) fn start(body: Body) -> io::Result<()> {
    std::thread::Builder::new().name("evalengine".to_owned()).spawn(body).map(drop)
}

/// The threads that a call has, the calling one included.
pub(crate) struct Team {
    size: usize,
    others: Others,
}

enum Others {
    None,
    /// Until the call ends, another one finds them in use.
    Kept(MutexGuard<'static, Option<Kept>>),
    Own(ThreadPool),
}

impl Team {
    /// The calling thread, and up to `count - 1` others.
    ///
    /// A call that finds the kept threads in use, by another call or by one that was under way when this process was
    /// forked, has threads for itself.
    pub(crate) fn of(count: usize, start: Start<'_>) -> Self {
        if count <= 1 {
            return Self { size: 1, others: Others::None };
        }
        let mut kept = match KEPT.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Self::of_its_own(count, start),
        };
        let there = keep(&mut kept, count - 1, start);
        let others = if there == 0 { Others::None } else { Others::Kept(kept) };
        Self { size: count.min(there + 1), others }
    }

    fn of_its_own(count: usize, start: Start<'_>) -> Self {
        match pool_of(count - 1, start) {
            Some(pool) => Self { size: pool.current_num_threads() + 1, others: Others::Own(pool) },
            None => Self { size: 1, others: Others::None },
        }
    }

    /// How many threads there are, the calling one included.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Runs `lead` on the calling thread, and meanwhile `work(1)`, ... `work(size - 1)` on the others. `work` must not
    /// panic.
    pub(crate) fn run<R: Send>(&self, work: &(impl Fn(usize) + Sync), lead: impl FnOnce() -> R) -> R {
        let (pool, is_kept) = match &self.others {
            Others::None => return lead(),
            Others::Own(pool) => (pool, false),
            Others::Kept(kept) => (&kept.as_ref().expect("a team of kept threads has some").pool, true),
        };
        let call = CALLS.fetch_add(1, Relaxed) + 1;
        pool.in_place_scope(|scope| {
            for index in 1..self.size {
                scope.spawn(move |_| {
                    work(index);
                    if is_kept {
                        // To be done after this closure, when the scope no longer waits for this thread.
                        rayon::spawn(move || linger(call));
                    }
                });
            }
            lead()
        })
    }
}

/// Stays awake until another call begins.
fn linger(call: u64) {
    let start = Instant::now();
    while CALLS.load(Relaxed) == call && start.elapsed() < LINGER {
        std::hint::spin_loop();
    }
}

/// Sees to it that `count` threads of this process are kept, or as many as can be; how many they are.
fn keep(kept: &mut Option<Kept>, count: usize, start: Start<'_>) -> usize {
    let process = std::process::id();
    if let Some(stale) = kept.take_if(|kept| kept.process != process) {
        // Its threads are not in this process, so to drop it would be to wait for nobody.
        std::mem::forget(stale);
    }
    let there = |kept: &Option<Kept>| kept.as_ref().map_or(0, |kept| kept.pool.current_num_threads());
    if there(kept) < count
        && let Some(pool) = pool_of(count, start)
        && pool.current_num_threads() > there(kept)
    {
        *kept = Some(Kept { process, pool });
    }
    there(kept)
}

/// A pool of `count` threads, or of those that start; none if none does. A pool whose own threads do not all start would
/// be none at all, so they are started before.
fn pool_of(count: usize, start: Start<'_>) -> Option<ThreadPool> {
    let threads: Vec<Sender<ThreadBuilder>> = (0..count)
        .map_while(|_| {
            let (sender, receiver) = channel::<ThreadBuilder>();
            // One that is not needed after all ends when its sender is dropped.
            let body = move || receiver.recv().map_or((), ThreadBuilder::run);
            start(Box::new(body)).ok().map(|()| sender)
        })
        .collect();
    if threads.is_empty() {
        return None;
    }
    let give =
        |part: ThreadBuilder| threads[part.index()].send(part).map_err(|_| io::ErrorKind::BrokenPipe.into());
    ThreadPoolBuilder::new().num_threads(threads.len()).spawn_handler(give).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How many threads a team of `count` has, and the sum of `index + 1` over what each of them runs.
    fn sum(team: &Team) -> usize {
        let sum = AtomicUsize::new(0);
        let work = |index: usize| {
            sum.fetch_add(index + 1, Ordering::SeqCst);
        };
        team.run(&work, || work(0));
        sum.into_inner()
    }

    fn triangle(count: usize) -> usize {
        count * (count + 1) / 2
    }

    #[test]
    fn every_index_is_run_once_however_many_threads_were_kept() {
        for count in [2, 5, 1, 3] {
            let team = Team::of(count, &start);
            assert_eq!((team.size(), sum(&team)), (count, triangle(count)));
        }
    }

    #[test]
    fn a_call_inside_a_call_has_threads_of_its_own() {
        let inner = AtomicUsize::new(0);
        let work = |_| {
            inner.fetch_add(sum(&Team::of(2, &start)), Ordering::SeqCst);
        };
        Team::of(3, &start).run(&work, || work(0));
        assert_eq!(inner.into_inner(), 9);
    }

    #[test]
    fn threads_of_another_process_are_not_used() {
        let pool = pool_of(1, &start).unwrap();
        let mut kept = Some(Kept { process: std::process::id() + 1, pool });
        assert_eq!(keep(&mut kept, 1, &start), 1);
        assert_eq!(kept.map(|kept| kept.process), Some(std::process::id()));
    }

    /// A system that starts so many threads and no more.
    fn at_most(threads: usize) -> impl Fn(Body) -> io::Result<()> {
        let left = AtomicUsize::new(threads);
        move |body| match left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => start(body),
            Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    #[test]
    fn those_that_start_are_enough() {
        for (allowed, expected) in [(0, 1), (1, 2), (3, 4), (9, 6)] {
            let team = Team::of_its_own(6, &at_most(allowed));
            assert_eq!((team.size(), sum(&team)), (expected, triangle(expected)));
            let mut kept = None;
            assert_eq!(keep(&mut kept, 5, &at_most(allowed)), expected - 1);
        }
    }

    #[test]
    fn kept_threads_are_given_up_for_more_only() {
        let mut kept = None;
        assert_eq!(keep(&mut kept, 2, &start), 2);
        assert_eq!(keep(&mut kept, 5, &at_most(0)), 2);
        assert_eq!(keep(&mut kept, 5, &at_most(2)), 2);
        assert_eq!(keep(&mut kept, 5, &at_most(3)), 3);
        assert_eq!(keep(&mut kept, 1, &at_most(0)), 3);
    }
}

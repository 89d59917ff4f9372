//! The threads of a call: the calling one, and others that are kept from one call to the next. To start one takes 30 us, to
//! wake a sleeping one as much or more on a virtual machine, and a generation of a small evolution is over in 200; so a
//! thread that has done its work stays awake for a moment, in case the next call comes at once.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

/// How long a thread stays awake: as long as an algorithm may need between two small generations, of which the next call's
/// own preparations take a part (up to 0.2 ms, where another virtual machine has had the caches).
const LINGER: Duration = Duration::from_micros(500);

/// The threads of the process that started them: a fork copies the memory, but not the threads.
struct Kept {
    process: u32,
    pool: ThreadPool,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

/// How many calls have had the kept threads.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// Runs `lead` on the calling thread, and meanwhile `work(1)`, ... `work(count - 1)` on threads of their own.
///
/// `work` must not panic. A call that finds the kept threads in use, by another call or by one that was under way when
/// this process was forked, has threads for itself.
pub(crate) fn run<R: Send>(count: usize, work: &(impl Fn(usize) + Sync), lead: impl FnOnce() -> R) -> R {
    if count <= 1 {
        return lead();
    }
    let mut kept = match KEPT.try_lock() {
        Ok(kept) => kept,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return run_scoped(count, work, lead),
    };
    match pool_of(&mut kept, count - 1) {
        Some(pool) => {
            let call = CALLS.fetch_add(1, Relaxed) + 1;
            pool.in_place_scope(|scope| {
                for index in 1..count {
                    scope.spawn(move |_| {
                        work(index);
                        // To be done after this closure, when the scope no longer waits for this thread.
                        rayon::spawn(move || linger(call));
                    });
                }
                lead()
            })
        }
        None => run_scoped(count, work, lead),
    }
}

/// Stays awake until another call begins.
fn linger(call: u64) {
    let start = Instant::now();
    while CALLS.load(Relaxed) == call && start.elapsed() < LINGER {
        std::hint::spin_loop();
    }
}

/// A pool of at least `count` threads of this process, started if need be; none if they cannot be started.
fn pool_of(kept: &mut Option<Kept>, count: usize) -> Option<&ThreadPool> {
    let process = std::process::id();
    if let Some(stale) = kept.take_if(|kept| kept.process != process) {
        // Its threads are not in this process, so to drop it would be to wait for nobody.
        std::mem::forget(stale);
    }
    if kept.as_ref().is_none_or(|kept| kept.pool.current_num_threads() < count) {
        let pool = ThreadPoolBuilder::new().num_threads(count).build().ok()?;
        *kept = Some(Kept { process, pool });
    }
    kept.as_ref().map(|kept| &kept.pool)
}

/// Threads that end with the call.
fn run_scoped<R>(count: usize, work: &(impl Fn(usize) + Sync), lead: impl FnOnce() -> R) -> R {
    std::thread::scope(|scope| {
        for index in 1..count {
            scope.spawn(move || work(index));
        }
        lead()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The sum of `index + 1` over `count` runs.
    fn sum(count: usize) -> usize {
        let sum = AtomicUsize::new(0);
        let work = |index: usize| {
            sum.fetch_add(index + 1, Ordering::SeqCst);
        };
        run(count, &work, || work(0));
        sum.into_inner()
    }

    #[test]
    fn every_index_is_run_once_however_many_threads_were_kept() {
        for count in [2, 5, 1, 3] {
            assert_eq!(sum(count), count * (count + 1) / 2);
        }
    }

    #[test]
    fn a_call_inside_a_call_has_threads_of_its_own() {
        let inner = AtomicUsize::new(0);
        let work = |_| {
            inner.fetch_add(sum(2), Ordering::SeqCst);
        };
        run(3, &work, || work(0));
        assert_eq!(inner.into_inner(), 9);
    }

    #[test]
    fn threads_of_another_process_are_not_used() {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let mut kept = Some(Kept { process: std::process::id() + 1, pool });
        assert_eq!(pool_of(&mut kept, 1).map(ThreadPool::current_num_threads), Some(1));
        assert_eq!(kept.map(|kept| kept.process), Some(std::process::id()));
    }
}

//! Where a thread that has nothing left to play waits for some of what others have.
//!
//! Threads have even shares of the last episodes, but cores are not equally fast (another program, or another virtual
//! machine on the same core, takes its part) and episodes are not equally long. A thread that is done therefore leaves its
//! worker here; one that still plays looks after each step whether a worker waits, and puts lanes into it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread waits awake: to be woken takes as long.
const AWAKE: Duration = Duration::from_micros(100);

/// How long a thread sleeps at most before it asks whether the call was stopped.
const NAP: Duration = Duration::from_millis(20);

/// The workers (`W`) of threads that wait.
pub(crate) struct Exchange<W> {
    /// How many of them have nothing to play: all that playing threads look at.
    asking: AtomicUsize,
    /// Changes when those that wait have something to notice. Only a hint, as `asking` is: the lock orders what they do.
    news: AtomicUsize,
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    /// Threads that play, or have not come yet.
    playing: usize,
    /// An entry per thread.
    waiting: Vec<Option<Waiting<W>>>,
}

struct Waiting<W> {
    worker: W,
    served: bool,
}

/// Why a thread no longer waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited<W> {
    /// Its worker has been given something to play.
    Served(W),
    /// Nobody plays any more, or the call was stopped.
    Over(W),
}

impl<W> Exchange<W> {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            asking: AtomicUsize::new(0),
            news: AtomicUsize::new(0),
            state: Mutex::new(State { playing: threads, waiting: (0..threads).map(|_| None).collect() }),
            changed: Condvar::new(),
        }
    }

    /// Whether a worker waits that nobody has served.
    #[inline]
    pub(crate) fn is_asked(&self) -> bool {
        self.asking.load(Relaxed) > 0
    }

    /// Lets `give` put something to play into a worker that waits, if one still does.
    pub(crate) fn serve(&self, give: impl FnOnce(&mut W)) {
        let mut state = self.lock();
        if let Some(waiting) = state.waiting.iter_mut().flatten().find(|waiting| !waiting.served) {
            give(&mut waiting.worker);
            waiting.served = true;
            state.playing += 1;
            self.asking.fetch_sub(1, Relaxed);
            self.announce();
        }
    }

    /// Leaves the worker of a thread that has nothing to play until it is served, all threads have come to wait, or
    /// `is_stopped`, which is asked now and then.
    pub(crate) fn wait(&self, thread: usize, worker: W, mut is_stopped: impl FnMut() -> bool) -> Waited<W> {
        let mut state = self.lock();
        state.playing -= 1;
        if state.playing == 0 {
            self.announce();
            return Waited::Over(worker);
        }
        state.waiting[thread] = Some(Waiting { worker, served: false });
        self.asking.fetch_add(1, Relaxed);
        let mut news = self.news.load(Relaxed);
        drop(state);
        let start = Instant::now();
        loop {
            while start.elapsed() < AWAKE && self.news.load(Relaxed) == news && !is_stopped() {
                std::hint::spin_loop();
            }
            // Not under the lock: who asks may take its time.
            let stopped = is_stopped();
            let mut state = self.lock();
            if self.news.load(Relaxed) == news && !stopped {
                state = self.changed.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner).0;
            }
            news = self.news.load(Relaxed);
            let is_over = stopped || state.playing == 0;
            if let Some(waiting) = state.waiting[thread].take_if(|waiting| waiting.served || is_over) {
                if waiting.served {
                    return Waited::Served(waiting.worker);
                }
                self.asking.fetch_sub(1, Relaxed);
                if stopped {
                    self.announce();
                }
                return Waited::Over(waiting.worker);
            }
        }
    }

    /// Has those that wait look what has changed.
    pub(crate) fn announce(&self) {
        self.news.fetch_add(1, Relaxed);
        self.changed.notify_all();
    }

    /// A thread that panicked while it gave lanes away has stopped the call.
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_last_thread_to_come_ends_it_for_all() {
        let exchange = Exchange::new(3);
        thread::scope(|scope| {
            let threads = [0, 1].map(|thread| {
                let exchange = &exchange;
                scope.spawn(move || exchange.wait(thread, thread * 10, || false))
            });
            until(|| exchange.asking.load(Relaxed) == 2);
            thread::sleep(AWAKE * 5);
            assert_eq!(exchange.wait(2, 20, || false), Waited::Over(20));
            assert_eq!(threads.map(|thread| thread.join().unwrap()), [Waited::Over(0), Waited::Over(10)]);
        });
        assert!(!exchange.is_asked());
    }

    #[test]
    fn one_that_waits_awake_or_asleep_is_served_once() {
        for pause in [Duration::ZERO, AWAKE * 5] {
            let exchange = Exchange::new(2);
            thread::scope(|scope| {
                let waits = scope.spawn(|| match exchange.wait(1, 0, || false) {
                    Waited::Served(lanes) => exchange.wait(1, lanes, || false),
                    Waited::Over(lanes) => panic!("over with {lanes}"),
                });
                until(|| exchange.is_asked());
                thread::sleep(pause);
                exchange.serve(|lanes| *lanes += 7);
                until(|| exchange.is_asked());
                assert_eq!(exchange.wait(0, 1, || false), Waited::Over(1));
                assert_eq!(waits.join().unwrap(), Waited::Over(7));
            });
            exchange.serve(|_| panic!("nobody waits"));
        }
    }

    #[test]
    fn a_stop_is_noticed_though_others_play_on() {
        let (exchange, stopped) = (Exchange::new(2), AtomicBool::new(false));
        thread::scope(|scope| {
            let waits = scope.spawn(|| exchange.wait(1, "worker", || stopped.load(Relaxed)));
            until(|| exchange.is_asked());
            stopped.store(true, Relaxed);
            assert_eq!(waits.join().unwrap(), Waited::Over("worker"));
        });
    }
}

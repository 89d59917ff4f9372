//! What threads look after while they play: the calling one after cancellation and progress, all of them after the call's
//! end.

use crate::error::EngineError;
use crate::outcome::EpisodeRecords;
use crate::queue::Queue;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often the calling thread looks after cancellation and progress.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How many steps of its lanes the calling thread plays at most before it looks at the clock, which costs as much as a step
/// of CartPole in one lane.
const MOST_STEPS_PER_LOOK: u64 = 16;

/// The steps between two looks at the clock shall not take longer than this.
const LOOK_INTERVAL: Duration = Duration::from_micros(200);

/// How long the calling thread waits for the others awake: to be woken takes as long.
const AWAKE: Duration = Duration::from_micros(100);

/// What the calling thread does besides its part: it looks after cancellation and progress, and waits for the others.
pub(crate) struct Watch<'a> {
    queue: &'a Queue,
    poll: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    interval: Duration,
    is_cancelled: bool,
    /// Since the last look at the clock, and how many are due before the next one.
    steps: u64,
    steps_per_look: u64,
    looked: Instant,
    polled: Instant,
}

impl<'a> Watch<'a> {
    /// A watch that polls as often as `interval` says.
    pub(crate) fn new(
        queue: &'a Queue,
        interval: Duration,
        poll: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Self {
        let now = Instant::now();
        Self {
            queue,
            poll,
            interval,
            is_cancelled: false,
            steps: 0,
            steps_per_look: 1,
            looked: now,
            polled: now,
        }
    }

    /// Whether the caller has ended the call.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    fn after_step(&mut self) {
        self.steps += 1;
        if self.steps >= self.steps_per_look {
            let took = self.poll_if_due();
            self.steps_per_look = steps_before_the_next_look(self.steps, took);
            self.steps = 0;
        }
    }

    /// Looks at the clock; how long ago that was done before.
    pub(crate) fn poll_if_due(&mut self) -> Duration {
        let now = Instant::now();
        let took = now - self.looked;
        self.looked = now;
        if now - self.polled >= self.interval {
            self.poll();
        }
        took
    }

    fn poll(&mut self) {
        if !self.is_cancelled && (self.poll)(self.queue.episodes_done(), self.queue.total()).is_break() {
            self.is_cancelled = true;
            self.queue.abandon();
        }
        // What the caller takes for an answer is no work.
        self.polled = Instant::now();
        self.looked = self.polled;
    }

    /// Adds what the other threads send to `finished` until it has an entry for each thread.
    pub(crate) fn wait_for_others(
        &mut self,
        threads: usize,
        receiver: &Receiver<Result<EpisodeRecords, EngineError>>,
        finished: &mut Vec<Result<EpisodeRecords, EngineError>>,
    ) {
        let start = Instant::now();
        while finished.len() < threads && start.elapsed() < AWAKE {
            finished.extend(receiver.try_iter());
            std::hint::spin_loop();
        }
        while finished.len() < threads {
            match receiver.recv_timeout(self.interval) {
                Ok(result) => finished.push(result),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.poll(),
            }
        }
    }
}

/// By time, not by steps: those of heavy policies take a second, those of CartPole less than a look.
fn steps_before_the_next_look(steps: u64, took: Duration) -> u64 {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1);
    (steps * nanoseconds(LOOK_INTERVAL) / nanoseconds(took)).clamp(1, MOST_STEPS_PER_LOOK)
}

/// What a thread looks after; the calling one has a watch.
pub(crate) struct Lookout<'a, 'w> {
    queue: &'a Queue,
    watch: Option<&'a mut Watch<'w>>,
}

impl<'a, 'w> Lookout<'a, 'w> {
    pub(crate) fn new(queue: &'a Queue, watch: Option<&'a mut Watch<'w>>) -> Self {
        Self { queue, watch }
    }

    /// After a step of the thread's lanes.
    #[inline]
    pub(crate) fn after_step(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.after_step();
        }
    }

    /// In the middle of work that takes long; whether it shall go on, for the sake of episodes.
    pub(crate) fn look(&mut self) -> ControlFlow<()> {
        self.poll_if_due();
        if self.queue.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The same, for the sake of anything: an individual that is refused does not end the search for earlier ones.
    pub(crate) fn look_at_the_call(&mut self) -> ControlFlow<()> {
        self.poll_if_due();
        if self.queue.is_abandoned() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn poll_if_due(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.poll_if_due();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_as_far_apart_as_steps_are_short() {
        let after =
            |steps, microseconds| steps_before_the_next_look(steps, Duration::from_micros(microseconds));
        assert_eq!([after(1, 0), after(16, 5), after(16, 200)], [16; 3]);
        assert_eq!([after(16, 400), after(8, 400), after(4, 100)], [8, 4, 8]);
        assert_eq!([after(16, 500_000), after(1, 300), after(1, u64::MAX)], [1; 3]);
    }

    #[test]
    fn the_first_step_is_looked_at_and_an_end_is_asked_for_once() {
        let queue = Queue::new(1, 1);
        let mut polls = 0;
        let mut poll = |_, _| {
            polls += 1;
            ControlFlow::Break(())
        };
        let mut watch = Watch::new(&queue, Duration::ZERO, &mut poll);
        let mut lookout = Lookout::new(&queue, Some(&mut watch));
        lookout.after_step();
        assert!(queue.is_stopped());
        assert!(lookout.look().is_break() && lookout.look_at_the_call().is_break());
        assert!(watch.is_cancelled());
        assert_eq!(polls, 1);
    }

    #[test]
    fn a_refusal_ends_episodes_but_not_the_search() {
        let queue = Queue::new(1, 1);
        let mut lookout = Lookout::new(&queue, None);
        assert!(lookout.look().is_continue() && lookout.look_at_the_call().is_continue());
        queue.refuse(0);
        assert!(lookout.look().is_break() && lookout.look_at_the_call().is_continue());
    }
}

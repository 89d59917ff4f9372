//! A population in, returns out: schedules episodes over lanes and threads, and keeps the results in order.
//!
//! ```
//! use engine::{Head, OnNonFinite, Seeds, Task};
//! use policy::{Architecture, InputShape, Layer, Network};
//! use std::ops::ControlFlow;
//!
//! let spec = envs::registry::find("CartPole-v1")?.spec(&[], &[])?;
//! let layers = vec![Layer::Linear { outputs: 2, bias: true }];
//! let network = Network::new(&Architecture::new(InputShape::Flat(4), layers)?);
//! let weights = [0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // one individual: lean where it falls
//! let task = Task {
//!     spec: spec.as_ref(),
//!     network: &network,
//!     head: Head::Tanh,
//!     weights: &weights,
//!     population: 1,
//!     episodes: 2,
//!     seeds: Seeds::Shared(&[0, 1]),
//!     threads: 2,
//!     group_width: None,
//!     max_episode_steps: Some(500),
//!     on_non_finite: OnNonFinite::Stop,
//!     keep_final_observation: false,
//!     normalization: None,
//!     recording: engine::Recording::default(),
//! };
//! let evaluation = engine::evaluate(&task, &mut |_done, _total| ControlFlow::Continue(()))?;
//! assert!(evaluation.returns.iter().all(|&total| total > 100.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Where it stands.** Depends on `envs` and `policy`; the bindings depend on it, never the reverse.
//!
//! **How it works.** The unit of work is one episode of one individual. Each thread advances a group of
//! lanes in lock-step: observe all, act all, step all. A lane whose episode ended takes the next
//! (individual, episode) at once; threads claim runs of them from one queue, in ever smaller pieces, and
//! play even shares of the last ones in as many lanes as it takes, so that neither lanes nor threads idle
//! before the queue is empty. A thread that is done before others gets half of the lanes of one that is not,
//! episodes under way and all. The calling thread plays too. Threads are kept from call to call, but a
//! call works after a fork too, and two calls at once do not meet.
//!
//! Beside returns, [`Recording`] asks for descriptors (episodes reduced to numbers), trajectories and the statistics of
//! observations; who asks for nothing pays one branch per step of a group.
//!
//! **Numeric contract.** The return of an episode is the f64 sum of its rewards, first to last; the
//! fitness is the f64 sum of an individual's returns, first to last, over their number, cast to f32.
//! Nothing depends on threads, group width, or the position of an individual in the population.
//!
//! **What it does not do.** No selection, no mutation, no seeds of its own.

mod actions;
mod bytes;
mod error;
mod exchange;
mod finite;
mod normalization;
mod outcome;
mod queue;
mod recording;
mod slots;
mod task;
mod threads;
mod worker;

pub use actions::continuous_actions;
pub use error::EngineError;
pub use normalization::Normalization;
pub use outcome::Evaluation;
pub use recording::{
    Comparison, Condition, Descriptor, Field, ObservationStatistics, PartialSum, RecordedActions,
    RecordedObservations, Recording, Reducer, Reduction, Share, Trajectory,
};
pub use task::{Head, OnNonFinite, Seeds, Task};

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use exchange::{Exchange, Waited};
use lane_math::StandardFloatMode;
use outcome::EpisodeRecords;
use queue::Queue;
use recording::SharedTotal;
use worker::Worker;

/// How often the calling thread looks after cancellation and progress.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How many steps of its lanes the calling thread plays before it looks at the clock, which costs as much as a step of
/// CartPole in one lane; of the largest policies 16 steps of eight lanes take 40 ms.
const STEPS_PER_LOOK: u32 = 16;

/// How long the calling thread waits for the others awake: to be woken takes as long.
const AWAKE: Duration = Duration::from_micros(100);

/// Runs every episode of every individual, on the calling thread and on `task.threads - 1` others.
///
/// `poll(episodes_done, episodes_total)` is called on the calling thread some 50 times a second while
/// the episodes run; `Break` cancels the evaluation.
///
/// # Errors
///
/// - A task whose parts do not fit together (sizes, zero episodes, a policy for another environment).
/// - Weights or logits that are NaN or infinite, under [`OnNonFinite::Stop`]: the first individual and
///   episode of the population's order is named, whatever the number of threads. All weights are looked at
///   before an episode ends, and come before logits.
/// - Cancellation by `poll`.
/// - A panic in a worker: a bug, reported as an error that carries the panic's message.
pub fn evaluate(
    task: &Task<'_>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    task.check()?;
    let start = Instant::now();
    let total = task.population * task.episodes;
    let threads = task.threads.min(total);
    let queue = Queue::new(total, threads);
    let statistics = SharedTotal::default();
    if threads == 0 {
        return Ok(Evaluation::collect(task, Vec::new(), &statistics, start.elapsed()));
    }
    let (sender, receiver) = sync_channel(threads);
    let exchange = Exchange::new(threads);
    let call = Call { task, queue: &queue, statistics: &statistics, exchange: &exchange, threads };
    let work = |thread| {
        // The receiver outlives every worker, so the send cannot fail.
        let _ = sender.send(call.play(thread, None));
    };
    threads::run(threads, &work, || {
        let mut watch = Watch::new(&queue, poll);
        let mut finished = Vec::with_capacity(threads);
        finished.push(call.play(0, Some(&mut watch)));
        watch.wait_for_others(threads, &receiver, &mut finished);
        let is_cancelled = watch.is_cancelled;
        let records = finished.into_iter().collect::<Result<Vec<_>, _>>()?;
        if is_cancelled {
            return Err(EngineError::cancelled());
        }
        if let Some(individual) = queue.refused() {
            return Err(EngineError::non_finite_at(individual, 0));
        }
        if let Some(job) = queue.first_failure() {
            return Err(EngineError::non_finite_at(job / task.episodes, job % task.episodes));
        }
        Ok(Evaluation::collect(task, records, &statistics, start.elapsed()))
    })
}

/// What all threads of a call share.
#[derive(Clone, Copy)]
struct Call<'a, 'w> {
    task: &'a Task<'a>,
    queue: &'a Queue,
    statistics: &'a SharedTotal,
    exchange: &'w Exchange<Box<Worker<'a>>>,
    threads: usize,
}

impl Call<'_, '_> {
    /// One thread's part; after a panic the other threads' parts end too. The calling thread has a watch.
    fn play(self, thread: usize, watch: Option<&mut Watch<'_>>) -> Result<EpisodeRecords, EngineError> {
        let run = AssertUnwindSafe(|| {
            // The caller's mode would be inherited by threads that it starts, and is its own business.
            let _standard = StandardFloatMode::enter();
            if self.task.on_non_finite == OnNonFinite::Stop {
                finite::check_share(self.task, self.queue, thread);
            }
            self.play_episodes(thread, watch)
        });
        let result = catch_unwind(run).map_err(|payload| EngineError::panicked(payload.as_ref()));
        if result.is_err() {
            self.queue.stop();
            self.exchange.announce();
        }
        result
    }

    /// Plays what the queue has, and then what other threads give away, until none of them plays any more.
    fn play_episodes(self, thread: usize, mut watch: Option<&mut Watch<'_>>) -> EpisodeRecords {
        let lanes = self.task.lanes_per_thread(self.threads);
        let mut worker = Box::new(Worker::new(self.task, self.queue, self.statistics, thread, lanes));
        loop {
            worker.run(self.exchange, || {
                if let Some(watch) = &mut watch {
                    watch.after_step();
                }
            });
            let is_stopped = || {
                if let Some(watch) = &mut watch {
                    watch.poll_if_due();
                }
                self.queue.is_stopped()
            };
            match self.exchange.wait(thread, worker, is_stopped) {
                Waited::Served(served) => worker = served,
                Waited::Over(done) => return done.into_records(),
            }
            worker.take_up();
        }
    }
}

/// What the calling thread does besides its part: it looks after cancellation and progress, and waits for the others.
struct Watch<'a> {
    queue: &'a Queue,
    poll: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    is_cancelled: bool,
    steps: u32,
    polled: Instant,
}

impl<'a> Watch<'a> {
    fn new(queue: &'a Queue, poll: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Self {
        Self { queue, poll, is_cancelled: false, steps: 0, polled: Instant::now() }
    }

    fn after_step(&mut self) {
        self.steps += 1;
        if self.steps == STEPS_PER_LOOK {
            self.steps = 0;
            self.poll_if_due();
        }
    }

    fn poll_if_due(&mut self) {
        if self.polled.elapsed() >= POLL_INTERVAL {
            self.poll();
        }
    }

    fn poll(&mut self) {
        if !self.is_cancelled && (self.poll)(self.queue.episodes_done(), self.queue.total()).is_break() {
            self.is_cancelled = true;
            self.queue.stop();
        }
        self.polled = Instant::now();
    }

    /// Adds what the other threads send to `finished` until it has an entry for each thread.
    fn wait_for_others(
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
            match receiver.recv_timeout(POLL_INTERVAL) {
                Ok(result) => finished.push(result),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.poll(),
            }
        }
    }
}

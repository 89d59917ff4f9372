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
//! (individual, episode) at once; threads claim runs of them from one queue, in ever smaller pieces, so
//! that neither lanes nor threads idle before the queue is empty. Threads are kept from call to call, but a
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
mod error;
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
    Comparison, Condition, Descriptor, Field, ObservationStatistics, RecordedActions, RecordedObservations,
    Recording, Reducer, Reduction, Trajectory,
};
pub use task::{Head, OnNonFinite, Seeds, Task};

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use outcome::EpisodeRecords;
use queue::Queue;
use recording::SharedTotal;
use worker::Worker;

/// How often the calling thread looks after cancellation and progress.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs every episode of every individual.
///
/// `poll(episodes_done, episodes_total)` is called on the calling thread some 50 times a second while
/// the workers run; `Break` cancels the evaluation.
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
    let records =
        if threads == 0 { Vec::new() } else { run_workers(task, &queue, &statistics, threads, poll)? };
    if let Some(individual) = queue.refused() {
        return Err(EngineError::non_finite_at(individual, 0));
    }
    if let Some(job) = queue.first_failure() {
        return Err(EngineError::non_finite_at(job / task.episodes, job % task.episodes));
    }
    Ok(Evaluation::collect(task, records, statistics, start.elapsed()))
}

fn run_workers(
    task: &Task<'_>,
    queue: &Queue,
    statistics: &SharedTotal,
    threads: usize,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Vec<EpisodeRecords>, EngineError> {
    let width = task.lanes_per_thread(threads);
    let (sender, receiver) = sync_channel(threads);
    let work = |thread| {
        let run = AssertUnwindSafe(|| {
            if task.on_non_finite == OnNonFinite::Stop {
                worker::check_share(task, queue, thread);
            }
            Worker::new(task, queue, statistics, thread, width).run()
        });
        let result = catch_unwind(run).map_err(|payload| EngineError::panicked(payload.as_ref()));
        if result.is_err() {
            queue.stop();
        }
        // The receiver outlives every worker, so the send cannot fail.
        let _ = sender.send(result);
    };
    threads::run(threads, &work, || collect(threads, queue, &receiver, poll))
}

/// Waits for the workers' records, and meanwhile looks after cancellation and progress.
fn collect(
    threads: usize,
    queue: &Queue,
    receiver: &Receiver<Result<EpisodeRecords, EngineError>>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Vec<EpisodeRecords>, EngineError> {
    let mut finished = Vec::with_capacity(threads);
    let mut cancelled = false;
    while finished.len() < threads {
        match receiver.recv_timeout(POLL_INTERVAL) {
            Ok(result) => finished.push(result),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                if !cancelled && poll(queue.episodes_done(), queue.total()).is_break() {
                    cancelled = true;
                    queue.stop();
                }
            }
        }
    }
    let records = finished.into_iter().collect::<Result<Vec<_>, _>>()?;
    if cancelled { Err(EngineError::cancelled()) } else { Ok(records) }
}

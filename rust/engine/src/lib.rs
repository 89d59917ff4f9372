//! A population in, returns out: schedules episodes over lanes and threads, and keeps the results in order.
//!
//! ```
//! use engine::policy::{Architecture, InputShape, Layer, Network};
//! use engine::Task;
//! use std::ops::ControlFlow;
//!
//! let spec = engine::envs::registry::find("CartPole-v1")?.spec(&[], &[])?;
//! let layers = vec![Layer::Linear { outputs: 2, bias: true }];
//! let network = Network::new(&Architecture::new(InputShape::Flat(4), layers)?);
//! let weights = [0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]; // one individual: lean where it falls
//! let task = Task {
//!     threads: 2,
//!     max_episode_steps: Some(500),
//!     ..Task::new(spec.as_ref(), &network, &weights, &[0, 1])
//! };
//! let evaluation = engine::evaluate(&task, &mut |_done, _total| ControlFlow::Continue(()))?;
//! assert!(evaluation.returns.iter().all(|&total| total > 100.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Where it stands.** Depends on `envs`, `policy` and `graph`, and hands them on; the bindings depend on it, never the reverse.
//!
//! **How it works.** The unit of work is one episode of one individual. Each thread advances a group of
//! lanes in lock-step: observe all, act all, step all. A lane whose episode ended takes the next
//! (individual, episode) at once; threads claim runs of them from one queue, in ever smaller pieces, and
//! play even shares of the last ones in as many lanes as it takes, so that neither lanes nor threads idle
//! before the queue is empty. A thread that is done before others gets half of the lanes of one that is not,
//! episodes under way and all. The calling thread plays too, alone where no other can be started. Graphs are compiled by
//! all threads before they play, and where they come during the call (`evaluate_fed`), as they come. Threads are
//! kept from call to call, but a call works after a fork too, and two calls at once do not meet.
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
mod compiling;
mod error;
mod exchange;
mod expression;
mod finite;
mod graphs;
mod in_play;
mod lane_states;
mod memory;
mod normalization;
mod normalizer;
mod outcome;
mod queue;
mod recording;
mod rules;
mod slots;
mod step_values;
mod task;
mod threads;
mod watch;
mod worker;

/// What a task is made of: environments, policies, and the ground under both. Callers need no other crate.
pub use {envs, graph, lane_math, policy};

pub use actions::{ACTION_STREAM, Exploration, Head, Noise, continuous_actions};
pub use compiling::{Genomes, PART, Programs, compile};
pub use error::EngineError;
pub use expression::{Comparison, Expression, Field, Operation};
pub use graphs::{GraphHead, Graphs, graph_actions};
pub use normalization::Normalization;
pub use outcome::Evaluation;
pub use recording::{
    Descriptor, ObservationStatistics, PartialSum, RecordedActions, RecordedObservations, Recording, Reducer,
    Reduction, Share, Trajectory,
};
pub use rules::{NoOps, Rules, StopRule};
pub use task::{OnNonFinite, Seeds, Task};

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use exchange::{Exchange, Waited};
use lane_math::StandardFloatMode;
use outcome::{EpisodeRecords, Results};
use queue::Queue;
use recording::SharedTotal;
use threads::{Start, Team};
use watch::{Lookout, POLL_INTERVAL, Watch};
use worker::Worker;

/// Runs every episode of every individual, on the calling thread and on `task.threads - 1` others, or as many of them as
/// the system starts.
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
/// - Memory that cannot be had, for results before the first episode.
/// - A panic in a worker: a bug, reported as an error that carries the panic's message.
pub fn evaluate(
    task: &Task<'_>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    evaluate_fed(task, poll, &mut || ControlFlow::Continue(()))
}

/// As [`evaluate`], of graphs whose genes come during the call: `feed` is called once, on the calling thread before it plays
/// anything, and publishes them ([`Programs::publish`]), all of them or as many as there are when it breaks the call off.
/// Meanwhile other threads compile and play what has come.
///
/// # Errors
///
/// As [`evaluate`], which names the first graph that is none before anything else that is found meanwhile. A call that is
/// broken off counts as cancelled.
pub fn evaluate_fed(
    task: &Task<'_>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    feed: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    evaluate_in(Surroundings { start: &threads::start, poll_interval: POLL_INTERVAL }, task, poll, feed)
}

/// What a call has around it; tests put it into others.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    start: Start<'a>,
    poll_interval: Duration,
}

fn evaluate_in(
    surroundings: Surroundings<'_>,
    task: &Task<'_>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    feed: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    task.check()?;
    recording::check(task)?;
    memory::check(task)?;
    // Threads catch their own panics; this is for the memory of results, and whatever else is between the threads.
    catch_unwind(AssertUnwindSafe(|| play_all(surroundings, task, poll, feed)))
        .unwrap_or_else(|payload| Err(EngineError::unwound(payload.as_ref())))
}

fn play_all(
    surroundings: Surroundings<'_>,
    task: &Task<'_>,
    poll: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    feed: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    let start = Instant::now();
    let total = task.population * task.episodes;
    let statistics = SharedTotal::default();
    if total == 0 {
        return Ok(Evaluation::collect(task, Results::of(task), Vec::new(), &statistics, start.elapsed()));
    }
    let team = Team::of(task.threads.min(total), surroundings.start);
    let threads = team.size();
    let queue = Queue::new(total, threads);
    let results = Results::of(task);
    let (sender, receiver) = sync_channel(threads);
    let exchange = Exchange::new(threads);
    let call = Call {
        task,
        queue: &queue,
        results: &results,
        statistics: &statistics,
        exchange: &exchange,
        threads,
    };
    let work = |thread| {
        // The receiver outlives every worker, so the send cannot fail.
        let _ = sender.send(call.play(thread, None, &mut || ControlFlow::Continue(())));
    };
    let (records, elapsed) = team.run(&work, || {
        let mut watch = Watch::new(&queue, surroundings.poll_interval, poll);
        let mut finished = Vec::with_capacity(threads);
        let mut is_broken_off = false;
        finished.push(call.play(0, Some(&mut watch), &mut || {
            let fed = feed();
            is_broken_off = fed.is_break();
            fed
        }));
        watch.wait_for_others(threads, &receiver, &mut finished);
        let is_cancelled = watch.is_cancelled() || is_broken_off;
        let records = finished.into_iter().collect::<Result<Vec<_>, _>>()?;
        if is_cancelled {
            return Err(EngineError::cancelled());
        }
        if let Some((individual, error)) = task.graphs.and_then(|graphs| graphs.programs.error()) {
            return Err(EngineError::input(format!("graphs[{individual}]: {error}")));
        }
        if let Some(individual) = queue.refused() {
            return Err(EngineError::non_finite_at(individual, 0));
        }
        if let Some(job) = queue.first_failure() {
            return Err(EngineError::non_finite_at(job / task.episodes, job % task.episodes));
        }
        Ok((records, start.elapsed()))
    })?;
    Ok(Evaluation::collect(task, results, records, &statistics, elapsed))
}

/// What all threads of a call share.
#[derive(Clone, Copy)]
struct Call<'a, 'w> {
    task: &'a Task<'a>,
    queue: &'a Queue,
    results: &'a Results,
    statistics: &'a SharedTotal,
    exchange: &'w Exchange<Box<Worker<'a>>>,
    threads: usize,
}

impl Call<'_, '_> {
    /// One thread's part; after a panic the other threads' parts end too. The calling thread has a watch, and feeds.
    fn play(
        self,
        thread: usize,
        watch: Option<&mut Watch<'_>>,
        feed: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<EpisodeRecords, EngineError> {
        let run = AssertUnwindSafe(|| {
            if feed().is_break() {
                self.queue.abandon();
            }
            // The caller's mode would be inherited by threads that it starts, and is its own business.
            let _standard = StandardFloatMode::enter();
            let mut lookout = Lookout::new(self.queue, watch);
            if self.task.on_non_finite == OnNonFinite::Stop {
                finite::check_share(self.task, self.queue, thread, &mut lookout);
            }
            self.play_episodes(thread, &mut lookout)
        });
        let result = catch_unwind(run).map_err(|payload| EngineError::unwound(payload.as_ref()));
        if result.is_err() {
            self.queue.abandon();
            self.exchange.announce();
        }
        result
    }

    /// Plays what the queue has, and then what other threads give away, until none of them plays any more.
    fn play_episodes(self, thread: usize, lookout: &mut Lookout<'_, '_>) -> EpisodeRecords {
        let lanes = self.task.lanes_per_thread(self.threads);
        let mut worker =
            Box::new(Worker::new(self.task, self.queue, self.results, self.statistics, thread, lanes));
        loop {
            worker.run(self.exchange, lookout);
            match self.exchange.wait(thread, worker, || lookout.look().is_break()) {
                Waited::Served(served) => worker = served,
                Waited::Over(done) => return done.into_records(),
            }
            worker.take_up();
        }
    }
}

#[cfg(test)]
mod tests;

//! Graphs that come while others are played: they are compiled first of all, and played as soon as they are ready.

use super::Worker;
use crate::task::OnNonFinite;
use crate::watch::Lookout;
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread waits awake: genomes come in parts that take as long to be read.
const AWAKE: Duration = Duration::from_micros(100);

/// How long it sleeps then, again and again.
const NAP: Duration = Duration::from_micros(100);

impl Worker<'_> {
    /// Claims jobs whose individuals are ready.
    pub(super) fn claim(&mut self) {
        // The lane for which this is called is one of those in play whose episode has ended, or the next to open.
        let room = self.group.lanes() - self.active;
        let ready = self.ready();
        let claim = self.queue.claim(ready.saturating_mul(self.task.episodes), room, self.at_once);
        self.at_once |= claim.at_once;
        self.claimed = claim.jobs;
        // What comes is behind a failure, if there is one.
        let is_last = ready >= self.task.population || self.queue.first_failure().is_some();
        self.waiting = (self.claimed.is_empty() && !is_last).then_some(ready);
    }

    /// The individuals before this one may be played, after what there is to compile has been compiled.
    fn ready(&mut self) -> usize {
        let (Some(lanes), Some(graphs)) = (&mut self.graphs, &self.task.graphs) else { return usize::MAX };
        let (queue, on_non_finite) = (self.queue, self.task.on_non_finite);
        let are_graphs = lanes.compile(|individual, program| {
            if on_non_finite == OnNonFinite::Stop && !program.is_finite() {
                queue.refuse(individual);
            }
        });
        if !are_graphs {
            queue.abandon();
        }
        graphs.programs.ready()
    }

    /// Waits until there is something to compile, or more to play than the first `ready` individuals, or the call is stopped.
    pub(super) fn wait_for_graphs(&self, ready: usize, lookout: &mut Lookout<'_, '_>) {
        let Some(graphs) = &self.task.graphs else { return };
        let start = Instant::now();
        while !graphs.programs.has_news(ready) && lookout.look().is_continue() {
            if start.elapsed() < AWAKE { std::hint::spin_loop() } else { thread::sleep(NAP) }
        }
    }
}

//! What is recorded of the episodes beside their returns: descriptors, trajectories, statistics of observations.
//!
//! A worker that records holds a [`Recorder`] and tells it of every start, step, move and end of its lanes; one that
//! does not holds none, and asks once per step of a group. Depends on `envs` and on the task, never on the policy.

mod conditions;
pub(crate) mod definition;
mod descriptors;
mod statistics;
mod trajectories;

pub use definition::{Descriptor, Recording, Reducer, Reduction, Share};
pub use statistics::{ObservationStatistics, PartialSum};
pub use trajectories::{RecordedActions, RecordedObservations, Trajectory};

pub(crate) use conditions::ConditionWatch;
pub(crate) use statistics::SharedTotal;

use crate::error::EngineError;
pub(crate) use crate::step_values::Steps;
use crate::step_values::check_fields;
use crate::task::Task;
use descriptors::Descriptors;
use envs::Group;
use statistics::Statistics;
use trajectories::Trajectories;

/// Everything that a task wants recorded exists, and its trajectories fit into their bytes.
pub(crate) fn check(task: &Task<'_>) -> Result<(), EngineError> {
    check_expressions(task)?;
    let Share { first, population } = share_of(task);
    let is_within = first.checked_add(task.population).is_some_and(|end| end <= population);
    if !is_within || population.checked_mul(task.episodes).is_none() {
        let got = format!("{} from {first} on", task.population);
        let message = format!("share: expected individuals of a population of {population}, got {got}");
        return Err(EngineError::input(message));
    }
    trajectories::check(task)
}

/// The task's place in its population; most tasks are all of it.
fn share_of(task: &Task<'_>) -> Share {
    task.recording.share.unwrap_or(Share { first: 0, population: task.population })
}

/// Every field is one that the environment has.
fn check_expressions(task: &Task<'_>) -> Result<(), EngineError> {
    for (index, descriptor) in task.recording.descriptors.iter().enumerate() {
        let name = || format!("descriptors[{index}]");
        if descriptor.reductions.is_empty() {
            return Err(EngineError::input(format!("{}: expected a reduction, got none", name())));
        }
        for expression in descriptor.reductions.iter().flat_map(Reduction::expressions) {
            check_fields(name, expression, task.spec)?;
        }
    }
    let stop = || "stop: condition".to_owned();
    task.rules.condition.map_or(Ok(()), |condition| check_fields(stop, condition, task.spec))
}

/// What a worker recorded.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// The descriptors of each ended episode, row by row, in the order in which they ended.
    pub(crate) descriptors: Vec<f64>,
    pub(crate) trajectories: Vec<Trajectory>,
}

/// How an episode ended.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) job: usize,
    pub(crate) terminated: bool,
    pub(crate) truncated: bool,
    pub(crate) failed: bool,
}

/// The recorders of one worker, one for each kind of record that was asked for.
pub(crate) struct Recorder<'a> {
    descriptors: Descriptors<'a>,
    trajectories: Trajectories<'a>,
    statistics: Option<Statistics<'a>>,
    recorded: Recorded,
}

impl<'a> Recorder<'a> {
    /// A recorder for `lanes` lanes; none if there is nothing to record.
    pub(crate) fn new(task: &'a Task<'a>, lanes: usize, total: &'a SharedTotal) -> Option<Box<Self>> {
        if task.recording.is_nothing() {
            return None;
        }
        Some(Box::new(Self {
            descriptors: Descriptors::new(task, lanes),
            trajectories: Trajectories::new(task, lanes),
            statistics: task.recording.statistics.then(|| Statistics::new(task, lanes, total)),
            recorded: Recorded::default(),
        }))
    }

    /// An episode has been reset in `lane`.
    pub(crate) fn start(&mut self, lane: usize, individual: usize, group: &dyn Group) {
        self.descriptors.start(lane);
        self.trajectories.start(lane, individual, group);
        if let Some(statistics) = &mut self.statistics {
            statistics.start(lane);
        }
    }

    /// All lanes in play have made a step.
    pub(crate) fn step(&mut self, steps: &Steps<'_>) {
        self.descriptors.step(steps);
        self.trajectories.step(steps);
        if let Some(statistics) = &mut self.statistics {
            statistics.step(steps);
        }
    }

    /// The episode in `lane` has ended.
    pub(crate) fn end(&mut self, lane: usize, end: End) {
        self.descriptors.end(lane, end.failed, &mut self.recorded.descriptors);
        self.trajectories.end(lane, end, &mut self.recorded.trajectories);
        if let Some(statistics) = &mut self.statistics {
            statistics.end(Some(lane).filter(|_| !end.failed), end.job);
        }
    }

    /// An episode was not started, since its individual's weights are not finite.
    pub(crate) fn refuse(&mut self, individual: usize, job: usize) {
        self.descriptors.refuse(&mut self.recorded.descriptors);
        self.trajectories.refuse(individual, job, &mut self.recorded.trajectories);
        if let Some(statistics) = &mut self.statistics {
            statistics.end(None, job);
        }
    }

    /// The episode in lane `from` goes on in lane `to`.
    pub(crate) fn move_lane(&mut self, from: usize, to: usize) {
        self.descriptors.move_lane(from, to);
        self.trajectories.move_lane(from, to);
        if let Some(statistics) = &mut self.statistics {
            statistics.move_lane(from, to);
        }
    }

    /// The episode in lane `from` of another recorder goes on in lane `to` of this one.
    pub(crate) fn take_lane(&mut self, to: usize, other: &mut Self, from: usize) {
        self.descriptors.take_lane(to, &other.descriptors, from);
        self.trajectories.take_lane(to, &mut other.trajectories, from);
        if let (Some(ours), Some(theirs)) = (&mut self.statistics, &mut other.statistics) {
            ours.take_lane(to, theirs, from);
        }
    }

    pub(crate) fn into_recorded(self) -> Recorded {
        self.recorded
    }
}

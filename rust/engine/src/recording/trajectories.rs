//! Episodes kept step by step, for chosen individuals.

use super::{End, Steps, share_of};
use crate::error::EngineError;
use crate::task::Task;
use envs::{ActionSpace, Actions, Group, ObservationDtype, View};
use lane_math::memory;

/// Every step of an episode of `T` actions. Rows are in order; behind a skip of frames a row is an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// The individual times the episodes of each, plus the episode; the individual is this call's, also in a share.
    pub job: usize,
    /// `(T + 1, observation size)`: after the reset and after each action, as Gymnasium has them. None at all, not even
    /// the reset's, if the individual's weights were not finite.
    pub observations: RecordedObservations,
    /// `(T,)` or `(T, dimensions)`, as the environment was given them.
    pub actions: RecordedActions,
    /// `(T,)`.
    pub rewards: Vec<f64>,
    /// The episode reached an end state.
    pub terminated: bool,
    /// The episode reached a limit.
    pub truncated: bool,
}

/// Observations in the reference's type.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedObservations {
    /// Numbers.
    F32(Vec<f32>),
    /// Bytes of images.
    U8(Vec<u8>),
}

/// Actions in the space's type.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordedActions {
    /// Indices.
    Discrete(Vec<i64>),
    /// Row-major values.
    Continuous(Vec<f32>),
}

impl RecordedObservations {
    fn new(dtype: ObservationDtype) -> Self {
        match dtype {
            ObservationDtype::F32 => Self::F32(Vec::new()),
            ObservationDtype::U8 => Self::U8(Vec::new()),
        }
    }

    fn push(&mut self, observation: &[f32]) {
        match self {
            Self::F32(values) => {
                memory::reserve(values, observation.len());
                values.extend_from_slice(observation);
            }
            Self::U8(bytes) => {
                memory::reserve(bytes, observation.len());
                bytes.extend(observation.iter().map(|&value| value as u8));
            }
        }
    }

    /// Gives memory back that was taken in advance: an episode's is kept for the whole call.
    fn shrink(&mut self) {
        match self {
            Self::F32(values) => values.shrink_to_fit(),
            Self::U8(bytes) => bytes.shrink_to_fit(),
        }
    }
}

/// The individuals exist, and their trajectories fit into the bytes that they may take.
pub(super) fn check(task: &Task<'_>) -> Result<(), EngineError> {
    let recording = &task.recording;
    let individuals = recording.trajectories;
    let Some(&last) = individuals.last() else {
        return Ok(());
    };
    let population = share_of(task).population;
    if last >= population {
        let message = format!("trajectories: expected individuals below {population}, got {last}");
        return Err(EngineError::input(message));
    }
    if let Some(pair) = individuals.windows(2).find(|pair| pair[0] >= pair[1]) {
        let message =
            format!("trajectories: expected ascending individuals, got {} after {}", pair[1], pair[0]);
        return Err(EngineError::input(message));
    }
    let Some(steps) = task.step_limit() else {
        return Err(EngineError::input(
            "trajectories: expected a limit of steps, got an environment without",
        ));
    };
    let count = individuals.len() as u128 * task.episodes as u128;
    let needed = count * episode_bytes(task, steps);
    let most = recording.most_trajectory_bytes;
    if needed > u128::from(most) {
        return Err(EngineError::input(format!(
            "trajectories: expected at most {most} bytes, got up to {needed} for {count} episodes of {steps} steps; \
             choose fewer individuals or episodes, or a lower max_episode_steps"
        )));
    }
    Ok(())
}

/// What the trajectory of so many steps takes.
fn episode_bytes(task: &Task<'_>, steps: u64) -> u128 {
    let space = task.spec.observation_space();
    let observation = match space.dtype {
        ObservationDtype::F32 => space.size() * size_of::<f32>(),
        ObservationDtype::U8 => space.size(),
    };
    let action = match task.spec.action_space() {
        ActionSpace::Discrete(_) => size_of::<i64>(),
        ActionSpace::Box { low, .. } => low.len() * size_of::<f32>(),
    };
    let step = (observation + action + size_of::<f64>()) as u128;
    observation as u128 + u128::from(steps) * step
}

/// The trajectories that are under way in the lanes of a worker.
pub(super) struct Trajectories<'a> {
    task: &'a Task<'a>,
    lanes: Vec<Option<Trajectory>>,
    /// One observation.
    observation: Vec<f32>,
}

impl<'a> Trajectories<'a> {
    pub(super) fn new(task: &'a Task<'a>, lanes: usize) -> Self {
        let observation = vec![0.0; task.spec.observation_space().size()];
        Self { task, lanes: vec![None; lanes], observation }
    }

    /// An empty trajectory, if those of the individual are to be kept.
    fn empty(&self, individual: usize) -> Option<Trajectory> {
        let number = share_of(self.task).first + individual;
        self.task.recording.trajectories.binary_search(&number).ok()?;
        let actions = match self.task.spec.action_space() {
            ActionSpace::Discrete(_) => RecordedActions::Discrete(Vec::new()),
            ActionSpace::Box { .. } => RecordedActions::Continuous(Vec::new()),
        };
        Some(Trajectory {
            job: 0,
            observations: RecordedObservations::new(self.task.spec.observation_space().dtype),
            actions,
            rewards: Vec::new(),
            terminated: false,
            truncated: false,
        })
    }

    pub(super) fn start(&mut self, lane: usize, individual: usize, group: &dyn Group) {
        self.lanes[lane] = self.empty(individual);
        if let Some(trajectory) = &mut self.lanes[lane] {
            group.observe_lane(lane, View::Gymnasium, &mut self.observation);
            trajectory.observations.push(&self.observation);
        }
    }

    pub(super) fn step(&mut self, steps: &Steps<'_>) {
        for (lane, trajectory) in self.lanes[..steps.active].iter_mut().enumerate() {
            let Some(trajectory) = trajectory else {
                continue;
            };
            steps.group.observe_lane(lane, View::Gymnasium, &mut self.observation);
            trajectory.observations.push(&self.observation);
            trajectory.rewards.push(steps.outcomes.rewards[lane]);
            match (&mut trajectory.actions, steps.actions) {
                (RecordedActions::Discrete(taken), Actions::Discrete(indices)) => {
                    taken.push(i64::from(indices[lane]));
                }
                (RecordedActions::Continuous(taken), Actions::Continuous(values)) => {
                    let dimensions = values.len() / steps.active;
                    taken.extend_from_slice(&values[lane * dimensions..(lane + 1) * dimensions]);
                }
                _ => unreachable!("actions are of the kind of their space"),
            }
        }
    }

    pub(super) fn end(&mut self, lane: usize, end: End, ended: &mut Vec<Trajectory>) {
        if let Some(mut trajectory) = self.lanes[lane].take() {
            trajectory.observations.shrink();
            let End { job, terminated, truncated, .. } = end;
            ended.push(Trajectory { job, terminated, truncated, ..trajectory });
        }
    }

    pub(super) fn refuse(&self, individual: usize, job: usize, ended: &mut Vec<Trajectory>) {
        ended.extend(self.empty(individual).map(|trajectory| Trajectory { job, ..trajectory }));
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        self.lanes[to] = self.lanes[from].take();
    }

    pub(super) fn take_lane(&mut self, to: usize, other: &mut Self, from: usize) {
        self.lanes[to] = other.lanes[from].take();
    }
}

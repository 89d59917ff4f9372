//! What a call keeps until its end, computed before it begins: an hour of episodes is not to end for want of memory.

use crate::error::EngineError;
use crate::task::Task;
use lane_math::memory;

/// Rows of threads grow by doubling, and are then brought in order: at most so many copies of what they keep.
const COPIES: u128 = 3;

/// The bytes of results and rows, at most. Trajectories have a limit of their own.
fn kept_bytes(task: &Task<'_>) -> u128 {
    let episodes = task.population as u128 * task.episodes as u128;
    let result = size_of::<(f64, u64, bool, bool, bool)>() as u128;
    let observation = if task.keep_final_observation { task.spec.observation_space().size() } else { 0 };
    let row = observation as u128 * size_of::<f32>() as u128
        + task.recording.descriptors.len() as u128 * size_of::<f64>() as u128;
    // And whose each row is.
    let row = if row > 0 { row + size_of::<usize>() as u128 } else { 0 };
    let individuals = task.population as u128 * size_of::<(f32, bool)>() as u128;
    individuals + episodes * (result + COPIES * row)
}

/// There is room for what the call keeps.
pub(crate) fn check(task: &Task<'_>) -> Result<(), EngineError> {
    memory::check(kept_bytes(task)).map_err(EngineError::out_of_memory)
}

//! Weights and logits that are NaN or infinite: what is looked for, and who is refused for it before the first step.

use crate::actions::deviation;
use crate::queue::Queue;
use crate::task::Task;
use crate::watch::Lookout;

/// Weights between two looks whether the call goes on: a population may be a file that is larger than the memory.
const WEIGHTS_PER_LOOK: usize = 1 << 20;

/// Refuses the call if an individual in this thread's share of the population has a weight that is not finite. Every
/// thread looks through its whole share before it plays, so the first such individual is named, whatever their number.
pub(crate) fn check_share(task: &Task<'_>, queue: &Queue, thread: usize, lookout: &mut Lookout<'_, '_>) {
    // Graphs are looked at when they are compiled.
    if task.graphs.is_some() {
        return;
    }
    let n_params = task.n_params();
    let share = queue.share(task.population, thread);
    let weights = &task.weights[share.start * n_params..share.end * n_params];
    for (block, values) in weights.chunks(WEIGHTS_PER_LOOK).enumerate() {
        if !all_finite(values) {
            let found = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
            return queue.refuse(share.start + (block * WEIGHTS_PER_LOOK + found) / n_params);
        }
        if lookout.look_at_the_call().is_break() {
            return;
        }
    }
    // Numbers whose exponentials are none.
    if let Some(individual) = share.into_iter().find(|&individual| !has_finite_deviations(task, individual)) {
        queue.refuse(individual);
    }
}

/// An individual's parameters, and its deviations, are finite; of a graph every number.
pub(crate) fn is_finite(task: &Task<'_>, individual: usize) -> bool {
    if let Some(graphs) = task.graphs {
        return graphs.programs.get(individual).is_finite();
    }
    all_finite(task.parameters(individual)) && has_finite_deviations(task, individual)
}

fn has_finite_deviations(task: &Task<'_>, individual: usize) -> bool {
    task.log_std(individual).iter().all(|&log_std| deviation(log_std).is_finite())
}

/// No value is NaN or infinite: no exponent is all ones. Without an early exit, so that it vectorises.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    !values.iter().fold(false, |found, value| found | (value.to_bits() & EXPONENT == EXPONENT))
}

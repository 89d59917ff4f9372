//! Weights and logits that are NaN or infinite: what is looked for, and who is refused for it before the first step.

use crate::queue::Queue;
use crate::task::Task;

/// Refuses the call if an individual in this thread's share of the population has a weight that is not finite. Every
/// thread looks through its whole share before it plays, so the first such individual is named, whatever their number.
pub(crate) fn check_share(task: &Task<'_>, queue: &Queue, thread: usize) {
    let bad = queue.share(task.population, thread).find(|&individual| {
        let weights = task.individual_weights(individual);
        !all_finite(weights)
    });
    if let Some(individual) = bad {
        queue.refuse(individual);
    }
}

/// No value is NaN or infinite: no exponent is all ones. Without an early exit, so that it vectorises.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    !values.iter().fold(false, |found, value| found | (value.to_bits() & EXPONENT == EXPONENT))
}

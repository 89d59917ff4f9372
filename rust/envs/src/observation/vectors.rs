//! From the vectors that an environment shows in an episode to its observations.

use super::pick::Pick;
use super::pipeline::Pipeline;
use super::{ObservationOptions, Padding};
use crate::environment::View;

/// The wrappers of vectors: the largest of the last two, some values, within bounds, several side by side.
#[derive(Clone)]
pub(super) struct Vectors {
    skip: usize,
    most_steps: u64,
    padding: Padding,
    stack: usize,
    pick: Pick,
    /// A vector as the environment writes it.
    whole: Vec<f32>,
}

/// What the wrappers remember of one episode.
#[derive(Clone)]
pub(super) struct Memory {
    /// The last vectors that a skip looked at, two, or one without a skip, as far as they are kept.
    seen: Vec<f32>,
    /// The observation's vectors, in a ring.
    stacked: Vec<f32>,
    /// The oldest of them.
    oldest: usize,
    /// Steps of the environment.
    steps: u64,
}

impl Vectors {
    /// Of vectors of `size` values.
    pub(super) fn new(
        size: usize,
        pick: Pick,
        options: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Self {
        Self {
            skip: options.skip.unwrap_or(1),
            most_steps: max_episode_steps.unwrap_or(u64::MAX),
            padding: options.padding,
            stack: options.stack.unwrap_or(1),
            pick,
            whole: vec![0.0; size],
        }
    }
}

impl Pipeline for Vectors {
    type Memory = Memory;

    fn observation_size(&self) -> usize {
        self.stack * self.pick.len()
    }

    fn skip(&self) -> usize {
        self.skip
    }

    fn memory(&self) -> Memory {
        Memory {
            seen: vec![0.0; self.skip.min(2) * self.pick.len()],
            stacked: vec![0.0; self.observation_size()],
            oldest: 0,
            steps: 0,
        }
    }

    fn reset(&mut self, memory: &mut Memory, draw: impl FnOnce(&mut [f32])) {
        draw(&mut self.whole);
        memory.seen.fill(0.0);
        (memory.oldest, memory.steps) = (0, 0);
        let (padding, newest) = memory.stacked.split_at_mut((self.stack - 1) * self.pick.len());
        self.pick.write(&self.whole, newest);
        self.pick.clip(newest);
        match self.padding {
            Padding::Reset => {
                padding.chunks_exact_mut(newest.len()).for_each(|vector| vector.copy_from_slice(newest));
            }
            Padding::Zero => padding.fill(0.0),
        }
    }

    fn is_at_limit(&self, memory: &mut Memory) -> bool {
        memory.steps += 1;
        memory.steps >= self.most_steps
    }

    fn look(&mut self, memory: &mut Memory, index: usize, draw: impl FnOnce(&mut [f32])) {
        let looks = self.skip.min(2);
        if let Some(look) = (index + looks).checked_sub(self.skip) {
            draw(&mut self.whole);
            let size = self.pick.len();
            self.pick.write(&self.whole, &mut memory.seen[look * size..(look + 1) * size]);
        }
    }

    fn push(&mut self, memory: &mut Memory) {
        let size = self.pick.len();
        let newest = &mut memory.stacked[memory.oldest * size..(memory.oldest + 1) * size];
        let (first, second) = memory.seen.split_at(size);
        newest.copy_from_slice(first);
        for (value, &other) in newest.iter_mut().zip(second) {
            *value = largest(*value, other);
        }
        self.pick.clip(newest);
        memory.oldest = (memory.oldest + 1) % self.stack;
    }

    fn observe(&self, memory: &Memory, _: View, observation: &mut [f32]) {
        let (newer, older) = memory.stacked.split_at(memory.oldest * self.pick.len());
        observation[..older.len()].copy_from_slice(older);
        observation[older.len()..older.len() + newer.len()].copy_from_slice(newer);
    }
}

/// What `numpy.max` makes of two values: of zeros of both signs the second, and NaN where one is.
fn largest(first: f32, second: f32) -> f32 {
    if second >= first || second.is_nan() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_numpy_s() {
        for (first, second, expected) in [
            (1.0, 2.0, 2.0),
            (2.0, 1.0, 2.0),
            (0.0, -0.0, -0.0),
            (-0.0, 0.0, 0.0),
            (f32::NAN, 1.0, f32::NAN),
            (1.0, f32::NAN, f32::NAN),
        ] {
            let got = largest(first, second);
            assert!(got.to_bits() == f32::to_bits(expected) || (got.is_nan() && expected.is_nan()));
        }
    }
}

//! CarRacing in groups: Python's part of a step lane by lane, Box2D's part for all lanes together
//! ([`planar::step_together`]). The scalar [`CarRacing`] is its twin, and a test compares them bit for bit.

use super::{CarRacing, OBSERVED, POSITION_ITERATIONS, TIME_STEP, VELOCITY_ITERATIONS, controls};
use crate::environment::{Action, Environment, View};
use crate::group::{Group, Outcomes, same_kind};
use crate::space::Actions;
use lane_math::Isa;

/// Values of a continuous action.
const DIMENSIONS: usize = 3;

/// A group of CarRacing episodes.
pub(super) struct CarRacingLanes {
    episodes: Vec<CarRacing>,
    isa: Isa,
}

impl CarRacingLanes {
    pub(super) fn boxed(prototype: &CarRacing, lanes: usize) -> Box<dyn Group> {
        Box::new(Self::new(prototype, lanes, Isa::detect()))
    }

    fn new(prototype: &CarRacing, lanes: usize, isa: Isa) -> Self {
        Self { episodes: vec![prototype.clone(); lanes], isa }
    }

    /// Has all drivers act; returns how many there are.
    fn begin_steps(&mut self, actions: Actions<'_>) -> usize {
        let begin = |(episode, action): (&mut CarRacing, Action<'_>)| episode.begin_step(controls(action));
        let episodes = self.episodes.iter_mut();
        match actions {
            Actions::Discrete(indices) => {
                episodes.zip(indices.iter().map(|&index| Action::Discrete(index))).for_each(begin);
                indices.len()
            }
            Actions::Continuous(values) => {
                let rows = values.chunks_exact(DIMENSIONS);
                let active = rows.len();
                episodes.zip(rows.map(Action::Continuous)).for_each(begin);
                active
            }
        }
    }
}

impl Group for CarRacingLanes {
    fn lanes(&self) -> usize {
        self.episodes.len()
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.episodes[lane].reset(Some(seed));
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.episodes.swap(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        std::mem::swap(&mut self.episodes[to], &mut same_kind::<Self>(other).episodes[from]);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        for (episode, row) in self.episodes[..active].iter().zip(observations.chunks_exact_mut(OBSERVED)) {
            episode.observe(view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        self.episodes[lane].observe(view, observation);
    }

    fn events(&self, lane: usize, events: &mut [f64]) {
        self.episodes[lane].events(events);
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let active = self.begin_steps(actions);
        let episodes = &mut self.episodes[..active];
        planar::step_together(self.isa, episodes, TIME_STEP as f32, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
        for (lane, episode) in episodes.iter_mut().enumerate() {
            let step = episode.end_step();
            outcomes.rewards[lane] = step.reward;
            outcomes.terminated[lane] = step.terminated;
            outcomes.truncated[lane] = step.truncated;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::{Kind, compare_kind};
    use proptest::prelude::*;

    proptest! {
        // 200 steps of up to 3 lanes and their twins, four times over, with pictures of all of them.
        #![proptest_config(ProptestConfig::with_cases(3))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=3,
            seed in 0_u64..1 << 40,
            has_random_colours in any::<bool>(),
            continuous in any::<bool>(),
        ) {
            let prototype = CarRacing::new(0.95, has_random_colours);
            let kind = if continuous { Kind::Continuous(DIMENSIONS) } else { Kind::Discrete(5) };
            let make = |isa, _| CarRacingLanes::new(&prototype, lanes, isa);
            compare_kind(&prototype, kind, seed, make);
        }
    }
}

//! LunarLander in groups: Python's part of a step lane by lane, Box2D's part for all lanes together
//! ([`planar::step_together`]). The scalar [`LunarLander`] is its twin, and a test compares them bit for bit.

use super::engines::Throttle;
use super::{LunarLander, OBSERVED, POSITION_ITERATIONS, TIME_STEP, VELOCITY_ITERATIONS};
use crate::environment::{Action, Environment, View};
use crate::group::{Group, Outcomes, same_kind};
use crate::space::Actions;
use lane_math::Isa;

/// A group of LunarLander episodes.
pub(super) struct LunarLanderLanes {
    episodes: Vec<LunarLander>,
    isa: Isa,
}

impl LunarLanderLanes {
    pub(super) fn boxed(prototype: &LunarLander, lanes: usize) -> Box<dyn Group> {
        Box::new(Self::new(prototype, lanes, Isa::detect()))
    }

    fn new(prototype: &LunarLander, lanes: usize, isa: Isa) -> Self {
        Self { episodes: vec![prototype.clone(); lanes], isa }
    }

    fn begin_steps(&mut self, actions: Actions<'_>) -> usize {
        let begin = |episode: &mut LunarLander, action| episode.begin_step(Throttle::of(action));
        match actions {
            Actions::Discrete(indices) => {
                for (episode, &index) in self.episodes.iter_mut().zip(indices) {
                    begin(episode, Action::Discrete(index));
                }
                indices.len()
            }
            Actions::Continuous(values) => {
                let rows = values.chunks_exact(2);
                let active = rows.len();
                for (episode, row) in self.episodes.iter_mut().zip(rows) {
                    begin(episode, Action::Continuous(row));
                }
                active
            }
        }
    }
}

impl Group for LunarLanderLanes {
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
        planar::step_together(self.isa, episodes, TIME_STEP, VELOCITY_ITERATIONS, POSITION_ITERATIONS);
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
    use crate::lunar_lander::Wind;
    use crate::twins::{Kind, compare_kind};
    use proptest::prelude::*;

    proptest! {
        // 200 steps of some 10 microseconds in up to 11 lanes and their twins, four times over.
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=11,
            seed in 0_u64..1 << 40,
            gravity in -11.9_f32..-0.5,
            powers in proptest::option::of([-30.0_f64..30.0, -4.0_f64..4.0]),
            continuous in any::<bool>(),
        ) {
            let prototype = LunarLander::new(gravity, powers.map(Wind::new));
            let kind = if continuous { Kind::Continuous(2) } else { Kind::Discrete(4) };
            let make = |isa, _| LunarLanderLanes::new(&prototype, lanes, isa);
            compare_kind(&prototype, kind, seed, make);
        }
    }
}

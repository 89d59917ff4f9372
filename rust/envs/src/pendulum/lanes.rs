//! Pendulum in lock-step: four episodes per vector of float64. The scalar [`Pendulum`] is its twin, and a
//! test compares them bit for bit.

use super::{DT, EFFORT, MAX_SPEED, MAX_TORQUE, PUSH, Pendulum, clipped};
use crate::environment::{Environment, View};
use crate::group::{Group, LaneGroup, Outcomes, prototype_of, same_kind};
use crate::space::Actions;
use crate::state_lanes::{StateLanes, VECTOR};
use lane_math::lanes::{F64x4, Simd};
use lane_math::{Isa, Kernel, LibmLanes, libm};
use std::any::Any;
use std::f64::consts::PI;

/// Values in an observation.
const OBSERVED: usize = 3;

/// A group of Pendulum episodes.
pub(super) struct PendulumLanes {
    prototype: Pendulum,
    lanes: usize,
    isa: Isa,
    libm: LibmLanes,
    /// The angle, its velocity, and what pulls at the pendulum, which may differ from lane to lane.
    state: StateLanes<3>,
    /// What the action adds to the acceleration, and to the cost: float32 values, widened.
    pushes: Vec<f64>,
    efforts: Vec<f64>,
}

impl LaneGroup<Pendulum> for PendulumLanes {
    fn new(prototype: &Pendulum, lanes: usize, isa: Isa, libm: LibmLanes) -> Self {
        let padded = lanes.next_multiple_of(VECTOR);
        Self {
            prototype: prototype.clone(),
            lanes,
            isa,
            libm,
            state: StateLanes::filled([0.0, 0.0, prototype.pull], lanes),
            pushes: vec![0.0; padded],
            efforts: vec![0.0; padded],
        }
    }
}

impl Group for PendulumLanes {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.prototype.reset(Some(seed));
        let state = self.prototype.state;
        let [_, _, pull] = self.state.get(lane);
        self.state.set(lane, [state.theta, state.theta_dot, pull]);
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.state.set(lane, [0.0, 0.0, prototype_of::<Pendulum>(prototype).pull]);
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.state.copy(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        self.state.set(to, same_kind::<Self>(other).state.get(from));
    }

    fn observe(&self, active: usize, _view: View, observations: &mut [f32]) {
        let rows = &mut observations[..active * OBSERVED];
        self.isa.run(Observe { libm: self.libm, state: &self.state.fields, rows });
    }

    fn observe_lane(&self, lane: usize, _view: View, observation: &mut [f32]) {
        let [theta, theta_dot, _] = self.state.get(lane);
        observation.copy_from_slice(&super::State { theta, theta_dot }.observed());
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let Actions::Continuous(actions) = actions else {
            panic!("Pendulum's actions are continuous");
        };
        for (lane, &action) in actions.iter().enumerate() {
            let torque = clipped(action, MAX_TORQUE);
            self.pushes[lane] = f64::from(PUSH * torque);
            self.efforts[lane] = f64::from(EFFORT as f32 * square(torque));
        }
        let active = actions.len();
        self.isa.run(Advance {
            libm: self.libm,
            pushes: &self.pushes,
            efforts: &self.efforts,
            state: &mut self.state.fields,
            rewards: &mut outcomes.rewards[..active],
        });
        outcomes.terminated[..active].fill(false);
        outcomes.truncated[..active].fill(false);
    }
}

/// `powf(x, 2.0f)` of the platform. Its error is far below half a unit in the last place, so it rounds x * x,
/// which is exact in float64, to the nearest float32, unless that is nearly a tie: then libm decides.
fn square(x: f32) -> f32 {
    /// The distance from a tie, in units in the last place, within which libm is asked. glibc states an
    /// error of 0.52 ulp in all; this asks for 0.56.
    const NEAR_TIE: f64 = 0.06;
    let exact = f64::from(x) * f64::from(x);
    let rounded = exact as f32;
    let unit = f64::from(f32::from_bits(rounded.to_bits() + 1)) - f64::from(rounded);
    let off = (exact - f64::from(rounded)).abs();
    if rounded >= f32::MIN_POSITIVE && off < (0.5 - NEAR_TIE) * unit { rounded } else { libm::powf(x, 2.0) }
}

/// One step of as many lanes as there are rewards, in the scalar's order of operations.
struct Advance<'a> {
    libm: LibmLanes,
    pushes: &'a [f64],
    efforts: &'a [f64],
    state: &'a mut [Vec<f64>; 3],
    rewards: &'a mut [f64],
}

impl Kernel for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let [thetas, theta_dots, pulls] = self.state;
        for (index, rewards) in self.rewards.chunks_mut(VECTOR).enumerate() {
            let lanes = index * VECTOR..(index + 1) * VECTOR;
            let theta = S::F64::load(&thetas[lanes.clone()]);
            let theta_dot = S::F64::load(&theta_dots[lanes.clone()]);
            let effort = S::F64::load(&self.efforts[lanes.clone()]);
            let push = S::F64::load(&self.pushes[lanes.clone()]);
            let cost = self
                .libm
                .pow_two(normalized(self.libm, theta))
                .add(S::F64::splat(0.1).mul(self.libm.pow_two(theta_dot)))
                .add(effort);
            let pull = S::F64::load(&pulls[lanes.clone()]);
            let acceleration = pull.mul(self.libm.sin(theta)).add(push);
            let theta_dot = bounded(theta_dot.add(acceleration.mul(S::F64::splat(DT))));
            theta.add(theta_dot.mul(S::F64::splat(DT))).store(&mut thetas[lanes.clone()]);
            theta_dot.store(&mut theta_dots[lanes]);
            let reward = cost.bit_xor(S::F64::splat(-0.0)).to_array();
            rewards.copy_from_slice(&reward[..rewards.len()]);
        }
    }
}

/// Rows of observations, as many as there is room for.
struct Observe<'a> {
    libm: LibmLanes,
    state: &'a [Vec<f64>; 3],
    rows: &'a mut [f32],
}

impl Kernel for Observe<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let [thetas, theta_dots, _] = self.state;
        for (index, rows) in self.rows.chunks_mut(VECTOR * OBSERVED).enumerate() {
            let lanes = index * VECTOR..(index + 1) * VECTOR;
            let (sine, cosine) = self.libm.sin_cos(S::F64::load(&thetas[lanes.clone()]));
            let shown = [cosine.to_array(), sine.to_array()];
            for (lane, row) in rows.chunks_exact_mut(OBSERVED).enumerate() {
                row[0] = shown[0][lane] as f32;
                row[1] = shown[1][lane] as f32;
                row[2] = theta_dots[lanes.start + lane] as f32;
            }
        }
    }
}

/// `super::normalized` of four lanes.
#[inline(always)]
fn normalized<V: F64x4>(libm: LibmLanes, theta: V) -> V {
    let zero = V::splat(0.0);
    let remainder = libm.fmod_two_pi(theta.add(V::splat(PI)));
    let fix = V::select(remainder.lt(zero), V::splat(2.0 * PI), zero);
    remainder.add(fix).sub(V::splat(PI))
}

/// `super::clipped` of four lanes of velocities.
#[inline(always)]
fn bounded<V: F64x4>(velocity: V) -> V {
    let (low, high) = (V::splat(-MAX_SPEED), V::splat(MAX_SPEED));
    let raised = V::select(velocity.lt(low), low, velocity);
    V::select(high.lt(raised), high, raised)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pendulum::State;
    use crate::twins::compare;
    use numpy_rng::Generator;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(
            lanes in 1_usize..=11,
            seed in 0_u64..1 << 40,
            bounds in [0.0_f64..100.0, 0.0_f64..20.0],
            pull in -30.0_f64..30.0,
        ) {
            let prototype = Pendulum { pull, bounds, rng: Generator::from_seed(0), state: State::default() };
            compare::<_, PendulumLanes>(&prototype, lanes, seed);
        }

        #[test]
        fn squares_are_powf_s(x in -2.0_f32..=2.0, tiny in -1e-20_f32..1e-20) {
            prop_assert_eq!(square(x).to_bits(), libm::powf(x, 2.0).to_bits());
            prop_assert_eq!(square(tiny).to_bits(), libm::powf(tiny, 2.0).to_bits());
        }
    }
}

//! Acrobot in lock-step: four episodes per vector of float64. The scalar [`Acrobot`] is its twin, and a
//! test compares them bit for bit.

use super::{
    Acrobot, DT, GRAVITY, LINK_COM_1, LINK_COM_2, LINK_INERTIA, LINK_LENGTH_1, LINK_MASS_1, LINK_MASS_2,
    MAX_VELOCITY_1, MAX_VELOCITY_2, TORQUES,
};
use crate::environment::{Environment, View};
use crate::group::{Group, LaneGroup, Outcomes, prototype_of, same_kind};
use crate::space::Actions;
use crate::state_lanes::{StateLanes, VECTOR};
use lane_math::lanes::{F64x4, Mask, Simd};
use lane_math::{Isa, Kernel, LibmLanes};
use std::any::Any;
use std::f64::consts::PI;

/// Values in an observation.
const OBSERVED: usize = 6;

/// A group of Acrobot episodes.
pub(super) struct AcrobotLanes {
    prototype: Acrobot,
    lanes: usize,
    isa: Isa,
    libm: LibmLanes,
    state: StateLanes<4>,
    torques: Vec<f64>,
    /// `(lanes, 6)`: a step computes them anyway, to see whether the episode has ended.
    observations: Vec<f32>,
}

impl LaneGroup<Acrobot> for AcrobotLanes {
    fn new(prototype: &Acrobot, lanes: usize, isa: Isa, libm: LibmLanes) -> Self {
        let padded = lanes.next_multiple_of(VECTOR);
        Self {
            prototype: prototype.clone(),
            lanes,
            isa,
            libm,
            state: StateLanes::new(lanes),
            torques: vec![0.0; padded],
            observations: vec![0.0; padded * OBSERVED],
        }
    }
}

impl Group for AcrobotLanes {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.prototype.reset(Some(seed));
        self.state.set(lane, self.prototype.state.to_array());
        let row = &mut self.observations[lane * OBSERVED..(lane + 1) * OBSERVED];
        self.prototype.observe(View::Gymnasium, row);
    }

    fn vary(&mut self, _lane: usize, prototype: &dyn Any) {
        self.prototype = prototype_of::<Acrobot>(prototype).clone(); // which has no keyword arguments
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.state.copy(from, to);
        self.observations.copy_within(from * OBSERVED..(from + 1) * OBSERVED, to * OBSERVED);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        let other = same_kind::<Self>(other);
        self.state.set(to, other.state.get(from));
        let row = |lane: usize| lane * OBSERVED..(lane + 1) * OBSERVED;
        self.observations[row(to)].copy_from_slice(&other.observations[row(from)]);
    }

    fn observe(&self, active: usize, _view: View, observations: &mut [f32]) {
        observations[..active * OBSERVED].copy_from_slice(&self.observations[..active * OBSERVED]);
    }

    fn observe_lane(&self, lane: usize, _view: View, observation: &mut [f32]) {
        observation.copy_from_slice(&self.observations[lane * OBSERVED..(lane + 1) * OBSERVED]);
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let Actions::Discrete(indices) = actions else {
            panic!("Acrobot's actions are discrete");
        };
        for (torque, &index) in self.torques.iter_mut().zip(indices) {
            *torque = TORQUES[index as usize];
        }
        let active = indices.len();
        let terminated = &mut outcomes.terminated[..active];
        let (state, observations) = (&mut self.state.fields, &mut self.observations);
        self.isa.run(Advance { libm: self.libm, torques: &self.torques, state, observations, terminated });
        for (reward, &terminated) in outcomes.rewards.iter_mut().zip(&*terminated) {
            *reward = if terminated { 0.0 } else { -1.0 };
        }
        outcomes.truncated[..active].fill(false);
    }
}

/// One step of as many lanes as `terminated` has, in the scalar's order of operations.
struct Advance<'a> {
    libm: LibmLanes,
    torques: &'a [f64],
    state: &'a mut [Vec<f64>; 4],
    observations: &'a mut [f32],
    terminated: &'a mut [bool],
}

impl Kernel for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let vectors =
            self.terminated.chunks_mut(VECTOR).zip(self.observations.chunks_exact_mut(VECTOR * OBSERVED));
        for (index, (terminated, observations)) in vectors.enumerate() {
            let lanes = index * VECTOR..(index + 1) * VECTOR;
            let state = [
                S::F64::load(&self.state[0][lanes.clone()]),
                S::F64::load(&self.state[1][lanes.clone()]),
                S::F64::load(&self.state[2][lanes.clone()]),
                S::F64::load(&self.state[3][lanes.clone()]),
            ];
            let torque = S::F64::load(&self.torques[lanes.clone()]);
            let next = advanced(self.libm, state, torque);
            next[0].store(&mut self.state[0][lanes.clone()]);
            next[1].store(&mut self.state[1][lanes.clone()]);
            next[2].store(&mut self.state[2][lanes.clone()]);
            next[3].store(&mut self.state[3][lanes]);
            let up = observe(self.libm, next, observations);
            for (lane, terminated) in terminated.iter_mut().enumerate() {
                *terminated = up >> lane & 1 == 1;
            }
        }
    }
}

/// `State::moved` of four lanes.
#[inline(always)]
fn moved<V: F64x4>(state: [V; 4], step: V, slope: [V; 4]) -> [V; 4] {
    [
        state[0].add(step.mul(slope[0])),
        state[1].add(step.mul(slope[1])),
        state[2].add(step.mul(slope[2])),
        state[3].add(step.mul(slope[3])),
    ]
}

/// `State::slope` of four lanes. Products of constants alone are taken in the scalar's order, so they are
/// folded into the same bits.
#[inline(always)]
fn slope<V: F64x4>(libm: LibmLanes, [theta1, theta2, dtheta1, dtheta2]: [V; 4], torque: V) -> [V; 4] {
    let (m1, m2, l1, lc1, lc2) = (LINK_MASS_1, LINK_MASS_2, LINK_LENGTH_1, LINK_COM_1, LINK_COM_2);
    let constant = V::splat;
    let quarter_turn = constant(PI / 2.0);
    let (sin2, cos2) = libm.sin_cos(theta2);
    let reach = constant(l1 * l1 + lc2 * lc2).add(constant(2.0 * l1 * lc2).mul(cos2));
    let d1 = constant(m1 * (lc1 * lc1)).add(constant(m2).mul(reach));
    let d1 = d1.add(constant(LINK_INERTIA)).add(constant(LINK_INERTIA));
    let d2 =
        constant(m2).mul(constant(lc2 * lc2).add(constant(l1 * lc2).mul(cos2))).add(constant(LINK_INERTIA));
    let phi2 = constant(m2 * lc2 * GRAVITY).mul(libm.cos(theta1.add(theta2).sub(quarter_turn)));
    let phi1 = constant(-m2 * l1 * lc2)
        .mul(libm.pow_two(dtheta2))
        .mul(sin2)
        .sub(constant(2.0 * m2 * l1 * lc2).mul(dtheta2).mul(dtheta1).mul(sin2))
        .add(constant((m1 * lc1 + m2 * l1) * GRAVITY).mul(libm.cos(theta1.sub(quarter_turn))))
        .add(phi2);
    let ddtheta2 = torque
        .add(d2.div(d1).mul(phi1))
        .sub(constant(m2 * l1 * lc2).mul(libm.pow_two(dtheta1)).mul(sin2))
        .sub(phi2)
        .div(constant(m2 * (lc2 * lc2) + LINK_INERTIA).sub(libm.pow_two(d2).div(d1)));
    let ddtheta1 = negated(d2.mul(ddtheta2).add(phi1)).div(d1);
    [dtheta1, dtheta2, ddtheta1, ddtheta2]
}

/// `State::advanced` of four lanes.
#[inline(always)]
fn advanced<V: F64x4>(libm: LibmLanes, state: [V; 4], torque: V) -> [V; 4] {
    let (half, two) = (V::splat(DT / 2.0), V::splat(2.0));
    let k1 = slope(libm, state, torque);
    let k2 = slope(libm, moved(state, half, k1), torque);
    let k3 = slope(libm, moved(state, half, k2), torque);
    let k4 = slope(libm, moved(state, V::splat(DT), k3), torque);
    let mut sum = k1;
    for field in 0..4 {
        sum[field] = k1[field].add(two.mul(k2[field])).add(two.mul(k3[field])).add(k4[field]);
    }
    let next = moved(state, V::splat(DT / 6.0), sum);
    [wrapped(next[0]), wrapped(next[1]), bounded(next[2], MAX_VELOCITY_1), bounded(next[3], MAX_VELOCITY_2)]
}

/// `super::wrapped` of four lanes. Velocities are bounded, so a step turns by a few turns at most.
#[inline(always)]
fn wrapped<V: F64x4>(mut angle: V) -> V {
    let (limit, turn) = (V::splat(PI), V::splat(PI - -PI));
    loop {
        let above = limit.lt(angle);
        if !above.any() {
            break;
        }
        angle = V::select(above, angle.sub(turn), angle);
    }
    loop {
        let below = angle.lt(negated(limit));
        if !below.any() {
            return angle;
        }
        angle = V::select(below, angle.add(turn), angle);
    }
}

/// `super::bounded` of four lanes.
#[inline(always)]
fn bounded<V: F64x4>(value: V, limit: f64) -> V {
    let (low, high) = (V::splat(-limit), V::splat(limit));
    let raised = V::select(value.lt(low), low, value);
    V::select(high.lt(raised), high, raised)
}

#[inline(always)]
fn negated<V: F64x4>(value: V) -> V {
    value.bit_xor(V::splat(-0.0))
}

/// Writes four rows of observations; a bit for each lane that has swung up.
#[inline(always)]
fn observe<V: F64x4>(libm: LibmLanes, [theta1, theta2, dtheta1, dtheta2]: [V; 4], rows: &mut [f32]) -> u32 {
    let (sin1, cos1) = libm.sin_cos(theta1);
    let (sin2, cos2) = libm.sin_cos(theta2);
    let shown = [cos1, sin1, cos2, sin2, dtheta1, dtheta2];
    for (field, values) in shown.into_iter().enumerate() {
        for (lane, value) in values.to_array().into_iter().enumerate() {
            rows[lane * OBSERVED + field] = value as f32;
        }
    }
    let height = negated(cos1).sub(libm.cos(theta2.add(theta1)));
    V::splat(1.0).lt(height).bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acrobot::State;
    use crate::twins::compare;
    use numpy_rng::Generator;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(lanes in 1_usize..=11, seed in 0_u64..1 << 40, bound in 0.01_f64..30.0) {
            let (rng, state) = (Generator::from_seed(0), State::default());
            let prototype = Acrobot { low: -bound, high: bound, rng, state, is_first: true };
            compare::<_, AcrobotLanes>(&prototype, lanes, seed);
        }
    }
}

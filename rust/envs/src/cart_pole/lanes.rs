//! CartPole in lock-step: four episodes per vector of float64. The scalar [`CartPole`] is its twin, and a
//! test compares them bit for bit.

use super::{ANGLE_LIMIT, CART_POLE_MASSES, CartPole, FORCE, GRAVITY, LENGTH, POSITION_LIMIT, TAU};
use crate::environment::{Environment, View};
use crate::group::{Group, LaneGroup, Outcomes, prototype_of, same_kind};
use crate::space::Actions;
use crate::state_lanes::{StateLanes, VECTOR};
use lane_math::lanes::{F64x4, Mask, Simd};
use lane_math::{Isa, Kernel, LibmLanes};
use std::any::Any;

/// Values in an observation.
const FIELDS: usize = 4;

/// A group of CartPole episodes.
pub(super) struct CartPoleLanes {
    prototype: CartPole,
    lanes: usize,
    isa: Isa,
    libm: LibmLanes,
    state: StateLanes<FIELDS>,
    forces: Vec<f64>,
    /// Of a step that goes on, and of one that ends its episode.
    rewards: Vec<(f64, f64)>,
}

impl LaneGroup<CartPole> for CartPoleLanes {
    fn new(prototype: &CartPole, lanes: usize, isa: Isa, libm: LibmLanes) -> Self {
        let forces = vec![0.0; lanes.next_multiple_of(VECTOR)];
        let rewards = vec![prototype.rewards_of_a_first_fall(); lanes];
        let state = StateLanes::new(lanes);
        Self { prototype: prototype.clone(), lanes, isa, libm, state, forces, rewards }
    }
}

impl Group for CartPoleLanes {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.prototype.reset(Some(seed));
        self.state.set(lane, self.prototype.state.to_array());
    }

    fn vary(&mut self, lane: usize, prototype: &dyn Any) {
        self.rewards[lane] = prototype_of::<CartPole>(prototype).rewards_of_a_first_fall();
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.state.copy(from, to);
        self.rewards[to] = self.rewards[from];
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        let other = same_kind::<Self>(other);
        self.state.set(to, other.state.get(from));
        self.rewards[to] = other.rewards[from];
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        for (lane, row) in observations.chunks_exact_mut(FIELDS).take(active).enumerate() {
            self.observe_lane(lane, view, row);
        }
    }

    #[inline]
    fn observe_lane(&self, lane: usize, _view: View, observation: &mut [f32]) {
        for (shown, value) in observation.iter_mut().zip(self.state.get(lane)) {
            *shown = value as f32;
        }
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        let Actions::Discrete(indices) = actions else {
            panic!("CartPole's actions are discrete");
        };
        for (force, &index) in self.forces.iter_mut().zip(indices) {
            *force = if index == 1 { FORCE } else { -FORCE };
        }
        let active = indices.len();
        let [x, x_dot, theta, theta_dot] = &mut self.state.fields;
        let terminated = &mut outcomes.terminated[..active];
        let step = Advance { libm: self.libm, forces: &self.forces, x, x_dot, theta, theta_dot, terminated };
        self.isa.run(step);
        let rewards = outcomes.rewards.iter_mut().zip(&self.rewards);
        for ((reward, &(going, ending)), &terminated) in rewards.zip(&*terminated) {
            *reward = if terminated { ending } else { going };
        }
        outcomes.truncated[..active].fill(false);
    }
}

/// One step of as many lanes as `terminated` has, in the scalar's order of operations.
struct Advance<'a> {
    libm: LibmLanes,
    forces: &'a [f64],
    x: &'a mut [f64],
    x_dot: &'a mut [f64],
    theta: &'a mut [f64],
    theta_dot: &'a mut [f64],
    terminated: &'a mut [bool],
}

impl Kernel for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let vectors = self.terminated.chunks_mut(VECTOR);
        for (index, terminated) in vectors.enumerate() {
            let lanes = index * VECTOR..(index + 1) * VECTOR;
            let state = [
                S::F64::load(&self.x[lanes.clone()]),
                S::F64::load(&self.x_dot[lanes.clone()]),
                S::F64::load(&self.theta[lanes.clone()]),
                S::F64::load(&self.theta_dot[lanes.clone()]),
            ];
            let force = S::F64::load(&self.forces[lanes.clone()]);
            let [x, x_dot, theta, theta_dot] = advanced(self.libm, state, force);
            x.store(&mut self.x[lanes.clone()]);
            x_dot.store(&mut self.x_dot[lanes.clone()]);
            theta.store(&mut self.theta[lanes.clone()]);
            theta_dot.store(&mut self.theta_dot[lanes]);
            let fallen = has_fallen(x, theta);
            for (lane, terminated) in terminated.iter_mut().enumerate() {
                *terminated = fallen >> lane & 1 == 1;
            }
        }
    }
}

/// `State::advanced` of four lanes.
#[inline(always)]
fn advanced<V: F64x4>(libm: LibmLanes, [x, x_dot, theta, theta_dot]: [V; 4], force: V) -> [V; 4] {
    let [total_mass, pole_mass, pole_mass_length] = CART_POLE_MASSES.map(V::splat);
    let tau = V::splat(TAU);
    let (sin_theta, cos_theta) = libm.sin_cos(theta);

    let swing = pole_mass_length.mul(theta_dot.mul(theta_dot)).mul(sin_theta);
    let temp = force.add(swing).div(total_mass);
    let inertia = pole_mass.mul(cos_theta.mul(cos_theta)).div(total_mass);
    let torque = V::splat(GRAVITY).mul(sin_theta).sub(cos_theta.mul(temp));
    let theta_acc = torque.div(V::splat(LENGTH).mul(V::splat(4.0 / 3.0).sub(inertia)));
    let x_acc = temp.sub(pole_mass_length.mul(theta_acc).mul(cos_theta).div(total_mass));

    [
        x.add(tau.mul(x_dot)),
        x_dot.add(tau.mul(x_acc)),
        theta.add(tau.mul(theta_dot)),
        theta_dot.add(tau.mul(theta_acc)),
    ]
}

/// `State::has_fallen` of four lanes, a bit each.
#[inline(always)]
fn has_fallen<V: F64x4>(x: V, theta: V) -> u32 {
    let beyond = |value: V, limit: f64| value.lt(V::splat(-limit)).or(V::splat(limit).lt(value));
    beyond(x, POSITION_LIMIT).or(beyond(theta, ANGLE_LIMIT)).bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart_pole::State;
    use crate::twins::compare;
    use numpy_rng::Generator;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_lanes_have_the_scalar_s_bits(lanes in 1_usize..=11, seed in 0_u64..1 << 40, bound in 0.01_f64..3.0) {
            let (rng, state) = (Generator::from_seed(0), State::default());
            let prototype =
                CartPole { sutton_barto_reward: bound > 0.1, low: -bound, high: bound, rng, state, fallen: false };
            compare::<_, CartPoleLanes>(&prototype, lanes, seed);
        }
    }
}

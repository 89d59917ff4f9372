//! What pushes bodies about: forces and torques, which act during the next step, and impulses, which act at once.
//!
//! Static bodies ignore all of it. A sleeping body is woken where `wake` says so, else it ignores it too.

use super::World;
use crate::ids::{BodyId, JointId};
use crate::math::Vec2;

impl World {
    /// Adds a force, newtons, on the centre of mass.
    pub fn apply_force_to_center(&mut self, body: BodyId, force: Vec2, wake: bool) {
        if self.can_push(body, wake) {
            self.bodies[body].force += force;
        }
    }

    /// Adds a force, newtons, at a point of the world, metres.
    pub fn apply_force(&mut self, body: BodyId, force: Vec2, point: Vec2, wake: bool) {
        if self.can_push(body, wake) {
            let body = &mut self.bodies[body];
            body.force += force;
            body.torque += (point - body.sweep.center).cross(force);
        }
    }

    /// Adds a torque, newton metres.
    pub fn apply_torque(&mut self, body: BodyId, torque: f32, wake: bool) {
        if self.can_push(body, wake) {
            self.bodies[body].torque += torque;
        }
    }

    /// Applies an impulse, newton seconds, at a point of the world, metres.
    pub fn apply_linear_impulse(&mut self, body: BodyId, impulse: Vec2, point: Vec2, wake: bool) {
        if self.can_push(body, wake) {
            let body = &mut self.bodies[body];
            body.velocity += body.inv_mass * impulse;
            body.angular_velocity += body.inv_inertia * (point - body.sweep.center).cross(impulse);
        }
    }

    /// Applies an angular impulse, newton metre seconds.
    pub fn apply_angular_impulse(&mut self, body: BodyId, impulse: f32, wake: bool) {
        if self.can_push(body, wake) {
            let body = &mut self.bodies[body];
            body.angular_velocity += body.inv_inertia * impulse;
        }
    }

    /// Sets the velocity of the centre of mass, m/s. Wakes the body unless the velocity is zero.
    pub fn set_linear_velocity(&mut self, body: BodyId, velocity: Vec2) {
        let body = &mut self.bodies[body];
        if body.is_dynamic() {
            if velocity.dot(velocity) > 0.0 {
                body.wake();
            }
            body.velocity = velocity;
        }
    }

    /// Sets the angular velocity, rad/s. Wakes the body unless it is zero.
    pub fn set_angular_velocity(&mut self, body: BodyId, angular_velocity: f32) {
        let body = &mut self.bodies[body];
        if body.is_dynamic() {
            if angular_velocity * angular_velocity > 0.0 {
                body.wake();
            }
            body.angular_velocity = angular_velocity;
        }
    }

    /// Sets the speed that a joint's motor tries to reach, rad/s. Wakes both bodies.
    pub fn set_motor_speed(&mut self, joint: JointId, speed: f32) {
        let def = &mut self.joints[joint].def;
        self.bodies[def.body_a].wake();
        self.bodies[def.body_b].wake();
        def.motor_speed = speed;
    }

    /// Sets the strongest torque of a joint's motor, newton metres. Wakes both bodies.
    pub fn set_max_motor_torque(&mut self, joint: JointId, torque: f32) {
        let def = &mut self.joints[joint].def;
        self.bodies[def.body_a].wake();
        self.bodies[def.body_b].wake();
        def.max_motor_torque = torque;
    }

    /// Whether a push has an effect; wakes the body first where it may.
    fn can_push(&mut self, body: BodyId, wake: bool) -> bool {
        let body = &mut self.bodies[body];
        if !body.is_dynamic() {
            return false;
        }
        if wake {
            body.wake();
        }
        body.awake
    }
}

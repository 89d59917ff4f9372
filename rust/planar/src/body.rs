//! Bodies: where they are, how they move, what they weigh.

use crate::ids::FixtureId;
use crate::math::{Rot, Sweep, Transform, Vec2};

/// Whether a body moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// It stays where it is.
    #[default]
    Static,
    /// Forces and impulses move it.
    Dynamic,
}

/// What a body is created from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BodyDef {
    /// Whether it moves.
    pub kind: BodyKind,
    /// World position of its origin, metres.
    pub position: Vec2,
    /// Radians.
    pub angle: f32,
    /// Velocity of its origin, m/s.
    pub linear_velocity: Vec2,
    /// Rad/s.
    pub angular_velocity: f32,
    /// The part of its velocity that it loses, 1/s.
    pub linear_damping: f32,
    /// The part of its angular velocity that it loses, 1/s.
    pub angular_damping: f32,
    /// Factor on the world's gravity.
    pub gravity_scale: f32,
}

impl Default for BodyDef {
    /// A static body at the origin, at rest, without damping, under full gravity.
    fn default() -> Self {
        Self {
            kind: BodyKind::Static,
            position: Vec2::ZERO,
            angle: 0.0,
            linear_velocity: Vec2::ZERO,
            angular_velocity: 0.0,
            linear_damping: 0.0,
            angular_damping: 0.0,
            gravity_scale: 1.0,
        }
    }
}

/// A rigid body, as [`World::body`](crate::World::body) shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    pub(crate) kind: BodyKind,
    /// Its rotation is always that of `sweep.angle`.
    pub(crate) transform: Transform,
    pub(crate) sweep: Sweep,
    /// The rotation where the sweep began when the bounds were last updated, and the angle that it belongs to.
    start_rotation: Rot,
    rotated_start: f32,
    pub(crate) velocity: Vec2,
    pub(crate) angular_velocity: f32,
    pub(crate) force: Vec2,
    pub(crate) torque: f32,
    pub(crate) linear_damping: f32,
    pub(crate) angular_damping: f32,
    pub(crate) gravity_scale: f32,
    pub(crate) mass: f32,
    pub(crate) inv_mass: f32,
    /// About the centre of mass.
    pub(crate) inertia: f32,
    pub(crate) inv_inertia: f32,
    pub(crate) awake: bool,
    pub(crate) sleep_time: f32,
    /// Whether it was added to an island in this step or sub-step.
    pub(crate) in_island: bool,
    /// Its place in the island that it was added to last.
    pub(crate) island_index: usize,
    /// Its newest fixture; each fixture names the next older one.
    pub(crate) newest_fixture: Option<FixtureId>,
}

impl Body {
    pub(crate) fn new(def: &BodyDef) -> Self {
        let mass = if def.kind == BodyKind::Dynamic { 1.0 } else { 0.0 };
        let rotation = Rot::from_angle(def.angle);
        Self {
            kind: def.kind,
            transform: Transform { position: def.position, rotation },
            sweep: Sweep {
                local_center: Vec2::ZERO,
                start_center: def.position,
                center: def.position,
                start_angle: def.angle,
                angle: def.angle,
                start_time: 0.0,
            },
            start_rotation: rotation,
            rotated_start: def.angle,
            velocity: def.linear_velocity,
            angular_velocity: def.angular_velocity,
            force: Vec2::ZERO,
            torque: 0.0,
            linear_damping: def.linear_damping,
            angular_damping: def.angular_damping,
            gravity_scale: def.gravity_scale,
            mass,
            inv_mass: mass,
            inertia: 0.0,
            inv_inertia: 0.0,
            awake: true,
            sleep_time: 0.0,
            in_island: false,
            island_index: 0,
            newest_fixture: None,
        }
    }

    /// Whether it moves.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        self.kind
    }

    /// World position of the body's origin, metres.
    #[must_use]
    pub fn position(&self) -> Vec2 {
        self.transform.position
    }

    /// Its frame in the world.
    #[must_use]
    pub fn transform(&self) -> Transform {
        self.transform
    }

    /// Its angle, radians, whole turns included.
    #[must_use]
    pub fn angle(&self) -> f32 {
        self.sweep.angle
    }

    /// World position of the centre of mass, metres.
    #[must_use]
    pub fn world_center(&self) -> Vec2 {
        self.sweep.center
    }

    /// The centre of mass in the body's frame, metres.
    #[must_use]
    pub fn local_center(&self) -> Vec2 {
        self.sweep.local_center
    }

    /// Velocity of the centre of mass, m/s.
    #[must_use]
    pub fn linear_velocity(&self) -> Vec2 {
        self.velocity
    }

    /// Rad/s, anticlockwise.
    #[must_use]
    pub fn angular_velocity(&self) -> f32 {
        self.angular_velocity
    }

    /// Velocity of the point of the body that is at `point` in the world, m/s.
    #[must_use]
    pub fn velocity_at(&self, point: Vec2) -> Vec2 {
        self.velocity + (point - self.sweep.center).turned_anticlockwise(self.angular_velocity)
    }

    /// Mass, kilograms; 0 for a static body.
    #[must_use]
    pub fn mass(&self) -> f32 {
        self.mass
    }

    /// Moment of inertia about the body's origin, kg m²; 0 for a static body.
    #[must_use]
    pub fn inertia(&self) -> f32 {
        self.inertia + self.mass * self.sweep.local_center.dot(self.sweep.local_center)
    }

    /// Whether it takes part in the simulation; a body that has been still for a while does not, until it is woken.
    #[must_use]
    pub fn is_awake(&self) -> bool {
        self.awake
    }

    /// How long it has been still, seconds. It may sleep after half a second.
    #[must_use]
    pub fn sleep_time(&self) -> f32 {
        self.sleep_time
    }

    /// The force that acts on the centre of mass in the next step, newtons.
    #[must_use]
    pub fn force(&self) -> Vec2 {
        self.force
    }

    /// The torque that acts in the next step, newton metres.
    #[must_use]
    pub fn torque(&self) -> f32 {
        self.torque
    }

    /// A vector from the body's frame to the world's.
    #[must_use]
    pub fn world_vector(&self, vector: Vec2) -> Vec2 {
        self.transform.rotation.rotate(vector)
    }

    /// A point from the body's frame to the world's, metres.
    #[must_use]
    pub fn world_point(&self, point: Vec2) -> Vec2 {
        self.transform.apply(point)
    }

    /// A point from the world's frame to the body's, metres.
    #[must_use]
    pub fn local_point(&self, point: Vec2) -> Vec2 {
        self.transform.apply_inverse(point)
    }

    /// A vector from the world's frame to the body's.
    #[must_use]
    pub fn local_vector(&self, vector: Vec2) -> Vec2 {
        self.transform.rotation.unrotate(vector)
    }

    pub(crate) fn is_dynamic(&self) -> bool {
        self.kind == BodyKind::Dynamic
    }

    /// Whether it can move by itself in this step.
    pub(crate) fn is_active(&self) -> bool {
        self.awake && self.is_dynamic()
    }

    pub(crate) fn wake(&mut self) {
        if !self.awake {
            self.awake = true;
            self.sleep_time = 0.0;
        }
    }

    /// Puts it to sleep: it stops, and forgets its forces.
    pub(crate) fn sleep(&mut self) {
        self.awake = false;
        self.sleep_time = 0.0;
        self.velocity = Vec2::ZERO;
        self.angular_velocity = 0.0;
        self.force = Vec2::ZERO;
        self.torque = 0.0;
    }

    /// Takes the rotation at the start of the sweep from whoever knows it.
    pub(crate) fn remember_start(&mut self, rotation: Rot) {
        (self.start_rotation, self.rotated_start) = (rotation, self.sweep.start_angle);
    }

    /// The body's frame at the start of its sweep.
    #[inline]
    pub(crate) fn start_frame(&self) -> Transform {
        let sweep = &self.sweep;
        let is_known = sweep.start_angle.to_bits() == self.rotated_start.to_bits();
        let rotation = if is_known { self.start_rotation } else { Rot::from_angle(sweep.start_angle) };
        Transform::of_center(sweep.start_center, rotation, sweep.local_center)
    }

    /// Sets the transform from the centre and angle at the end of the step.
    pub(crate) fn synchronize_transform(&mut self) {
        self.transform = Transform::of_center(
            self.sweep.center,
            Rot::from_angle(self.sweep.angle),
            self.sweep.local_center,
        );
    }

    /// Moves the body to where it is at `time`, a part of the step, and ends its sweep there.
    pub(crate) fn advance(&mut self, time: f32) {
        self.sweep.advance(time);
        self.sweep.center = self.sweep.start_center;
        self.sweep.angle = self.sweep.start_angle;
        self.synchronize_transform();
    }
}

//! The constants of the simulation: Box2D 2.3.10's as built into the pybox2d wheel. Each changes results.

use std::f32::consts::PI;

/// The distance between 1 and the next greater float32. Vectors shorter than this are not normalised, and shapes closer
/// than a few of it overlap.
pub(crate) const EPSILON: f32 = f32::EPSILON;

/// Length below which positions count as correct, metres: large against rounding, small against what is seen. Contacts
/// and joints are left with this much error, so that they persist from step to step instead of breaking up.
pub(crate) const LINEAR_SLOP: f32 = 0.005;

/// Angle below which angles count as correct, radians: two degrees.
pub(crate) const ANGULAR_SLOP: f32 = 2.0 / 180.0 * PI;

/// Skin around polygons and edges, metres. It keeps shapes apart by twice this, which gives the search for the time of
/// impact room to work in.
pub(crate) const POLYGON_RADIUS: f32 = 2.0 * LINEAR_SLOP;

/// The most vertices of a polygon. It also bounds how often the search for the time of impact changes its witness points,
/// so it changes results: pybox2d raises Box2D's usual 8 to 16.
pub const MAX_POLYGON_VERTICES: usize = 16;

/// The most points in a manifold: where two convex shapes meet, two points carry any load.
pub(crate) const MAX_MANIFOLD_POINTS: usize = 2;

/// Margin by which a shape's bounds are fattened in the broad phase, metres: a shape that moves less needs no new pairs.
pub(crate) const BOUNDS_MARGIN: f32 = 0.1;

/// How many displacements of the last step the fattened bounds reach ahead.
pub(crate) const BOUNDS_LOOKAHEAD: f32 = 2.0;

/// The most times of impact of one contact that are handled in a step.
pub(crate) const MAX_SUB_STEPS: u32 = 8;

/// The most contacts that are solved together at a time of impact.
pub(crate) const MAX_IMPACT_CONTACTS: usize = 32;

/// Position iterations at a time of impact.
pub(crate) const IMPACT_POSITION_ITERATIONS: u32 = 20;

/// Approach speed below which a contact does not bounce, m/s.
pub(crate) const RESTITUTION_THRESHOLD: f32 = 1.0;

/// The most that a position iteration moves a contact, metres. More would overshoot.
pub(crate) const MAX_LINEAR_CORRECTION: f32 = 0.2;

/// The most that a position iteration turns a joint at its limit, radians: eight degrees.
pub(crate) const MAX_ANGULAR_CORRECTION: f32 = 8.0 / 180.0 * PI;

/// The most that a body moves in a step, metres.
pub(crate) const MAX_TRANSLATION: f32 = 2.0;

/// The most that a body turns in a step, radians.
pub(crate) const MAX_ROTATION: f32 = 0.5 * PI;

/// The part of an overlap that a position iteration takes away. All of it would overshoot.
pub(crate) const POSITION_CORRECTION: f32 = 0.2;

/// The same at a time of impact, where little time is left.
pub(crate) const IMPACT_POSITION_CORRECTION: f32 = 0.75;

/// How long a body must be still before it may sleep, seconds.
pub(crate) const TIME_TO_SLEEP: f32 = 0.5;

/// The speed below which a body counts as still, m/s.
pub(crate) const SLEEP_SPEED: f32 = 0.01;

/// The angular speed below which a body counts as still, rad/s: two degrees a second.
pub(crate) const SLEEP_ANGULAR_SPEED: f32 = 2.0 / 180.0 * PI;

//! Narrow phase: where, or whether, two shapes touch.

mod clip;
mod edge_polygon;
mod polygons;
mod rays;

pub(crate) use edge_polygon::edge_and_polygon;
pub(crate) use polygons::polygons;
pub(crate) use rays::Target;

use crate::distance::{SimplexCache, distance};
use crate::math::Transform;
use crate::settings::{EPSILON, POLYGON_RADIUS};
use crate::shapes::Shape;

/// Shapes closer than this touch, metres: both skins.
const REACH: f32 = 2.0 * POLYGON_RADIUS;

/// How much better a face of the second shape must separate than the first's to be the reference: the choice would flicker
/// from step to step otherwise.
const FACE_PREFERENCE_RELATIVE: f32 = 0.98;
/// The same, absolute part, metres.
const FACE_PREFERENCE_ABSOLUTE: f32 = 0.001;

/// Whether two shapes overlap, skins included: the answer for sensors, which have no manifold.
pub(crate) fn overlap(shape_a: &Shape, frame_a: &Transform, shape_b: &Shape, frame_b: &Transform) -> bool {
    let mut cache = SimplexCache::EMPTY;
    let between_cores = distance(&mut cache, (shape_a.vertices(), frame_a), (shape_b.vertices(), frame_b));
    let skins = POLYGON_RADIUS + POLYGON_RADIUS;
    // Box2D sets the distance to zero where the skins meet, then compares it with a few roundings. A distance that is NaN
    // is such a zero, hence the order of the comparisons.
    let apart = between_cores > skins && between_cores > EPSILON;
    let between_skins = if apart { between_cores - skins } else { 0.0 };
    between_skins < 10.0 * EPSILON
}

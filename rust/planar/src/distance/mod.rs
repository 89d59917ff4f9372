//! The distance of two convex shapes, by the algorithm of Gilbert, Johnson and Keerthi (GJK).
//!
//! A simplex within the difference of the shapes moves towards the origin, by one support point at a time; its point
//! nearest to the origin is the difference of the nearest points of the shapes.

mod simplex;

pub(crate) use simplex::{PlacedCore, SimplexCache};

use crate::math::Vec2;
use crate::settings::EPSILON;
use simplex::{Corner, Simplex};

/// Support points that are tried at most; the search ends after a few.
const MAX_ITERATIONS: usize = 20;

/// The index of the vertex that is farthest along `direction`; the first of several.
#[inline]
pub(crate) fn support(vertices: &[Vec2], direction: Vec2) -> usize {
    let (mut best, mut greatest) = (0, vertices[0].dot(direction));
    for (index, vertex) in vertices.iter().enumerate().skip(1) {
        let along = vertex.dot(direction);
        if along > greatest {
            (best, greatest) = (index, along);
        }
    }
    best
}

/// The distance of the cores of two shapes, metres: 0 where they overlap. The search starts from what `cache` holds and
/// leaves there the vertices that it found to be nearest.
pub(crate) fn distance(cache: &mut SimplexCache, a: PlacedCore, b: PlacedCore) -> f32 {
    let mut simplex = Simplex::resume(cache, a, b);
    for _ in 0..MAX_ITERATIONS {
        let tried: [Option<(usize, usize)>; 3] =
            std::array::from_fn(|index| simplex.corners().get(index).map(Corner::indices));
        simplex.reduce();
        if simplex.is_triangle() {
            break;
        }
        let direction = simplex.towards_origin();
        if direction.length_squared() < EPSILON * EPSILON {
            // The origin is on the simplex, or too near to tell: the shapes overlap or just touch.
            break;
        }
        let index_a = support(a.0, a.1.rotation.unrotate(-direction));
        let index_b = support(b.0, b.1.rotation.unrotate(direction));
        if tried.contains(&Some((index_a, index_b))) {
            // No vertex is nearer to the origin.
            break;
        }
        simplex.push(Corner::new(a, index_a, b, index_b));
    }
    *cache = simplex.cache();
    let (on_a, on_b) = simplex.nearest_points();
    (on_a - on_b).length()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Rot, Transform};

    const SQUARE: [Vec2; 4] =
        [Vec2::new(-1.0, -1.0), Vec2::new(1.0, -1.0), Vec2::new(1.0, 1.0), Vec2::new(-1.0, 1.0)];

    fn between_squares(x: f32, y: f32, angle: f32) -> f32 {
        let origin = Transform { position: Vec2::ZERO, rotation: Rot::from_angle(0.0) };
        let other = Transform { position: Vec2::new(x, y), rotation: Rot::from_angle(angle) };
        distance(&mut SimplexCache::EMPTY.clone(), (&SQUARE, &origin), (&SQUARE, &other))
    }

    #[test]
    fn squares_are_as_far_apart_as_their_sides_or_corners() {
        assert_eq!(between_squares(5.0, 0.5, 0.0), 3.0);
        assert_eq!(between_squares(5.0, 6.0, 0.0), 5.0);
        let corner_to_side = between_squares(4.0, 0.0, std::f32::consts::FRAC_PI_4);
        assert!((corner_to_side - (3.0 - 2.0_f32.sqrt())).abs() < 1e-6);
        assert_eq!(between_squares(1.0, 0.5, 0.3), 0.0);
    }

    #[test]
    fn the_first_of_equally_far_vertices_supports() {
        assert_eq!(support(&SQUARE, Vec2::new(1.0, 0.0)), 1);
        assert_eq!(support(&SQUARE, Vec2::new(0.0, 1.0)), 2);
        assert_eq!(support(&SQUARE, Vec2::new(f32::NAN, 0.0)), 0);
    }
}

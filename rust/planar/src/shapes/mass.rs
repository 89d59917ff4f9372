//! Mass, centre of mass and inertia of a shape of uniform density.

use super::Polygon;
use crate::math::Vec2;
use crate::settings::EPSILON;

/// What a shape adds to the mass of its body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mass {
    /// Kilograms.
    pub mass: f32,
    /// The centre of mass in the body's frame, metres.
    pub center: Vec2,
    /// The moment of inertia about the origin of the body's frame, kg m².
    pub inertia: f32,
}

/// A third: the centre of a triangle is the mean of its corners.
const THIRD: f32 = 1.0 / 3.0;

impl Polygon {
    /// The mass of a polygon of `density` kg/m², as the sum over the triangles between its vertices' mean and its sides.
    /// For a triangle with sides e and f at that point, the integral of x² is (e.x² + e.x f.x + f.x²) (e × f) / 12.
    pub(crate) fn mass(&self, density: f32) -> Mass {
        let vertices = self.vertices();
        let mut mean = Vec2::ZERO;
        for &vertex in vertices {
            mean += vertex;
        }
        mean *= 1.0 / vertices.len() as f32;

        let (mut area, mut center, mut inertia) = (0.0_f32, Vec2::ZERO, 0.0_f32);
        for (index, &vertex) in vertices.iter().enumerate() {
            let (e, f) = (vertex - mean, self.vertex_after(index) - mean);
            let cross = e.cross(f);
            let triangle = 0.5 * cross;
            area += triangle;
            center += triangle * THIRD * (e + f);
            let square_x = e.x * e.x + f.x * e.x + f.x * f.x;
            let square_y = e.y * e.y + f.y * e.y + f.y * f.y;
            inertia += (0.25 * THIRD * cross) * (square_x + square_y);
        }

        let mass = density * area;
        center *= 1.0 / area;
        let world_center = center + mean;
        // From the mean of the vertices to the centre of mass, and on to the origin.
        let shift = mass * (world_center.dot(world_center) - center.dot(center));
        Mass { mass, center: world_center, inertia: density * inertia + shift }
    }

    /// The centre of area, as the sum over the triangles between the origin and the sides. It is not to the last bit the
    /// centre of [`Polygon::mass`], which sums about another point.
    ///
    /// # Panics
    ///
    /// If the polygon has next to no area.
    pub(super) fn centroid_of(vertices: &[Vec2]) -> Vec2 {
        let (mut area, mut center) = (0.0_f32, Vec2::ZERO);
        for (index, &vertex) in vertices.iter().enumerate() {
            let next = vertices[if index + 1 < vertices.len() { index + 1 } else { 0 }];
            let triangle = 0.5 * vertex.cross(next);
            area += triangle;
            center += triangle * THIRD * (vertex + next);
        }
        assert!(area > EPSILON, "a polygon needs an area greater than {EPSILON:e} m², got {area:e}");
        center *= 1.0 / area;
        center
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_square_weighs_as_the_formulas_say() {
        let corners = [(1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0)];
        let mass = Polygon::hull(&corners.map(|(x, y)| Vec2::new(x, y))).mass(0.5);
        assert_eq!(mass.mass, 2.0);
        assert_eq!(mass.center, Vec2::new(2.0, 3.0));
        // About the centre m (a² + b²) / 12, and m d² for the way to the origin.
        assert!((mass.inertia - (2.0 * 8.0 / 12.0 + 2.0 * 13.0)).abs() < 1e-4);
    }
}

//! Simplices: one to three points of the difference of two shapes, and their point nearest to the origin.

use crate::math::{Transform, Vec2};
use crate::settings::EPSILON;

/// A shape's core (its vertices, without the skin) and its frame.
pub(crate) type PlacedCore<'a> = (&'a [Vec2], &'a Transform);

/// A corner of a simplex: the difference of a vertex of each shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corner {
    pub index_a: usize,
    pub index_b: usize,
    /// World positions of the vertices.
    pub on_a: Vec2,
    pub on_b: Vec2,
    /// B's less A's.
    pub difference: Vec2,
    /// Share of this corner in the nearest point; the shares add up to 1.
    pub weight: f32,
}

impl Corner {
    const NONE: Self = Self {
        index_a: 0,
        index_b: 0,
        on_a: Vec2::ZERO,
        on_b: Vec2::ZERO,
        difference: Vec2::ZERO,
        weight: 0.0,
    };

    /// The corner of vertex `index_a` of A and vertex `index_b` of B.
    pub(super) fn new(a: PlacedCore, index_a: usize, b: PlacedCore, index_b: usize) -> Self {
        let (on_a, on_b) = (a.1.apply(a.0[index_a]), b.1.apply(b.0[index_b]));
        Self { index_a, index_b, on_a, on_b, difference: on_b - on_a, weight: 1.0 }
    }

    /// The pair of vertices.
    pub(super) fn indices(&self) -> (usize, usize) {
        (self.index_a, self.index_b)
    }
}

/// The vertices of a simplex and its size, to begin the next search with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimplexCache {
    count: usize,
    indices: [(usize, usize); 3],
    /// Length of a segment or twice the area of a triangle, m or m².
    size: f32,
}

impl SimplexCache {
    /// Knows nothing.
    pub(crate) const EMPTY: Self = Self { count: 0, indices: [(0, 0); 3], size: 0.0 };

    /// The pairs of vertices, of A and B, that are nearest to each other.
    pub(crate) fn nearest(&self) -> &[(usize, usize)] {
        &self.indices[..self.count]
    }
}

/// One to three corners.
pub(super) struct Simplex {
    corners: [Corner; 3],
    count: usize,
}

impl Simplex {
    /// The simplex of the last search at the shapes' new places, unless it changed its size a lot; else the first vertices.
    pub(super) fn resume(cache: &SimplexCache, a: PlacedCore, b: PlacedCore) -> Self {
        let mut simplex = Self { corners: [Corner::NONE; 3], count: 0 };
        for &(index_a, index_b) in cache.nearest() {
            simplex.push(Corner::new(a, index_a, b, index_b));
        }
        if simplex.count > 1 {
            let (old, new) = (cache.size, simplex.size());
            if new < 0.5 * old || 2.0 * old < new || new < EPSILON {
                simplex.count = 0;
            }
        }
        if simplex.count == 0 {
            simplex.push(Corner::new(a, 0, b, 0));
        }
        simplex
    }

    /// What to remember for the next search.
    pub(super) fn cache(&self) -> SimplexCache {
        SimplexCache { count: self.count, indices: self.corners.map(|c| c.indices()), size: self.size() }
    }

    pub(super) fn corners(&self) -> &[Corner] {
        &self.corners[..self.count]
    }

    pub(super) fn push(&mut self, corner: Corner) {
        self.corners[self.count] = corner;
        self.count += 1;
    }

    /// Whether the origin is inside, after [`Simplex::reduce`].
    pub(super) fn is_triangle(&self) -> bool {
        self.count == 3
    }

    fn size(&self) -> f32 {
        match self.corners() {
            [p, q] => (p.difference - q.difference).length(),
            [p, q, r] => (q.difference - p.difference).cross(r.difference - p.difference),
            _ => 0.0,
        }
    }

    /// The direction from the simplex, a point or a segment, towards the origin.
    pub(super) fn towards_origin(&self) -> Vec2 {
        let from = self.corners[0].difference;
        if self.count == 1 {
            return -from;
        }
        let along = self.corners[1].difference - from;
        if along.cross(-from) > 0.0 { along.turned_anticlockwise(1.0) } else { along.turned_clockwise(1.0) }
    }

    /// The nearest points on A and on B, after [`Simplex::reduce`].
    pub(super) fn nearest_points(&self) -> (Vec2, Vec2) {
        match self.corners() {
            [p, q] => (p.weight * p.on_a + q.weight * q.on_a, p.weight * p.on_b + q.weight * q.on_b),
            [p, q, r] => {
                let inside = p.weight * p.on_a + q.weight * q.on_a + r.weight * r.on_a;
                (inside, inside)
            }
            _ => (self.corners[0].on_a, self.corners[0].on_b),
        }
    }

    /// Drops the corners that are not needed to hold the point nearest to the origin, and weighs the others.
    pub(super) fn reduce(&mut self) {
        match self.count {
            2 => self.reduce_segment(),
            3 => self.reduce_triangle(),
            _ => {}
        }
    }

    fn reduce_segment(&mut self) {
        let [for_p, for_q] = self.segment_weights(0, 1);
        if for_q <= 0.0 {
            self.keep_corner(0);
        } else if for_p <= 0.0 {
            self.keep_corner(1);
        } else {
            self.keep_segment(0, 1, [for_p, for_q]);
        }
    }

    /// By Voronoi regions: each corner's, each side's, the inside. The order of the questions decides on their borders.
    fn reduce_triangle(&mut self) {
        let [p, q, r] = self.corners.map(|corner| corner.difference);
        let pq = self.segment_weights(0, 1);
        let pr = self.segment_weights(0, 2);
        let qr = self.segment_weights(1, 2);
        let orientation = (q - p).cross(r - p);
        let inside = [orientation * q.cross(r), orientation * r.cross(p), orientation * p.cross(q)];

        if pq[1] <= 0.0 && pr[1] <= 0.0 {
            self.keep_corner(0);
        } else if pq[0] > 0.0 && pq[1] > 0.0 && inside[2] <= 0.0 {
            self.keep_segment(0, 1, pq);
        } else if pr[0] > 0.0 && pr[1] > 0.0 && inside[1] <= 0.0 {
            self.keep_segment(0, 2, pr);
        } else if pq[0] <= 0.0 && qr[1] <= 0.0 {
            self.keep_corner(1);
        } else if pr[0] <= 0.0 && qr[0] <= 0.0 {
            self.keep_corner(2);
        } else if qr[0] > 0.0 && qr[1] > 0.0 && inside[0] <= 0.0 {
            // Box2D keeps the third corner first here.
            self.keep_segment(2, 1, [qr[1], qr[0]]);
        } else {
            let inverse = 1.0 / (inside[0] + inside[1] + inside[2]);
            for (corner, weight) in self.corners.iter_mut().zip(inside) {
                corner.weight = weight * inverse;
            }
        }
    }

    /// The weights, not yet divided by their sum, of the point of the line through two corners that is nearest to the
    /// origin. A weight is not positive where the point lies beyond the other corner.
    fn segment_weights(&self, first: usize, second: usize) -> [f32; 2] {
        let (p, q) = (self.corners[first].difference, self.corners[second].difference);
        let along = q - p;
        [q.dot(along), -p.dot(along)]
    }

    fn keep_corner(&mut self, index: usize) {
        self.corners[0] = Corner { weight: 1.0, ..self.corners[index] };
        self.count = 1;
    }

    fn keep_segment(&mut self, first: usize, second: usize, weights: [f32; 2]) {
        let inverse = 1.0 / (weights[0] + weights[1]);
        let kept = [
            Corner { weight: weights[0] * inverse, ..self.corners[first] },
            Corner { weight: weights[1] * inverse, ..self.corners[second] },
        ];
        self.corners[..2].copy_from_slice(&kept);
        self.count = 2;
    }
}

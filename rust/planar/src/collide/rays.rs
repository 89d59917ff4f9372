//! Where rays meet shapes. Rays meet the cores of shapes: the skin is no part of it.

use crate::math::{Transform, Vec2};
use crate::shapes::{Bounds, Edge, Polygon, Shape};

/// Rays from one point, and how far each reaches. What does not depend on a ray's direction is computed once for all of them,
/// and all of them meet an edge in one loop without branches, which compilers turn into lanes.
pub(crate) struct Rays<const N: usize> {
    from: Vec2,
    ends: [Vec2; N],
    /// The box around each ray.
    left: [f32; N],
    right: [f32; N],
    bottom: [f32; N],
    top: [f32; N],
    /// The frame in which `local_from` and the ways are: that of the last shape, which many shapes have in common.
    frame: Option<Transform>,
    local_from: Vec2,
    way_x: [f32; N],
    way_y: [f32; N],
    /// The part of its way that each ray has, and whether it has met something there.
    nearest: [f32; N],
    meets: [bool; N],
}

impl<const N: usize> Rays<N> {
    /// Rays that have met nothing so far.
    pub(crate) fn new(from: Vec2, ends: [Vec2; N]) -> Self {
        let (lower, upper) = (ends.map(|end| from.min(end)), ends.map(|end| from.max(end)));
        Self {
            from,
            ends,
            left: lower.map(|corner| corner.x),
            right: upper.map(|corner| corner.x),
            bottom: lower.map(|corner| corner.y),
            top: upper.map(|corner| corner.y),
            frame: None,
            local_from: from,
            way_x: [0.0; N],
            way_y: [0.0; N],
            nearest: [1.0; N],
            meets: [false; N],
        }
    }

    /// The box around all rays.
    pub(crate) fn bounds(&self) -> Bounds {
        let start = Bounds { lower: self.from, upper: self.from };
        self.ends.iter().fold(start, |around, &end| around.union(&Bounds { lower: end, upper: end }))
    }

    /// For each ray the part of its way at which it meets the nearest of the shapes, if it meets one.
    pub(crate) fn fractions(&self) -> [Option<f32>; N] {
        std::array::from_fn(|ray| self.meets[ray].then_some(self.nearest[ray]))
    }

    /// Has the rays meet a shape, whose fattened bounds are `fat`: those whose boxes do not overlap them pass.
    #[inline]
    pub(crate) fn meet(&mut self, shape: &Shape, frame: &Transform, fat: &Bounds) {
        self.enter(frame);
        match shape {
            Shape::Edge(edge) => self.meet_edge(edge, fat),
            Shape::Polygon(polygon) => self.meet_polygon(polygon, fat),
        }
    }

    fn enter(&mut self, frame: &Transform) {
        // Zeros of both signs are equal, and may lead to others.
        let bits = |frame: &Transform| {
            let Transform { position, rotation } = frame;
            [position.x, position.y, rotation.sin, rotation.cos].map(f32::to_bits)
        };
        if self.frame.as_ref().map(bits) == Some(bits(frame)) {
            return;
        }
        self.frame = Some(*frame);
        self.local_from = frame.apply_inverse(self.from);
        for (ray, &end) in self.ends.iter().enumerate() {
            let way = frame.apply_inverse(end) - self.local_from;
            (self.way_x[ray], self.way_y[ray]) = (way.x, way.y);
        }
    }

    /// Both sides of an edge stop a ray.
    fn meet_edge(&mut self, edge: &Edge, fat: &Bounds) {
        let [start, end] = edge.ends;
        let along = end - start;
        let (normal, _) = Vec2::new(along.y, -along.x).normalized();
        // How far the edge's line is, in the normal's direction.
        let distance = normal.dot(start - self.local_from);
        let squared = along.dot(along);
        if squared == 0.0 {
            return;
        }
        for ray in 0..N {
            let way = Vec2::new(self.way_x[ray], self.way_y[ray]);
            let most = self.nearest[ray];
            let approach = normal.dot(way);
            let fraction = distance / approach;
            let meeting = self.local_from + fraction * way;
            let place = (meeting - start).dot(along) / squared;
            // Nothing is nearer than what is right here. The bounds overlap as in `Bounds::overlaps`.
            let passes = (most == 0.0)
                | (self.left[ray] > fat.upper.x)
                | (fat.lower.x > self.right[ray])
                | (self.bottom[ray] > fat.upper.y)
                | (fat.lower.y > self.top[ray])
                | (approach == 0.0)
                | (fraction < 0.0)
                | (most < fraction);
            let meets = !passes & (0.0..=1.0).contains(&place);
            self.nearest[ray] = if meets { fraction } else { most };
            self.meets[ray] |= meets;
        }
    }

    fn meet_polygon(&mut self, polygon: &Polygon, fat: &Bounds) {
        for ray in 0..N {
            let bounds = Bounds {
                lower: Vec2::new(self.left[ray], self.bottom[ray]),
                upper: Vec2::new(self.right[ray], self.top[ray]),
            };
            let most = self.nearest[ray];
            if most == 0.0 || !fat.overlaps(&bounds) {
                continue;
            }
            let way = Vec2::new(self.way_x[ray], self.way_y[ray]);
            if let Some(fraction) = ray_and_polygon(polygon, self.local_from, way, most) {
                (self.nearest[ray], self.meets[ray]) = (fraction, true);
            }
        }
    }
}

/// Where a ray enters a polygon: a ray that starts inside meets nothing.
fn ray_and_polygon(polygon: &Polygon, from: Vec2, way: Vec2, most: f32) -> Option<f32> {
    let (mut entry, mut exit) = (0.0, most);
    let mut enters = false;
    for (&normal, &vertex) in polygon.normals().iter().zip(polygon.vertices()) {
        let (distance, approach) = (normal.dot(vertex - from), normal.dot(way));
        if approach == 0.0 {
            if distance < 0.0 {
                return None;
            }
        } else if approach < 0.0 && distance < entry * approach {
            entry = distance / approach;
            enters = true;
        } else if approach > 0.0 && distance < exit * approach {
            exit = distance / approach;
        }
        if exit < entry {
            return None;
        }
    }
    enters.then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Rot;
    use proptest::prelude::*;

    fn cast(shape: &Shape, from: (f32, f32), to: (f32, f32), most: f32) -> Option<f32> {
        let frame = Transform { position: Vec2::new(1.0, 0.0), rotation: Rot::from_angle(0.0) };
        let mut rays = Rays::new(Vec2::new(from.0, from.1), [Vec2::new(to.0, to.1)]);
        rays.nearest = [most];
        rays.meet(shape, &frame, &shape.bounds(&frame).fattened());
        rays.fractions()[0]
    }

    /// The edge's part in the order in which Box2D asks, ray by ray: the twin of [`Rays::meet_edge`].
    fn ray_and_edge(edge: &Edge, from: Vec2, way: Vec2, most: f32) -> Option<f32> {
        let [start, end] = edge.ends;
        let along = end - start;
        let (normal, _) = Vec2::new(along.y, -along.x).normalized();
        let approach = normal.dot(way);
        if approach == 0.0 {
            return None;
        }
        let fraction = normal.dot(start - from) / approach;
        if fraction < 0.0 || most < fraction {
            return None;
        }
        let meeting = from + fraction * way;
        let squared = along.dot(along);
        if squared == 0.0 {
            return None;
        }
        let place = (meeting - start).dot(along) / squared;
        (0.0..=1.0).contains(&place).then_some(fraction)
    }

    fn point() -> impl Strategy<Value = Vec2> {
        // Simple values, among which rays touch ends and run along edges, and any others.
        let value = || prop_oneof![prop::sample::select(vec![-1.0, -0.0, 0.0, 1.0, 2.0, 0.5]), -3.0_f32..3.0];
        (value(), value()).prop_map(|(x, y)| Vec2::new(x, y))
    }

    proptest! {
        #[test]
        fn rays_meet_edges_as_each_would_alone(
            edges in prop::collection::vec([point(), point()], 1..6),
            position in point(),
            angle in prop::sample::select(vec![0.0_f32, 0.4]),
            from in point(),
            ends in [point(), point(), point(), point(), point(), point(), point(), point(), point(), point()],
        ) {
            let frames = [position, Vec2::ZERO].map(|position| Transform { position, rotation: Rot::from_angle(angle) });
            let mut rays = Rays::new(from, ends);
            let mut expected = [None; 10];
            for (index, [start, end]) in edges.into_iter().enumerate() {
                let frame = &frames[index / 2 % 2];
                let shape = Shape::edge(start, end);
                let Shape::Edge(edge) = &shape else { unreachable!("an edge is one") };
                let fat = shape.bounds(frame).fattened();
                rays.meet(&shape, frame, &fat);
                let start = Bounds { lower: from, upper: from };
                let local_from = frame.apply_inverse(from);
                for (nearest, &to) in expected.iter_mut().zip(&ends) {
                    let most = nearest.unwrap_or(1.0);
                    if most != 0.0 && fat.overlaps(&start.union(&Bounds { lower: to, upper: to })) {
                        let way = frame.apply_inverse(to) - local_from;
                        *nearest = ray_and_edge(edge, local_from, way, most).or(*nearest);
                    }
                }
            }
            let bits = |fractions: [Option<f32>; 10]| fractions.map(|fraction| fraction.map(f32::to_bits));
            prop_assert_eq!(bits(rays.fractions()), bits(expected));
        }
    }

    #[test]
    fn an_edge_stops_rays_from_both_sides_between_its_ends() {
        let edge = Shape::edge(Vec2::new(-1.0, 0.0), Vec2::new(1.0, 0.0));
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, -3.0), 1.0), Some(0.25));
        assert_eq!(cast(&edge, (0.5, -1.0), (0.5, 3.0), 1.0), Some(0.25));
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, -3.0), 0.2), None);
        assert_eq!(cast(&edge, (2.1, 1.0), (2.1, -3.0), 1.0), None);
        assert_eq!(cast(&edge, (0.5, 1.0), (0.5, 0.5), 1.0), None);
        assert_eq!(cast(&edge, (0.5, 1.0), (1.5, 1.0), 1.0), None);
    }

    #[test]
    fn a_polygon_stops_rays_that_enter_it() {
        let square = Shape::rectangle(1.0, 1.0);
        assert_eq!(cast(&square, (-2.0, 0.5), (6.0, 0.5), 1.0), Some(0.25));
        assert_eq!(cast(&square, (-2.0, 0.5), (6.0, 0.5), 0.2), None);
        assert_eq!(cast(&square, (0.5, 0.5), (6.0, 0.5), 1.0), None, "it starts inside");
        assert_eq!(cast(&square, (-2.0, 1.5), (6.0, 1.5), 1.0), None, "it passes by");
        assert_eq!(cast(&square, (-2.0, 4.0), (2.0, 0.0), 1.0), Some(0.75));
    }
}

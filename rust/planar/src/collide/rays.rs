//! Where rays from one point meet shapes. Rays meet the cores of shapes: the skin is no part of it.
//!
//! The ground is made of edges, so eight rays meet an edge at once, in lanes: every lane does the operations of one ray in
//! their order, and what a single ray would ask first comes out of the arithmetic.

use crate::math::{Rot, Transform, Vec2};
use crate::real::{Eight, EightVectors, Real, Row, Vector};
use crate::shapes::{Edge, Polygon};
use lane_math::lanes::{Mask, Simd};
use lane_math::{Isa, Kernel};

/// Rays of a beam.
pub(crate) const LANES: usize = 8;

/// Up to eight rays, and what they have met so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beam {
    /// Where they end, in the world.
    ends: EightVectors,
    /// The part of its way at which each has met something; 1 at first.
    nearest: Eight,
    /// Bit n: ray n has met something.
    met: u32,
}

impl Beam {
    /// Rays from a point of the world, to as many others; lanes without a ray have one that leads nowhere.
    pub(crate) fn new(from: Vec2, ends: &[Vec2]) -> Self {
        let mut beam = Self { ends: EightVectors::default(), nearest: Eight([1.0; LANES]), met: 0 };
        for lane in 0..LANES {
            beam.ends.set(lane, ends.get(lane).copied().unwrap_or(from));
        }
        beam
    }

    /// The part of its way at which a ray first meets something.
    pub(crate) fn nearest(&self, lane: usize) -> Option<f32> {
        (self.met >> lane & 1 != 0).then_some(self.nearest.0[lane])
    }

    /// Sends a ray against a polygon, too. It starts at `from` and ends at `to`, both in the polygon's frame.
    pub(crate) fn meet_polygon(&mut self, lane: usize, polygon: &Polygon, from: Vec2, to: Vec2) {
        let most = self.nearest.0[lane];
        // Nothing is nearer than what is right here.
        if most == 0.0 {
            return;
        }
        if let Some(fraction) = ray_and_polygon(polygon, from, to - from, most) {
            self.nearest.0[lane] = fraction;
            self.met |= 1 << lane;
        }
    }
}

/// An edge as all rays from one point see it: what does not depend on a ray's direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenEdge {
    /// Of the edge's body.
    frame: Transform,
    /// Where the rays start, in that frame.
    from: Vec2,
    start: Vec2,
    along: Vec2,
    normal: Vec2,
    /// How far the edge's line is from the point, in the normal's direction.
    distance: f32,
}

impl SeenEdge {
    /// An edge that no ray meets.
    pub(crate) const NONE: Self = Self {
        frame: Transform { position: Vec2::ZERO, rotation: Rot { sin: 0.0, cos: 1.0 } },
        from: Vec2::ZERO,
        start: Vec2::ZERO,
        along: Vec2::ZERO,
        normal: Vec2::ZERO,
        distance: 0.0,
    };

    /// An edge from a point of the world.
    #[inline]
    pub(crate) fn new(edge: &Edge, frame: &Transform, from: Vec2) -> Self {
        let from = frame.apply_inverse(from);
        let [start, end] = edge.ends;
        let normal = edge.right();
        Self { frame: *frame, from, start, along: end - start, normal, distance: normal.dot(start - from) }
    }
}

/// The kernel: all rays of some beams against edges, one after the other.
pub(crate) struct MeetEdges<'a> {
    pub(crate) edges: &'a [SeenEdge],
    pub(crate) beams: &'a mut [Beam],
}

impl MeetEdges<'_> {
    /// Does so with the fastest instructions there are.
    pub(crate) fn go(self) {
        Isa::detect().run(self);
    }
}

impl Kernel for MeetEdges<'_> {
    type Output = ();

    /// A ray along an edge has infinity or no number for a fraction, an edge of no length no number for a place: no
    /// comparison lets those through.
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (zero, one) = (Real::<S::F32>::zero(), Real::splat(1.0));
        for beam in self.beams {
            let ends: Vector<S::F32> = beam.ends.load();
            let mut nearest = beam.nearest.load();
            for edge in self.edges {
                let (from, along) = (Vector::splat(edge.from), Vector::splat(edge.along));
                let (sin, cos) = (Real::splat(edge.frame.rotation.sin), Real::splat(edge.frame.rotation.cos));
                let end = ends - Vector::splat(edge.frame.position);
                let end = Vector { x: cos * end.x + sin * end.y, y: -sin * end.x + cos * end.y };
                let way = end - from;
                let fraction = Real::splat(edge.distance) / Vector::splat(edge.normal).dot(way);
                let meeting = from + fraction * way;
                let place = (meeting - Vector::splat(edge.start)).dot(along) / along.dot(along);
                let on_ray = fraction.is_not_negative().and(fraction.is_at_most(nearest));
                let on_edge = place.is_not_negative().and(place.is_at_most(one));
                // Nothing is nearer than what is right here.
                let meets = on_ray.and(on_edge).and(nearest.is_equal(zero).not());
                nearest = Real::select(meets, fraction, nearest);
                beam.met |= meets.bits();
            }
            beam.nearest.store(nearest);
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
    use crate::shapes::Shape;
    use proptest::prelude::*;

    /// One ray and one edge, as Box2D computes it: the twin of the lanes.
    fn ray_and_edge(edge: &SeenEdge, to: Vec2, most: f32) -> Option<f32> {
        let way = edge.frame.apply_inverse(to) - edge.from;
        let approach = edge.normal.dot(way);
        if most == 0.0 || approach == 0.0 {
            return None;
        }
        let fraction = edge.distance / approach;
        if fraction < 0.0 || most < fraction {
            return None;
        }
        let meeting = edge.from + fraction * way;
        let squared = edge.along.dot(edge.along);
        if squared == 0.0 {
            return None;
        }
        let place = (meeting - edge.start).dot(edge.along) / squared;
        (0.0..=1.0).contains(&place).then_some(fraction)
    }

    fn frame() -> Transform {
        Transform { position: Vec2::new(1.0, 0.0), rotation: Rot::from_angle(0.0) }
    }

    /// An edge from (0, 0) to (2, 0) of the world.
    fn cast_on_edge(from: (f32, f32), to: (f32, f32)) -> Option<f32> {
        let Shape::Edge(edge) = Shape::edge(Vec2::new(-1.0, 0.0), Vec2::new(1.0, 0.0)) else {
            unreachable!()
        };
        let from = Vec2::new(from.0, from.1);
        let mut beams = [Beam::new(from, &[from, Vec2::new(to.0, to.1)])];
        MeetEdges { edges: &[SeenEdge::new(&edge, &frame(), from)], beams: &mut beams }.go();
        assert_eq!(beams[0].met & !2, 0);
        beams[0].nearest(1)
    }

    fn cast_on_square(from: (f32, f32), to: (f32, f32), most: f32) -> Option<f32> {
        let Shape::Polygon(square) = Shape::rectangle(1.0, 1.0) else { unreachable!() };
        let [from, to] = [from, to].map(|(x, y)| frame().apply_inverse(Vec2::new(x, y)));
        ray_and_polygon(&square, from, to - from, most)
    }

    #[test]
    fn an_edge_stops_rays_from_both_sides_between_its_ends() {
        assert_eq!(cast_on_edge((0.5, 1.0), (0.5, -3.0)), Some(0.25));
        assert_eq!(cast_on_edge((0.5, -1.0), (0.5, 3.0)), Some(0.25));
        assert_eq!(cast_on_edge((2.1, 1.0), (2.1, -3.0)), None);
        assert_eq!(cast_on_edge((0.5, 1.0), (0.5, 0.5)), None);
        assert_eq!(cast_on_edge((0.5, 1.0), (1.5, 1.0)), None, "beside it");
        assert_eq!(cast_on_edge((-0.5, 0.0), (1.5, 0.0)), None, "along it");
    }

    #[test]
    fn a_polygon_stops_rays_that_enter_it() {
        assert_eq!(cast_on_square((-2.0, 0.5), (6.0, 0.5), 1.0), Some(0.25));
        assert_eq!(cast_on_square((-2.0, 0.5), (6.0, 0.5), 0.2), None);
        assert_eq!(cast_on_square((0.5, 0.5), (6.0, 0.5), 1.0), None, "it starts inside");
        assert_eq!(cast_on_square((-2.0, 1.5), (6.0, 1.5), 1.0), None, "it passes by");
        assert_eq!(cast_on_square((-2.0, 4.0), (2.0, 0.0), 1.0), Some(0.75));
    }

    /// Coordinates of which many are equal, so that rays start on edges, end on them, run along them or lead nowhere.
    fn place() -> impl Strategy<Value = Vec2> {
        let coordinate = || prop_oneof![(-4_i8..=4).prop_map(|x| f32::from(x) * 0.5), -3.0_f32..3.0];
        (coordinate(), coordinate()).prop_map(|(x, y)| Vec2::new(x, y))
    }

    proptest! {
        #[test]
        fn the_lanes_have_a_single_ray_s_bits(
            from in place(),
            ends in prop::collection::vec(place(), 1..=LANES),
            edges in prop::collection::vec((place(), place(), place(), prop_oneof![Just(0.0_f32), -3.0_f32..3.0]), 1..8),
        ) {
            let edges: Vec<_> = edges.into_iter().map(|(start, end, position, angle)| {
                let Shape::Edge(edge) = Shape::edge(start, end) else { unreachable!() };
                SeenEdge::new(&edge, &Transform { position, rotation: Rot::from_angle(angle) }, from)
            }).collect();
            for isa in Isa::all_available() {
                let mut beams = [Beam::new(from, &ends)];
                isa.run(MeetEdges { edges: &edges, beams: &mut beams });
                for (lane, &to) in ends.iter().enumerate() {
                    let alone = edges.iter().fold(None, |nearest: Option<f32>, edge| {
                        ray_and_edge(edge, to, nearest.unwrap_or(1.0)).or(nearest)
                    });
                    prop_assert_eq!(beams[0].nearest(lane).map(f32::to_bits), alone.map(f32::to_bits));
                }
            }
        }
    }
}

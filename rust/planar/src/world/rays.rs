//! Rays: how far one sees.

use super::World;
use crate::collide::{Beam, LANES, MeetEdges, SeenEdge};
use crate::ids::FixtureId;
use crate::math::Vec2;
use crate::shapes::{Bounds, Shape};

/// Beams that are cast together, and the rays in them: a lidar of ten needs two.
const BEAMS: usize = 2;
const RAYS: usize = BEAMS * LANES;

/// Edges that are met together: more than a lidar sees at once of even ground.
const EDGES: usize = 16;

impl World {
    /// Casts rays from `from` to each of `ends`, metres; for each, the part of its way at which it first meets a fixture that
    /// `sees` accepts, `None` where it meets none. Sensors stop rays as other fixtures do; a ray that starts in a polygon does
    /// not meet it.
    ///
    /// It is what `b2World::RayCast` finds with a callback that returns the fraction of what it accepts, and -1 for the rest:
    /// the nearest fraction does not depend on the order in which fixtures are asked. (Only whether a fraction is 0 or -0 does,
    /// where a ray starts on two edges.)
    #[must_use]
    pub fn cast_rays<const N: usize>(
        &self,
        from: Vec2,
        ends: [Vec2; N],
        sees: impl Fn(FixtureId) -> bool,
    ) -> [Option<f32>; N] {
        let mut nearest = [None; N];
        for (ends, nearest) in ends.chunks(RAYS).zip(nearest.chunks_mut(RAYS)) {
            let beams = self.cast_beams(from, ends, &sees);
            for (ray, nearest) in nearest.iter_mut().enumerate() {
                *nearest = beams[ray / LANES].nearest(ray % LANES);
            }
        }
        nearest
    }

    /// Casts up to [`RAYS`] rays.
    fn cast_beams(&self, from: Vec2, ends: &[Vec2], sees: impl Fn(FixtureId) -> bool) -> [Beam; BEAMS] {
        let [first, second] = ends.split_at(ends.len().min(LANES)).into();
        let mut beams = [first, second].map(|ends| Beam::new(from, ends));
        let start = Bounds { lower: from, upper: from };
        let around = ends.iter().fold(start, |around, &end| around.union(&Bounds { lower: end, upper: end }));
        let mut edges = EdgesInSight::new();
        self.broad_phase.within(&around, |id| {
            if !sees(id) {
                return;
            }
            let fixture = &self.fixtures[id];
            let frame = &self.bodies[fixture.body].transform;
            match &fixture.def.shape {
                Shape::Edge(edge) => edges.add(SeenEdge::new(edge, frame, from), &mut beams),
                Shape::Polygon(polygon) => {
                    for (ray, &end) in ends.iter().enumerate() {
                        let way = start.union(&Bounds { lower: end, upper: end });
                        if self.broad_phase.fat(id).overlaps(&way) {
                            let [from, to] = [from, end].map(|point| frame.apply_inverse(point));
                            beams[ray / LANES].meet_polygon(ray % LANES, polygon, from, to);
                        }
                    }
                }
            }
        });
        edges.meet(&mut beams);
        beams
    }
}

/// Edges that are still to be met.
struct EdgesInSight {
    edges: [SeenEdge; EDGES],
    count: usize,
}

impl EdgesInSight {
    fn new() -> Self {
        Self { edges: [SeenEdge::NONE; EDGES], count: 0 }
    }

    fn add(&mut self, edge: SeenEdge, beams: &mut [Beam; BEAMS]) {
        if self.count == EDGES {
            self.meet(beams);
        }
        self.edges[self.count] = edge;
        self.count += 1;
    }

    fn meet(&mut self, beams: &mut [Beam; BEAMS]) {
        MeetEdges { edges: &self.edges[..self.count], beams }.go();
        self.count = 0;
    }
}

//! Clipping a segment against the sides of a face, and the identity of the points that result.

use crate::math::Vec2;

/// Whether a feature of a shape is a vertex or a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeatureKind {
    Vertex,
    Face,
}

/// A vertex or a face of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Feature {
    pub kind: FeatureKind,
    pub index: usize,
}

impl Feature {
    pub(super) const fn vertex(index: usize) -> Self {
        Self { kind: FeatureKind::Vertex, index }
    }

    pub(super) const fn face(index: usize) -> Self {
        Self { kind: FeatureKind::Face, index }
    }
}

/// A point of contact before it is known to be close enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClipPoint {
    pub position: Vec2,
    /// One of the two features that meet here; a clipped point gets a vertex of the reference face.
    pub first: Feature,
    /// The other; a clipped point gets a face with the index of the segment's first end.
    pub second: Feature,
}

/// The key by which a contact point is found again in the next step, laid out as Box2D's: the indices of A's and B's
/// features in the two low bytes, their kinds in the two high bytes.
pub(super) fn point_id(a: Feature, b: Feature) -> u32 {
    a.index as u32 | (b.index as u32) << 8 | (a.kind as u32) << 16 | (b.kind as u32) << 24
}

/// The part of a segment behind the line `normal · x = offset`, which runs through the vertex of the reference face with
/// index `vertex`; `None` unless that part has two ends.
pub(super) fn clip(
    segment: [ClipPoint; 2],
    normal: Vec2,
    offset: f32,
    vertex: usize,
) -> Option<[ClipPoint; 2]> {
    let distances = segment.map(|end| normal.dot(end.position) - offset);
    // Where the ends are on different sides, the point on the line replaces the one in front.
    let crosses = distances[0] * distances[1] < 0.0;
    let crossing = || {
        let along = distances[0] / (distances[0] - distances[1]);
        let position = segment[0].position + along * (segment[1].position - segment[0].position);
        ClipPoint { position, first: Feature::vertex(vertex), second: Feature::face(segment[0].second.index) }
    };
    match (distances[0] <= 0.0, distances[1] <= 0.0) {
        (true, true) => Some(segment),
        (true, false) if crosses => Some([segment[0], crossing()]),
        (false, true) if crosses => Some([segment[1], crossing()]),
        _ => None,
    }
}

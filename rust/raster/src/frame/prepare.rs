//! A scene's polygons as what the bands need of them: edges to trace, strokes to follow, and who is where.

use super::grid::{BAND_OF, BANDS};
use crate::fill::crossing;
use crate::scene::{Polygon, Scene, Style};
use crate::screen::{BOTTOM, FRAME_SIDE, Point, RIGHT};
use crate::stroke::Stroke;
use lane_math::lanes::I32x8;
use std::ops::Range;

/// A polygon that reaches the screen.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) polygon: Polygon,
    /// Drawn above the flip: its rows are those of the screen, and count from the other end.
    pub(super) flipped: bool,
    /// Its rows on the screen, first and last, in its own direction.
    pub(super) rows: (i32, i32),
    /// Its edges and strokes in [`Prepared`].
    pub(super) edges: Range<usize>,
    pub(super) strokes: Range<usize>,
    /// Some horizontal edge closes a part of it from below, or it has only one row: see [`Inside::solid_row`].
    pub(super) irregular: bool,
}

/// An edge that rows cross.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) upper: Point,
    pub(super) width: i32,
    pub(super) height: i32,
    /// The last row that crosses it.
    pub(super) last: i32,
    /// 1 / height.
    reciprocal: f32,
}

/// A scene, prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) edges: Vec<Edge>,
    pub(super) strokes: Vec<Stroke>,
    pub(super) shapes: Vec<Shape>,
    /// The shapes of each band in drawing order.
    pub(super) bands: Vec<Vec<usize>>,
}

impl Edge {
    /// `upper` to `lower`, crossed by all rows but the last, and by the last if the polygon ends there.
    fn new(upper: Point, lower: Point, bottom: i32) -> Self {
        let height = lower.y - upper.y;
        let last = if lower.y == bottom { bottom } else { lower.y - 1 };
        Self { upper, width: lower.x - upper.x, height, last, reciprocal: 1.0 / height as f32 }
    }

    /// Where a row crosses it, in 1/65536 pixel.
    pub(super) fn crossing(&self, y: i32) -> i32 {
        crossing(self.upper, Point { x: self.upper.x + self.width, y: self.upper.y + self.height }, y)
    }

    /// 65536 * below / height, rounded down, for rows on the edge; anything for others.
    ///
    /// `below` and height are less than 2^15, so that the dividend and the height are float32 numbers, and the quotient
    /// is at most 65536. Three roundings by a part of 2^24 each leave it wrong by less than 1/64, so that it is the
    /// right one, the one before, or the one after.
    #[inline(always)]
    pub(super) fn fraction<V: I32x8>(&self, below: V) -> V {
        let (dividend, height) = (below.times_65536(), V::splat(self.height));
        let quotient = dividend.scaled(self.reciprocal);
        let rest = dividend.sub(quotient.mul(height));
        let too_large = V::splat(0).greater(rest);
        let too_small = rest.greater(V::splat(self.height - 1));
        quotient.add(too_large).sub(too_small)
    }
}

impl Prepared {
    pub(super) fn new() -> Self {
        let bands = vec![Vec::new(); FRAME_SIDE];
        Self { edges: Vec::new(), strokes: Vec::new(), shapes: Vec::new(), bands }
    }

    /// Prepares a scene. `false` if some polygon spans 2^15 pixels or more: there arithmetic would wrap around, and the
    /// scene is one for the reference.
    pub(super) fn prepare(&mut self, scene: &Scene) -> bool {
        self.edges.clear();
        self.strokes.clear();
        self.shapes.clear();
        self.bands.iter_mut().for_each(Vec::clear);
        let below = scene.polygons().iter().map(|polygon| (polygon, false));
        let above = scene.indicators().iter().map(|polygon| (polygon, true));
        for (polygon, flipped) in below.chain(above) {
            let vertices = scene.vertices(polygon);
            let (low, high) = bounds(vertices);
            if high.x.saturating_sub(low.x) >= 1 << 15 || high.y.saturating_sub(low.y) >= 1 << 15 {
                return false;
            }
            if high.x >= 0 && high.y >= 0 && low.x <= RIGHT && low.y <= BOTTOM {
                self.push(*polygon, vertices, flipped, (low, high));
            }
        }
        true
    }

    fn push(&mut self, polygon: Polygon, vertices: &[Point], flipped: bool, (low, high): (Point, Point)) {
        let (first_edge, first_stroke) = (self.edges.len(), self.strokes.len());
        let mut level = false;
        let mut before = vertices[vertices.len() - 1];
        for &vertex in vertices {
            if before.y < vertex.y {
                self.edges.push(Edge::new(before, vertex, high.y));
            } else if before.y > vertex.y {
                self.edges.push(Edge::new(vertex, before, high.y));
            } else {
                level |= low.y < vertex.y && vertex.y < high.y;
            }
            before = vertex;
        }
        if polygon.style == Style::Antialiased {
            let nexts = vertices[1..].iter().chain(&vertices[..1]);
            for (&vertex, &next) in vertices.iter().zip(nexts) {
                if let Some(stroke) = Stroke::new(vertex, next) {
                    self.strokes.push(stroke);
                }
            }
        }
        let rows = (low.y.max(0), high.y.min(BOTTOM));
        let shape = Shape {
            polygon,
            flipped,
            rows,
            edges: first_edge..self.edges.len(),
            strokes: first_stroke..self.strokes.len(),
            irregular: polygon.style == Style::Solid && (level || low.y == high.y),
        };
        self.enter(shape, is_curtain(vertices, low, high));
    }

    /// Enters a shape in its bands. A curtain hides all that was drawn before in the bands that it covers.
    fn enter(&mut self, shape: Shape, curtain: bool) {
        let (from, to) = shape.rows;
        let (from, to) = if shape.flipped { (from, to) } else { (BOTTOM - to, BOTTOM - from) };
        let curtain = curtain && shape.polygon.style == Style::Solid;
        for band in BAND_OF[from as usize]..=BAND_OF[to as usize] {
            let shapes = &mut self.bands[usize::from(band)];
            let rows = BANDS[usize::from(band)];
            if curtain && from <= rows.first as i32 && rows.last as i32 <= to {
                shapes.clear();
            }
            shapes.push(self.shapes.len());
        }
        self.shapes.push(shape);
    }
}

/// The least and the greatest coordinates.
fn bounds(vertices: &[Point]) -> (Point, Point) {
    let mut low = vertices[0];
    let mut high = low;
    for vertex in &vertices[1..] {
        (low.x, low.y) = (low.x.min(vertex.x), low.y.min(vertex.y));
        (high.x, high.y) = (high.x.max(vertex.x), high.y.max(vertex.y));
    }
    (low, high)
}

/// Whether a polygon is an upright rectangle as wide as the screen: the background of the indicators.
fn is_curtain(vertices: &[Point], low: Point, high: Point) -> bool {
    let corners = [low, Point { x: high.x, y: low.y }, high, Point { x: low.x, y: high.y }];
    let turned = |start: usize, forward: bool| {
        (0..4).all(|k| vertices[k] == corners[if forward { start + k } else { start + 4 - k } % 4])
    };
    low.x <= 0
        && RIGHT <= high.x
        && vertices.len() == 4
        && (0..4).any(|start| turned(start, true) || turned(start, false))
}

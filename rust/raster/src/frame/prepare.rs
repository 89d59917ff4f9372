//! A scene's polygons as what the bands need of them: edges to trace, strokes to follow, and who is where.

use super::grid::{BAND_OF, BANDS, Pixel};
use crate::fill::{crossing, left_pixel, right_pixel};
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

/// A stroke, and the rows that it may touch, in its shape's direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) first_row: i32,
    pub(super) last_row: i32,
    pub(super) stroke: Stroke,
}

impl Placed {
    fn new(stroke: Stroke) -> Self {
        let (first_row, last_row) = match &stroke {
            Stroke::Straight { top, bottom, .. } => (*top, *bottom),
            Stroke::Sloped(line) => (line.top.y, line.last_row()),
        };
        Self { first_row, last_row, stroke }
    }
}

/// A scene, prepared.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) edges: Vec<Edge>,
    pub(super) strokes: Vec<Placed>,
    pub(super) shapes: Vec<Shape>,
    pub(super) bands: Vec<Layers>,
}

/// What a band shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    /// Everywhere, below all shapes.
    pub(super) background: Pixel,
    /// Shapes in drawing order.
    pub(super) shapes: Vec<usize>,
}

impl Layers {
    /// One colour and nothing else.
    fn cover(&mut self, colour: u32) {
        self.background = colour.to_le_bytes();
        self.shapes.clear();
    }
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
        let bands = vec![Layers::default(); FRAME_SIDE];
        Self { edges: Vec::new(), strokes: Vec::new(), shapes: Vec::new(), bands }
    }

    /// Prepares a scene. `false` if some polygon spans 2^15 pixels or more: there arithmetic would wrap around, and the
    /// scene is one for the reference.
    pub(super) fn prepare(&mut self, scene: &Scene) -> bool {
        self.edges.clear();
        self.strokes.clear();
        self.shapes.clear();
        self.bands.iter_mut().for_each(|layers| layers.cover(0));
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
        let is_large = low.x <= 0 && low.y <= 0 && RIGHT <= high.x && BOTTOM <= high.y;
        if polygon.style == Style::Antialiased && is_large && is_screen_inside(&self.edges[first_edge..]) {
            // Nothing of what was drawn before is left, nor are its own strokes.
            self.bands.iter_mut().for_each(|layers| layers.cover(polygon.colour));
            self.edges.truncate(first_edge);
            return;
        }
        if polygon.style == Style::Antialiased {
            let is_clipped = low.x < 0 || low.y < 0 || RIGHT < high.x || BOTTOM < high.y;
            let mut vertex = vertices[0];
            for index in 1..=vertices.len() {
                let next = vertices[if index < vertices.len() { index } else { 0 }];
                let stroke = if is_clipped {
                    Stroke::new(vertex, next)
                } else {
                    Some(Stroke::on_screen(vertex, next))
                };
                self.strokes.extend(stroke.map(Placed::new));
                vertex = next;
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
            let layers = &mut self.bands[usize::from(band)];
            let rows = BANDS[usize::from(band)];
            if curtain && from <= rows.first as i32 && rows.last as i32 <= to {
                layers.cover(shape.polygon.colour);
            } else {
                layers.shapes.push(self.shapes.len());
            }
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

/// Whether an anti-aliased polygon's inside has every pixel of the screen: in each row one edge crosses left of it, one
/// right of it, and no other. An edge's crossings lie in the order of its rows, so that two of them tell of all.
fn is_screen_inside(edges: &[Edge]) -> bool {
    /// The rows of the screen that an edge crosses, if any.
    fn rows(edge: &Edge) -> (i32, i32) {
        (edge.upper.y.max(0), edge.last.min(BOTTOM))
    }
    let are_all_crossed = |lies_beyond: fn(i32) -> bool| {
        let mut next = 0;
        for _ in edges {
            for edge in edges {
                let (first, last) = rows(edge);
                if first <= next
                    && next <= last
                    && [first, last].iter().all(|&y| lies_beyond(edge.crossing(y)))
                {
                    next = last + 1;
                }
            }
        }
        next > BOTTOM
    };
    let crossings: i32 = edges.iter().map(rows).map(|(first, last)| (last + 1 - first).max(0)).sum();
    crossings == 2 * (BOTTOM + 1)
        && are_all_crossed(|left| left_pixel(left) <= 0)
        && are_all_crossed(|right| right_pixel(right) >= RIGHT)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the first of two polygons hides the second: a field over something red.
    fn hides(field: &[[f64; 2]]) -> bool {
        let mut scene = Scene::new();
        scene.push_antialiased([255, 0, 0], &[[10.0, 10.0], [90.0, 20.0], [50.0, 700.0]]);
        scene.push_antialiased([0, 255, 0], field);
        let mut prepared = Prepared::new();
        assert!(prepared.prepare(&scene));
        prepared.bands.iter().all(|layers| layers.shapes.is_empty() && layers.background == [0, 255, 0, 0])
    }

    #[test]
    fn what_has_the_screen_inside_hides_all_before() {
        let (right, bottom) = (f64::from(RIGHT), f64::from(BOTTOM));
        assert!(hides(&[[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]]));
        assert!(hides(&[[500.0, -3000.0], [4000.0, 500.0], [500.0, 4000.0], [-3000.0, 400.0]]));
        // A column, or a row, is left out.
        assert!(!hides(&[[1.0, 0.0], [right, 0.0], [right, bottom], [1.0, bottom]]));
        assert!(!hides(&[[0.0, 0.0], [right, 0.0], [right, bottom - 1.0], [0.0, bottom - 1.0]]));
        assert!(!hides(&[[0.0, 0.0], [right - 2.0, 0.0], [right, bottom], [0.0, bottom]]));
        // Both edges of the upper rows lie left of the screen, those of the lower ones right of it.
        let (left, far) = ([-400.0, -200.0], [1200.0, 1400.0]);
        let steps = [
            [left[0], -9.0],
            [left[0], 400.0],
            [far[0], 400.0],
            [far[0], 900.0],
            [far[1], 900.0],
            [far[1], 400.0],
            [left[1], 400.0],
            [left[1], -9.0],
        ];
        assert!(!hides(&steps));
    }
}

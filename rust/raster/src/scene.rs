//! What is to be drawn: polygons in drawing order, indicators, and the score.

use crate::screen::{Colour, Point, packed};

/// A polygon of a [`Scene`]; its vertices lie in the scene's common list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polygon {
    first: usize,
    count: usize,
    /// Packed.
    pub(crate) colour: u32,
    pub(crate) style: Style,
}

/// With which of pygame's functions a polygon is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `gfxdraw.aapolygon`, then `gfxdraw.filled_polygon`.
    Antialiased,
    /// `draw.polygon`.
    Solid,
}

/// One picture, described: what CarRacing draws before it scales the screen down.
///
/// Polygons come first, in the order in which they are added, on a black screen whose y axis points upwards; then
/// indicators and the score, on top and with y downwards. Vertices are in pixels, float64, and are truncated towards
/// zero when they are added, as pygame does it.
///
/// A scene keeps its memory when it is cleared, so that one scene serves all frames of an episode without allocation.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    points: Vec<Point>,
    polygons: Vec<Polygon>,
    indicators: Vec<Polygon>,
    score: Option<f64>,
}

impl Scene {
    /// An empty scene: a black screen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the scene.
    pub fn clear(&mut self) {
        self.points.clear();
        self.polygons.clear();
        self.indicators.clear();
        self.score = None;
    }

    /// Adds a polygon with anti-aliased edges: `gfxdraw.aapolygon`, then `gfxdraw.filled_polygon`.
    ///
    /// Coordinates wrap around to 16 bits after truncation, as they do in pygame.
    ///
    /// # Panics
    ///
    /// If there are fewer than three vertices.
    pub fn push_antialiased(&mut self, colour: Colour, vertices: &[[f64; 2]]) {
        assert!(
            vertices.len() >= 3,
            "an anti-aliased polygon has at least 3 vertices, got {}",
            vertices.len()
        );
        let polygon =
            self.append(colour, Style::Antialiased, vertices, |value| i32::from(value as i64 as i16));
        self.polygons.push(polygon);
    }

    /// Adds a polygon with hard edges: `draw.polygon`.
    ///
    /// # Panics
    ///
    /// If there are fewer than four vertices: pygame fills triangles by a rule of their own, which nothing here needs.
    pub fn push_solid(&mut self, colour: Colour, vertices: &[[f64; 2]]) {
        let polygon = self.solid(colour, vertices);
        self.polygons.push(polygon);
    }

    /// Adds a polygon with hard edges that is drawn after the screen was flipped: y points downwards.
    ///
    /// # Panics
    ///
    /// If there are fewer than four vertices, as [`push_solid`](Self::push_solid).
    pub fn push_indicator(&mut self, colour: Colour, vertices: &[[f64; 2]]) {
        let polygon = self.solid(colour, vertices);
        self.indicators.push(polygon);
    }

    /// Sets the number in the lower left corner, drawn over everything: `"{:04.0f}"` of a finite reward.
    pub fn set_score(&mut self, reward: f64) {
        self.score = Some(reward);
    }

    fn solid(&mut self, colour: Colour, vertices: &[[f64; 2]]) -> Polygon {
        assert!(vertices.len() >= 4, "a solid polygon has at least 4 vertices, got {}", vertices.len());
        self.append(colour, Style::Solid, vertices, |value| value as i32)
    }

    fn append(
        &mut self,
        colour: Colour,
        style: Style,
        vertices: &[[f64; 2]],
        truncate: fn(f64) -> i32,
    ) -> Polygon {
        let first = self.points.len();
        self.points.extend(vertices.iter().map(|&[x, y]| Point { x: truncate(x), y: truncate(y) }));
        Polygon { first, count: vertices.len(), colour: packed(colour), style }
    }

    /// The polygons below the flip, in drawing order.
    pub(crate) fn polygons(&self) -> &[Polygon] {
        &self.polygons
    }

    /// The polygons above the flip, in drawing order.
    pub(crate) fn indicators(&self) -> &[Polygon] {
        &self.indicators
    }

    /// A polygon's vertices.
    pub(crate) fn vertices(&self, polygon: &Polygon) -> &[Point] {
        &self.points[polygon.first..][..polygon.count]
    }

    /// The reward that is shown, if any.
    pub(crate) fn score(&self) -> Option<f64> {
        self.score
    }
}

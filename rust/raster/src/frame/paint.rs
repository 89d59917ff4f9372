//! Paints one shape in one band: its strokes, then its inside.

use super::band::{Band, Range};
use super::grid::{COLUMNS, Pixel};
use super::prepare::{Placed, Prepared, Shape};
use super::rows::{Rows, Runs};
use super::strokes::paint_stroke;
use crate::fill::Inside;
use crate::scene::{Scene, Style};
use crate::screen::RIGHT;
use lane_math::lanes::Simd;

/// No cells.
pub(super) const NONE: Range = (0, 0);

/// Paints a shape. `crossings` is working memory.
#[inline(always)]
pub(super) fn paint<S: Simd>(
    band: &mut Band,
    prepared: &Prepared,
    shape: &Shape,
    rows: Rows,
    scene: &Scene,
    crossings: &mut Vec<i32>,
) {
    let (style, colour) = (shape.polygon.style, shape.polygon.colour.to_le_bytes());
    let edges = &prepared.edges[shape.edges.clone()];
    let mut runs = Runs::NONE;
    let is_simple = !shape.irregular && runs.trace::<S>(style, edges, rows, band.rows());
    let covered = runs.covered_cells();
    for Placed { first_row, last_row, stroke } in &prepared.strokes[shape.strokes.clone()] {
        // Most strokes of a shape lie in other bands.
        if *first_row <= rows.last && rows.first <= *last_row {
            paint_stroke::<S::U16>(band, stroke, rows, colour, covered, &runs);
        }
    }
    if !is_simple {
        let inside = Inside::new(scene.vertices(&shape.polygon));
        return paint_row_by_row(band, &inside, style, rows, colour, crossings);
    }
    paint_runs(band, &runs, covered, colour);
    band.flatten(covered, colour);
}

/// Paints what of the runs lies in other than the covered cells.
#[inline(always)]
fn paint_runs(band: &mut Band, runs: &Runs, covered: Range, colour: Pixel) {
    let (left, right) = runs.bounds;
    if left > right {
        return;
    }
    band.open(left, right, covered, colour);
    let (lefts, rights) = runs.ends();
    let (from, to) = covered;
    if from == to {
        for row in 0..band.rows() {
            band.fill(row as i32, lefts[row], rights[row], colour);
        }
        return;
    }
    let (start, end) = (COLUMNS[from].first as i32, COLUMNS[to - 1].last as i32);
    band.fill_up_to(lefts, left, start, end, colour);
    band.fill_down_to(rights, right, end, start, colour);
}

/// Paints the inside of a shape that has several runs in a row.
fn paint_row_by_row(
    band: &mut Band,
    inside: &Inside,
    style: Style,
    rows: Rows,
    colour: Pixel,
    crossings: &mut Vec<i32>,
) {
    for y in rows.first..=rows.last {
        let row = rows.in_band(y);
        let paint = |one: i32, other: i32| {
            let (left, right) = (one.min(other).max(0), one.max(other).min(RIGHT));
            if left <= right {
                band.open(left, right, NONE, colour);
                band.fill(row, left, right, colour);
            }
        };
        match style {
            Style::Antialiased => inside.filled_row(y, crossings, paint),
            Style::Solid => inside.solid_row(y, crossings, paint),
        }
    }
}

//! Paints one shape in one band: its strokes, then its inside.

use super::band::{Band, cells};
use super::grid::{COLUMNS, Pixel};
use super::prepare::{Prepared, Shape};
use super::rows::{Rows, Runs};
use super::strokes::paint_stroke;
use crate::fill::Inside;
use crate::scene::{Scene, Style};
use crate::screen::RIGHT;
use lane_math::lanes::Simd;

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
    let style = shape.polygon.style;
    let edges = &prepared.edges[shape.edges.clone()];
    let runs = if shape.irregular { None } else { Runs::new::<S>(style, edges, rows, band.rows()) };
    let (from, to) = runs.as_ref().map_or((0, 0), |runs| runs.covered_cells());
    for stroke in &prepared.strokes[shape.strokes.clone()] {
        let runs = runs.as_ref().unwrap_or(&Runs::NONE);
        paint_stroke(band, stroke, rows, shape.polygon.colour, cells(from, to), runs);
    }
    let colour = shape.polygon.colour.to_le_bytes();
    let Some(runs) = runs else {
        let inside = Inside::new(scene.vertices(&shape.polygon));
        return paint_row_by_row(band, &inside, style, rows, colour, crossings);
    };
    paint_runs(band, &runs, (from, to), colour);
    band.flatten(from, to, colour);
}

/// Paints what of the runs lies in other than the covered cells.
#[inline(always)]
fn paint_runs(band: &mut Band, runs: &Runs, (from, to): (usize, usize), colour: Pixel) {
    let (left, right) = runs.bounds;
    if left > right {
        return;
    }
    band.open(left, right, cells(from, to), colour);
    let (lefts, rights) = runs.ends();
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
                band.open(left, right, 0, colour);
                band.fill(row, left, right, colour);
            }
        };
        match style {
            Style::Antialiased => inside.filled_row(y, crossings, paint),
            Style::Solid => inside.solid_row(y, crossings, paint),
        }
    }
}

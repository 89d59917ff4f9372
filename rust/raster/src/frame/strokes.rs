//! Paints one stroke in one band.

use super::band::{Band, Range};
use super::brush::{Brush, Side};
use super::grid::Pixel;
use super::rows::{Rows, Runs};
use crate::screen::Point;
use crate::stroke::{Sloped, Stroke};
use lane_math::lanes::U16x16;

/// Lines that advance less than a third of a pixel in a step are painted row by row, others step by step: several pixels
/// of a row are mixed at once, and half of the rows lie inside the shape and are left out.
const GENTLE: u32 = 65536 / 3;

/// Paints the part of a stroke that has rows in a band, but for what lies in `covered` cells; what lies in `runs` may be left out, too:
/// the shape's inside is painted over it.
#[inline(always)]
pub(super) fn paint_stroke<V: U16x16>(
    band: &mut Band,
    stroke: &Stroke,
    rows: Rows,
    pixel: Pixel,
    covered: Range,
    runs: &Runs,
) {
    match *stroke {
        Stroke::Straight { left, right, top, bottom } => {
            band.open(left, right, covered, pixel);
            for y in top.max(rows.first)..=bottom.min(rows.last) {
                band.fill(rows.in_band(y), left, right, pixel);
            }
        }
        Stroke::Sloped(line) => {
            let Point { x, y } = line.first;
            if rows.first <= y && y <= rows.last {
                band.open(x, x, covered, pixel);
                band.set(rows.in_band(y), x, pixel);
            }
            let (first, last) = steps(&line, rows);
            if first <= last {
                open_along(band, &line, first, last, covered, pixel);
                let brush = Brush::<V>::new(pixel);
                let top = Point { x: line.top.x, y: rows.in_band(line.top.y) };
                if line.steep {
                    band.blend_steep(&line, top, (first, last), brush);
                } else if line.slope > GENTLE {
                    band.blend_columns(&line, top, (first, last), brush);
                } else {
                    blend_rows(band, &line, rows, (first, last), (brush, runs));
                }
            }
        }
    }
}

/// The first and last step of a line that touch the band.
#[inline(always)]
fn steps(line: &Sloped, rows: Rows) -> (i32, i32) {
    let (above, below) = (rows.first - line.top.y, rows.last - line.top.y);
    if line.steep {
        (above.max(1), below.min(line.length - 1))
    } else {
        // The pair of a step lies in the row that the line has advanced to and in the next one.
        (reaching(line, above - 1), reaching(line, below + 1) - 1)
    }
}

/// The first step that has advanced by some pixels, or the end of the line.
#[inline(always)]
fn reaching(line: &Sloped, advanced: i32) -> i32 {
    let step = if advanced <= 0 { 0 } else { ((advanced as u32) << 16).div_ceil(line.slope) as i32 };
    step.clamp(1, line.length)
}

/// Opens the cells that some steps of a line touch.
#[inline(always)]
fn open_along(band: &mut Band, line: &Sloped, first: i32, last: i32, covered: Range, colour: Pixel) {
    let (near, far) =
        if line.steep { (line.advance(first).0, line.advance(last).0 + 1) } else { (first, last) };
    let (one, other) = (line.top.x + line.direction * near, line.top.x + line.direction * far);
    band.open(one.min(other), one.max(other), covered, colour);
}

/// Paints a line that is not steep: in each row the far pixels of the steps in the row above, then its own near ones.
#[inline(always)]
fn blend_rows<V: U16x16>(
    band: &mut Band,
    line: &Sloped,
    rows: Rows,
    (first, last): (i32, i32),
    (brush, runs): (Brush<V>, &Runs),
) {
    let (first, last) = (line.top.y + line.advance(first).0, line.top.y + line.advance(last).0 + 1);
    let (first, last) = (first.max(rows.first), last.min(rows.last));
    let above = first - line.top.y;
    let (mut far, mut near) = (reaching(line, above - 1), reaching(line, above));
    for y in first..=last {
        let end = reaching(line, y - line.top.y + 1);
        for (from, to, side) in [(far, near, Side::Far), (near, end, Side::Near)] {
            let (one, other) = (line.top.x + line.direction * from, line.top.x + line.direction * (to - 1));
            let row = rows.in_band(y);
            if from == to || runs.contain(row, one.min(other), one.max(other)) {
                continue;
            }
            let (left, slope) =
                if line.direction > 0 { (from, line.slope) } else { (to - 1, line.slope.wrapping_neg()) };
            let run = (row, one.min(other), to - from);
            band.blend_run(run, left as u32 * line.slope, slope, (brush, side));
        }
        (far, near) = (near, end);
    }
}

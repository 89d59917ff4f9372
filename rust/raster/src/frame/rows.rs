//! Where a shape meets a band: rows, and runs of columns.

use super::band::Band;
use super::grid::{COLUMNS, cell_of};
use super::prepare::{Edge, Shape};
use crate::fill::solid_crossing;
use crate::scene::Style;
use crate::screen::RIGHT;
use lane_math::lanes::{I32x8, Simd};

/// Which of a shape's rows are a band's.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// The shape's row in the band's row 0, and whether the shape's rows count the other way.
    origin: i32,
    flipped: bool,
    /// The shape's rows in this band.
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Rows {
    /// `top` is the scene's row, before the flip, in the band's row 0; `bottom` is the screen's, after it.
    #[inline(always)]
    pub(super) fn new(shape: &Shape, band: &Band, top: i32, bottom: i32) -> Self {
        let more = band.rows() as i32 - 1;
        let (origin, from, to) =
            if shape.flipped { (bottom, bottom - more, bottom) } else { (top, top, top + more) };
        Self { origin, flipped: shape.flipped, first: from.max(shape.rows.0), last: to.min(shape.rows.1) }
    }

    /// The band's row of a shape's row.
    #[inline(always)]
    pub(super) fn in_band(self, y: i32) -> i32 {
        if self.flipped { self.origin - y } else { y - self.origin }
    }
}

/// Rows that are computed together.
const LANES: usize = 8;

/// One run of columns per row: eight rows, and the ninth with room that nobody uses.
type Columns = [[i32; LANES]; 2];

/// What a shape covers of each row of a band: one run, from a column to another, both included and on the screen. An
/// empty run begins right of the screen and ends left of it.
pub(super) struct Runs {
    left: Columns,
    right: Columns,
    /// From the leftmost to the rightmost column; the other way round if there is none.
    pub(super) bounds: (i32, i32),
    /// From the first to the last column that the runs of all rows have; the other way round if there is none.
    common: (i32, i32),
}

const EMPTY: (i32, i32) = (RIGHT + 1, -1);

impl Runs {
    /// Nothing in any row.
    pub(super) const NONE: Self =
        Self { left: [[EMPTY.0; LANES]; 2], right: [[EMPTY.1; LANES]; 2], bounds: EMPTY, common: EMPTY };

    /// Becomes the runs of a regular shape in a band of some rows; `false`, and nothing in any row, if it has several in
    /// a row.
    #[inline(always)]
    pub(super) fn trace<S: Simd>(
        &mut self,
        style: Style,
        edges: &[Edge],
        rows: Rows,
        band_rows: usize,
    ) -> bool {
        let (first, ninth) = match style {
            Style::Antialiased => Crossings::<S::I32>::filled(edges, rows, band_rows),
            Style::Solid => Crossings::<S::I32>::solid(edges, rows, band_rows),
        };
        if first.found.greater(S::I32::splat(2)).any_negative() || ninth.found > 2 {
            *self = Self::NONE;
            return false;
        }
        self.set(&first);
        if band_rows > LANES {
            self.set_ninth(&ninth);
        }
        true
    }

    /// Sets the first eight rows, which every band has.
    #[inline(always)]
    fn set<V: I32x8>(&mut self, crossings: &Crossings<V>) {
        let zero = V::splat(0);
        let left = crossings.low.min(crossings.high).max(zero);
        let right = crossings.high.max(crossings.low).min(V::splat(RIGHT));
        let empty = V::select(crossings.found.greater(zero), left.greater(right), V::splat(-1));
        let left = V::select(empty, V::splat(EMPTY.0), left);
        let right = V::select(empty, V::splat(EMPTY.1), right);
        left.store(&mut self.left[0]);
        right.store(&mut self.right[0]);
        self.bounds = (left.least(), right.greatest());
        self.common = (left.greatest(), right.least());
    }

    /// Sets the ninth row.
    #[inline(always)]
    fn set_ninth(&mut self, crossings: &Crossings<i32>) {
        let (low, high) = (crossings.low, crossings.high);
        let (mut left, mut right) = (low.min(high).max(0), low.max(high).min(RIGHT));
        if crossings.found == 0 || left > right {
            (left, right) = EMPTY;
        }
        (self.left[1][0], self.right[1][0]) = (left, right);
        self.bounds = (self.bounds.0.min(left), self.bounds.1.max(right));
        self.common = (self.common.0.max(left), self.common.1.min(right));
    }

    /// The columns in which runs begin and end.
    #[inline(always)]
    pub(super) fn ends(&self) -> (&[i32], &[i32]) {
        (self.left.as_flattened(), self.right.as_flattened())
    }

    /// Whether a row's run covers all columns from one to another.
    #[inline(always)]
    pub(super) fn contain(&self, row: i32, left: i32, right: i32) -> bool {
        let (lefts, rights) = self.ends();
        lefts[row as usize] <= left && right <= rights[row as usize]
    }

    /// The cells that lie within the runs of all the band's rows, from one to another, which is excluded.
    #[inline(always)]
    pub(super) fn covered_cells(&self) -> (usize, usize) {
        let (left, right) = self.common;
        if left >= right {
            return (0, 0);
        }
        let (first, last) = (cell_of(left), cell_of(right));
        let from = if COLUMNS[first].first < left as usize { first + 1 } else { first };
        let to = if COLUMNS[last].last > right as usize { last } else { last + 1 };
        if from < to { (from, to) } else { (0, 0) }
    }
}

/// The number of each lane.
const ROW: [i32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7];

/// The first and the last pixel of a run, from its leftmost and its rightmost crossing with a shape's edges, and how many
/// crossings there are: none or two in most rows. The pixels may come in either order, and lie outside the screen; they
/// mean nothing where there is no crossing.
struct Crossings<V> {
    low: V,
    high: V,
    found: V,
}

impl<V: I32x8> Crossings<V> {
    /// Those of the band's first eight rows, and of its ninth, if it has so many. In 1/65536 pixel:
    /// [`crossing`](crate::fill::crossing) without divisions but for the ninth row. The rows of an anti-aliased shape are
    /// never flipped.
    #[inline(always)]
    fn filled(edges: &[Edge], rows: Rows, band_rows: usize) -> (Self, Crossings<i32>) {
        let (mut low, mut high, mut found) = (V::splat(i32::MAX), V::splat(i32::MIN), V::splat(0));
        let mut ninth = Crossings { low: i32::MAX, high: i32::MIN, found: 0 };
        let ninth_row = if band_rows > LANES { rows.origin + LANES as i32 } else { i32::MAX };
        for edge in edges {
            if rows.last < edge.upper.y || edge.last < rows.first {
                continue;
            }
            let below = V::load(&ROW).add(V::splat(rows.origin - edge.upper.y));
            let crossed = V::splat(edge.last - edge.upper.y + 1).greater(below);
            let crossed = V::select(below.greater(V::splat(-1)), crossed, V::splat(0));
            let x = edge.fraction(below).mul(V::splat(edge.width)).add(V::splat(edge.upper.x << 16));
            low = V::select(crossed, x.min(low), low);
            high = V::select(crossed, x.max(high), high);
            found = found.sub(crossed);
            if edge.upper.y <= ninth_row && ninth_row <= edge.last {
                ninth.add(edge.crossing(ninth_row));
            }
        }
        let one = V::splat(1);
        ninth.low = rounded(ninth.low.wrapping_add(1));
        ninth.high = rounded(ninth.high.wrapping_sub(1));
        (Self { low: low.add(one).over_65536(), high: high.sub(one).over_65536(), found }, ninth)
    }

    /// The same, in pixels. Every second crossing of a row that is found is rounded up.
    #[inline(always)]
    fn solid(edges: &[Edge], rows: Rows, band_rows: usize) -> (Self, Crossings<i32>) {
        let (mut low, mut high, mut found) = (V::splat(i32::MAX), V::splat(i32::MIN), V::splat(0));
        let mut ninth = Crossings { low: i32::MAX, high: i32::MIN, found: 0 };
        let (row, ninth_row) = if rows.flipped {
            (V::splat(0).sub(V::load(&ROW)), rows.origin - LANES as i32)
        } else {
            (V::load(&ROW), rows.origin + LANES as i32)
        };
        for edge in edges {
            if rows.last < edge.upper.y || edge.last < rows.first {
                continue;
            }
            let below = row.add(V::splat(rows.origin - edge.upper.y));
            let crossed = V::splat(edge.last - edge.upper.y + 1).greater(below);
            let crossed = V::select(below.greater(V::splat(-1)), crossed, V::splat(0));
            let up = V::splat(0).sub(found.bit_and(V::splat(1)));
            let x = below.mul(V::splat(edge.width)).quotient(edge.height, up).add(V::splat(edge.upper.x));
            low = V::select(crossed, x.min(low), low);
            high = V::select(crossed, x.max(high), high);
            found = found.sub(crossed);
            if band_rows > LANES && edge.upper.y <= ninth_row && ninth_row <= edge.last {
                let down = ninth.found % 2 == 0;
                ninth.add(solid_crossing(edge.upper, edge.width, edge.height, ninth_row, down));
            }
        }
        (Self { low, high, found }, ninth)
    }
}

impl Crossings<i32> {
    #[inline(always)]
    fn add(&mut self, x: i32) {
        (self.low, self.high) = (self.low.min(x), self.high.max(x));
        self.found += 1;
    }
}

/// The nearest pixel, as [`I32x8::over_65536`] finds it.
#[inline(always)]
fn rounded(position: i32) -> i32 {
    position.wrapping_add(1 << 15) >> 16
}

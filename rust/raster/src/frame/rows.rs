//! Where a shape meets a band: rows, and runs of columns.

use super::band::Band;
use super::grid::{CELL_OF, COLUMNS, MOST_ROWS};
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
/// Rows that there is room for: the band's, and more up to whole lanes.
const ROOM: usize = MOST_ROWS.div_ceil(LANES) * LANES;

/// One run of columns per row.
type Columns = [[i32; LANES]; ROOM / LANES];

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
    pub(super) const NONE: Self = Self {
        left: [[EMPTY.0; LANES]; ROOM / LANES],
        right: [[EMPTY.1; LANES]; ROOM / LANES],
        bounds: EMPTY,
        common: EMPTY,
    };

    /// The runs of a regular shape in a band of some rows; `None` if it has several in a row.
    #[inline(always)]
    pub(super) fn new<S: Simd>(style: Style, edges: &[Edge], rows: Rows, band_rows: usize) -> Option<Self> {
        let mut runs = Self::NONE;
        runs.common = (0, RIGHT);
        let mut first_row = 0;
        while first_row < band_rows {
            let crossings = match style {
                Style::Antialiased => Crossings::<S::I32>::filled(edges, rows, first_row),
                Style::Solid => Crossings::<S::I32>::solid(edges, rows, first_row),
            };
            if crossings.found.greatest() > 2 {
                return None;
            }
            runs.set(first_row / LANES, &crossings, band_rows - first_row);
            first_row += LANES;
        }
        Some(runs)
    }

    /// Sets eight rows, of which the band has some.
    #[inline(always)]
    fn set<V: I32x8>(&mut self, eight: usize, crossings: &Crossings<V>, band_rows: usize) {
        let zero = V::splat(0);
        let left = crossings.low.min(crossings.high).max(zero);
        let right = crossings.high.max(crossings.low).min(V::splat(RIGHT));
        let in_band = V::splat(band_rows as i32).greater(V::load(&ROW));
        let empty = V::select(in_band, left.greater(right), V::splat(-1));
        let empty = V::select(crossings.found.greater(zero), empty, V::splat(-1));
        let left = V::select(empty, V::splat(EMPTY.0), left);
        let right = V::select(empty, V::splat(EMPTY.1), right);
        left.store(&mut self.left[eight]);
        right.store(&mut self.right[eight]);
        self.bounds = (self.bounds.0.min(left.least()), self.bounds.1.max(right.greatest()));
        let last_left = V::select(in_band, left, zero).greatest();
        let first_right = V::select(in_band, right, V::splat(RIGHT)).least();
        self.common = (self.common.0.max(last_left), self.common.1.min(first_right));
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
        let (first, last) = (usize::from(CELL_OF[left as usize]), usize::from(CELL_OF[right as usize]));
        let from = if COLUMNS[first].first < left as usize { first + 1 } else { first };
        let to = if COLUMNS[last].last > right as usize { last } else { last + 1 };
        if from < to { (from, to) } else { (0, 0) }
    }
}

/// The number of each lane.
const ROW: [i32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7];

/// The first and the last pixel of a run in each of eight rows, from its leftmost and its rightmost crossing with a
/// shape's edges, and how many crossings there are: none or two in most rows. The pixels may come in either order, and
/// lie outside the screen; they mean nothing where there is no crossing.
struct Crossings<V> {
    low: V,
    high: V,
    found: V,
}

impl<V: I32x8> Crossings<V> {
    /// In 1/65536 pixel: [`crossing`](crate::fill::crossing) without divisions. The rows of an anti-aliased shape are
    /// never flipped.
    #[inline(always)]
    fn filled(edges: &[Edge], rows: Rows, first_row: usize) -> Self {
        let (mut low, mut high, mut found) = (V::splat(i32::MAX), V::splat(i32::MIN), V::splat(0));
        for edge in edges {
            let below = V::load(&ROW).add(V::splat(rows.origin + first_row as i32 - edge.upper.y));
            let crossed = V::splat(edge.last - edge.upper.y + 1).greater(below);
            let crossed = V::select(below.greater(V::splat(-1)), crossed, V::splat(0));
            let x = edge.fraction(below).mul(V::splat(edge.width)).add(V::splat(edge.upper.x << 16));
            low = V::select(crossed, x.min(low), low);
            high = V::select(crossed, x.max(high), high);
            found = found.sub(crossed);
        }
        let one = V::splat(1);
        Self { low: low.add(one).over_65536(), high: high.sub(one).over_65536(), found }
    }

    /// In pixels.
    #[inline(always)]
    fn solid(edges: &[Edge], rows: Rows, first_row: usize) -> Self {
        let (mut low, mut high, mut found) = ([i32::MAX; LANES], [i32::MIN; LANES], [0; LANES]);
        for edge in edges {
            let (mut y, last) = (edge.upper.y.max(rows.first), edge.last.min(rows.last));
            while y <= last {
                let row = (rows.in_band(y) as usize).wrapping_sub(first_row);
                if row < LANES {
                    let x = solid_crossing(edge.upper, edge.width, edge.height, y, found[row] % 2 == 0);
                    (low[row], high[row]) = (low[row].min(x), high[row].max(x));
                    found[row] += 1;
                }
                y += 1;
            }
        }
        Self { low: V::load(&low), high: V::load(&high), found: V::load(&found) }
    }
}

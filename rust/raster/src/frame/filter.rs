//! `smoothscale`, band by band: flat cells at once, open cells row by row.
//!
//! The arithmetic is that of [`Axis`]: sixteen-bit sums of whole pixels and of parts that are rounded down, times a
//! reciprocal. Whole pixels may be added in any order.

use super::band::{Band, CellQueue, ROWS_OF_CELL, STRIDE, bytes_of_four};
use super::grid::{BANDS, COLUMNS, Pixel, Slice};
use crate::screen::FRAME_SIDE;
use crate::smoothscale::{Axis, UNIT};
use lane_math::lanes::{Simd, U16x16, Window};

/// Channels of four pixels.
const QUAD: usize = 16;
/// Channels of a row of cells, in quads.
type Lanes = [[u16; QUAD]; FRAME_SIDE / 4];
/// A row of the frame.
type FrameRow = [u8; FRAME_SIDE * 3];

/// An open cell's pixels with the one before them.
static WINDOWS: [Window; FRAME_SIDE] = windows();

/// What counts in flat cells: the share of the pixel before, whole pixels, the share of the last one.
static HEADS: Lanes = flat_lanes(0);
static WHOLES: Lanes = flat_lanes(1);
static TAILS: Lanes = flat_lanes(2);

/// The first of four pixels, and the others.
const FIRST: [u16; QUAD] = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const OTHERS: [u16; QUAD] = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

/// Filters bands from the top of the screen to the bottom.
pub(super) struct Filter {
    /// The sums of all rows of a band but the last, and the last, which the next band shares.
    sums: Lanes,
    lasts: Lanes,
    /// What the band before left of its last row.
    rests: Lanes,
}

impl Filter {
    pub(super) fn new() -> Self {
        let lanes = [[0; QUAD]; FRAME_SIDE / 4];
        Self { sums: lanes, lasts: lanes, rests: lanes }
    }

    /// Forgets the band before.
    pub(super) fn restart(&mut self) {
        self.rests = [[0; QUAD]; FRAME_SIDE / 4];
    }

    /// Filters a band into a row of the frame.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&mut self, band: &mut Band, index: usize, row: &mut FrameRow) {
        let open = band.open_cells();
        // A cell begins with a part of the pixel before it.
        let mut after_flat = CellQueue::new(open & !(open << 1) & !1);
        while let Some(cell) = after_flat.pop() {
            band.fill_column(COLUMNS[cell].first as i32 - 1, band.colour(cell - 1));
        }
        self.filter_flat_cells::<S::U16>(band);
        let mut flat_after_open = CellQueue::new((open << 1) & !open);
        while let Some(cell) = flat_after_open.pop() {
            self.set(cell, filter_flat_cell::<S::U16>(band, cell));
        }
        let mut open = CellQueue::new(open);
        while let Some(cell) = open.pop() {
            self.set(cell, filter_cell::<S::U16>(band, cell));
        }
        self.finish::<S::U16>(index, row);
    }

    #[inline(always)]
    fn set(&mut self, cell: usize, (sums, last): ([u16; 4], [u16; 4])) {
        self.sums.as_flattened_mut()[4 * cell..][..4].copy_from_slice(&sums);
        self.lasts.as_flattened_mut()[4 * cell..][..4].copy_from_slice(&last);
    }

    /// All cells as though they were flat.
    #[inline(always)]
    fn filter_flat_cells<V: U16x16>(&mut self, band: &Band) {
        // The last row of the band is not among the sums.
        let rows = V::splat(band.rows() as u16 - 1);
        let reciprocal = V::splat(Axis::HORIZONTAL.reciprocal);
        for quad in 0..FRAME_SIDE / 4 {
            let before = V::widen(band.four_colours(4 * quad));
            let own = V::widen(band.four_colours(4 * quad + 1));
            let parts = before.mul_high(V::load(&HEADS[quad])).add(own.mul_high(V::load(&TAILS[quad])));
            let sum = own.mul_low(V::load(&WHOLES[quad])).add(parts);
            let value = sum.mul_high(reciprocal);
            value.mul_low(rows).store(&mut self.sums[quad]);
            value.store(&mut self.lasts[quad]);
        }
    }

    /// The vertical filter: a row of the frame from the sums of its band.
    #[inline(always)]
    fn finish<V: U16x16>(&mut self, index: usize, row: &mut FrameRow) {
        let tail = BANDS[index].tail;
        let (tails, rests) = (V::splat(in_65536ths(tail)), V::splat(in_65536ths(UNIT as u16 - tail)));
        let reciprocal = V::splat(Axis::VERTICAL.reciprocal);
        let quads = self.lasts.iter().zip(&self.sums).zip(&mut self.rests);
        for (((last, sums), rest), pixels) in quads.zip(row.chunks_exact_mut(12)) {
            let last = V::load(last);
            let before = V::load(rest).add(V::load(sums));
            let bytes = before.add(last.mul_high(tails)).mul_high(reciprocal);
            last.mul_high(rests).store(rest);
            pixels.copy_from_slice(&bytes.narrow_colours());
        }
    }
}

/// A flat cell after an open one, row by row: only the pixel before it varies.
#[inline(always)]
fn filter_flat_cell<V: U16x16>(band: &Band, cell: usize) -> ([u16; 4], [u16; 4]) {
    let column = COLUMNS[cell];
    let own = [band.colour(cell); 4];
    let own = V::widen(bytes_of_four(&own));
    let whole = own.mul_low(V::splat((column.last - column.first) as u16));
    let own = whole.add(own.mul_high(V::splat(in_65536ths(column.tail))));
    let (rows, head) = (band.rows_of(cell), V::splat(in_65536ths(column.head)));
    let first = own.add(four_before::<V>(rows, [0, 1, 2, 3]).mul_high(head));
    let second = own.add(four_before::<V>(rows, [4, 5, 6, 7]).mul_high(head));
    let ninth = own.add(four_before::<V>(rows, [8; 4]).mul_high(head));
    add_rows([first, second, ninth], band.rows())
}

/// The pixels before a cell in four rows.
#[inline(always)]
fn four_before<V: U16x16>(rows: &[Pixel; ROWS_OF_CELL], [a, b, c, d]: [usize; 4]) -> V {
    let before = [rows[a * STRIDE], rows[b * STRIDE], rows[c * STRIDE], rows[d * STRIDE]];
    V::widen(bytes_of_four(&before))
}

/// One cell, row by row.
#[inline(always)]
fn filter_cell<V: U16x16>(band: &Band, cell: usize) -> ([u16; 4], [u16; 4]) {
    let (rows, window) = (band.rows_of(cell), &WINDOWS[cell]);
    let first = weigh_four::<V>(rows, [0, 1, 2, 3], window);
    let second = weigh_four::<V>(rows, [4, 5, 6, 7], window);
    let ninth = weigh_four::<V>(rows, [8; 4], window);
    add_rows([first, second, ninth], band.rows())
}

/// What the pixels of four rows of a cell come to.
#[inline(always)]
fn weigh_four<V: U16x16>(rows: &[Pixel; ROWS_OF_CELL], [a, b, c, d]: [usize; 4], window: &Window) -> V {
    V::weigh([window_of(rows, a), window_of(rows, b), window_of(rows, c), window_of(rows, d)], window)
}

/// The pixels of a window in one row of a cell.
#[inline(always)]
fn window_of(rows: &[Pixel; ROWS_OF_CELL], row: usize) -> &[u8; 48] {
    rows[row * STRIDE..].as_flattened().first_chunk().expect("the rows of a cell end with a window")
}

/// A cell from what each row's pixels come to: four rows, four more, and the ninth, which counts if the band has so many.
/// The sums of all rows but the last of the screen, and that one.
#[inline(always)]
fn add_rows<V: U16x16>([first, second, ninth]: [V; 3], band_rows: usize) -> ([u16; 4], [u16; 4]) {
    let reciprocal = V::splat(Axis::HORIZONTAL.reciprocal);
    // The band's first row is the screen's last, and not among the sums.
    let first = first.mul_high(reciprocal);
    let mut sums = first.mul_low(V::load(&OTHERS)).add(second.mul_high(reciprocal));
    if band_rows > 8 {
        sums = sums.add(ninth.mul_high(reciprocal).mul_low(V::load(&FIRST)));
    }
    (sums.sum_pixels(), first.first_pixel())
}

/// A share in 2^14ths, so that the upper half of a product with it is the part, rounded down. No share is a whole.
const fn in_65536ths(share: u16) -> u16 {
    assert!((share as u32) < UNIT);
    4 * share
}

const fn windows() -> [Window; FRAME_SIDE] {
    let mut windows = [Window::new(0, 10, 0); FRAME_SIDE];
    let mut cell = 0;
    while cell < FRAME_SIDE {
        let Slice { first, last, head, tail } = COLUMNS[cell];
        // The window begins with the pixel before the cell.
        windows[cell] = Window::new(in_65536ths(head), last + 1 - first, in_65536ths(tail));
        cell += 1;
    }
    windows
}

const fn flat_lanes(part: usize) -> Lanes {
    let mut lanes = [[0; QUAD]; FRAME_SIDE / 4];
    let mut lane = 0;
    while lane < FRAME_SIDE * 4 {
        let column = COLUMNS[lane / 4];
        let whole = (column.last - column.first) as u16;
        let parts = [in_65536ths(column.head), whole, in_65536ths(column.tail)];
        lanes[lane / QUAD][lane % QUAD] = parts[part];
        lane += 1;
    }
    lanes
}

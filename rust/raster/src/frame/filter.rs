//! `smoothscale`, band by band: flat cells at once, open cells row by row.
//!
//! The arithmetic is that of [`Axis`]: sixteen-bit sums of whole pixels and of parts that are rounded down, times a
//! reciprocal. Whole pixels may be added in any order; and a part with the share 2^14 is the pixel itself, so that one
//! expression serves all pixels of a cell.

use super::band::{Band, bytes_of_four, cells};
use super::grid::{BANDS, COLUMNS, MOST_ROWS, Pixel};
use crate::screen::FRAME_SIDE;
use crate::smoothscale::{Axis, UNIT, high_product};
use lane_math::lanes::{Simd, U16x16};

/// Pixels that an open cell's filter looks at: the one before the cell, and up to 11 of its own.
const WINDOW: usize = 12;
/// Channels of four pixels.
const QUAD: usize = 16;
/// Channels of a row of cells, in quads.
type Lanes = [[u16; QUAD]; FRAME_SIDE / 4];
/// A row of the frame.
type FrameRow = [u8; FRAME_SIDE * 3];

/// The shares of the first and the last four pixels of a window; the four in between are whole.
#[derive(Clone, Copy)]
struct Shares {
    first: [u16; QUAD],
    last: [u16; QUAD],
}

const SHARES: [Shares; FRAME_SIDE] = shares();

/// The same for flat cells, for which only counts matter: the share of the pixel before, whole pixels, the share of the
/// last one.
static HEADS: Lanes = flat_lanes(0);
static WHOLES: Lanes = flat_lanes(1);
static TAILS: Lanes = flat_lanes(2);

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
        let mut after_flat = open & !(open << 1) & !1;
        while after_flat != 0 {
            let cell = after_flat.trailing_zeros() as usize;
            band.fill_column(COLUMNS[cell].first as i32 - 1, band.colour(cell - 1));
            after_flat &= after_flat - 1;
        }
        self.filter_flat_cells::<S::U16>(band);
        let mut flat_after_open = (open << 1) & !open & cells(0, FRAME_SIDE);
        while flat_after_open != 0 {
            let cell = flat_after_open.trailing_zeros() as usize;
            self.set(cell, filter_flat_cell::<S::U16>(band, cell));
            flat_after_open &= flat_after_open - 1;
        }
        let mut left = open;
        while left != 0 {
            let cell = left.trailing_zeros() as usize;
            self.set(cell, filter_cell::<S::U16>(band, cell));
            left &= left - 1;
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
            let parts = share(before, &HEADS[quad]).add(share(own, &TAILS[quad]));
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
        let (tails, rests) = ([tail; QUAD], [UNIT as u16 - tail; QUAD]);
        let reciprocal = V::splat(Axis::VERTICAL.reciprocal);
        let mut bytes_and_one = [0; FRAME_SIDE * 3 + 1];
        for quad in 0..FRAME_SIDE / 4 {
            let last = V::load(&self.lasts[quad]);
            let before = V::load(&self.rests[quad]).add(V::load(&self.sums[quad]));
            let bytes = before.add(share(last, &tails)).mul_high(reciprocal).narrow();
            share(last, &rests).store(&mut self.rests[quad]);
            for (pixel, channels) in bytes.chunks_exact(4).enumerate() {
                // Four bytes are quicker than three; the fourth is overwritten by the next pixel.
                bytes_and_one[12 * quad + 3 * pixel..][..4].copy_from_slice(channels);
            }
        }
        row.copy_from_slice(&bytes_and_one[..FRAME_SIDE * 3]);
    }
}

/// A flat cell after an open one, row by row: only the pixel before it varies.
#[inline(always)]
fn filter_flat_cell<V: U16x16>(band: &Band, cell: usize) -> ([u16; 4], [u16; 4]) {
    let column = COLUMNS[cell];
    let own = [band.colour(cell); 4];
    let own = V::widen(bytes_of_four(&own));
    let whole = own.mul_low(V::splat((column.last - column.first) as u16));
    let own = whole.add(share(own, &[column.tail; QUAD]));
    let first = four_rows_after::<V>(band, cell, own, 0);
    let eight = first.sum_pixels(four_rows_after(band, cell, own, 4));
    // The band's first row is the screen's last, and not among the sums.
    let last = first_pixel(first);
    let ninth = if band.rows() > 8 { first_pixel(four_rows_after::<V>(band, cell, own, 8)) } else { [0; 4] };
    let sums =
        [0, 1, 2, 3].map(|channel| eight[channel] + eight[4 + channel] + ninth[channel] - last[channel]);
    (sums, last)
}

/// Four rows of a flat cell, whose own pixels count `own`.
#[inline(always)]
fn four_rows_after<V: U16x16>(band: &Band, cell: usize, own: V, row: usize) -> V {
    let column = COLUMNS[cell];
    let before = band.four_below(row, column.first as i32 - 1);
    let before = share(V::widen(bytes_of_four(&before)), &[column.head; QUAD]);
    own.add(before).mul_high(V::splat(Axis::HORIZONTAL.reciprocal))
}

#[inline(always)]
fn first_pixel<V: U16x16>(pixels: V) -> [u16; 4] {
    let mut values = [0; QUAD];
    pixels.store(&mut values);
    [values[0], values[1], values[2], values[3]]
}

/// One cell, row by row: the sums of all rows but the last of the screen, and that one.
#[inline(always)]
fn filter_cell<V: U16x16>(band: &Band, cell: usize) -> ([u16; 4], [u16; 4]) {
    const { assert!(MOST_ROWS == 9) };
    let pairs = [
        filter_rows::<V>(band, cell, 0, 1),
        filter_rows::<V>(band, cell, 2, 3),
        filter_rows::<V>(band, cell, 4, 5),
        filter_rows::<V>(band, cell, 6, 7),
    ];
    let ninth = if band.rows() > 8 { filter_rows::<V>(band, cell, 8, 8) } else { [0; 8] };
    // The band's first row is the screen's last, and not among the sums.
    let mut sums = [0; 4];
    for channel in 0..4 {
        sums[channel] = ninth[channel] + pairs[0][4 + channel];
        for pair in &pairs[1..] {
            sums[channel] += pair[channel] + pair[4 + channel];
        }
    }
    (sums, [pairs[0][0], pairs[0][1], pairs[0][2], pairs[0][3]])
}

/// Two rows of a cell: the channels of one, then those of the other.
#[inline(always)]
fn filter_rows<V: U16x16>(band: &Band, cell: usize, one: usize, other: usize) -> [u16; 8] {
    let (shares, x) = (&SHARES[cell], COLUMNS[cell].first as i32 - 1);
    let one = weighted::<V>(band.pixels_from(one, x), shares);
    let other = weighted::<V>(band.pixels_from(other, x), shares);
    let mut values = one.sum_pixels(other);
    for value in &mut values {
        *value = high_product(*value, Axis::HORIZONTAL.reciprocal);
    }
    values
}

/// A row of a cell, its pixels times their shares, added to four.
#[inline(always)]
fn weighted<V: U16x16>(window: &[Pixel; WINDOW], shares: &Shares) -> V {
    let first = share(V::widen(bytes_of_four(window)), &shares.first);
    let whole = V::widen(bytes_of_four(&window[4..]));
    let last = share(V::widen(bytes_of_four(&window[8..])), &shares.last);
    first.add(whole).add(last)
}

/// Shares of channels, in 2^14ths, rounded down.
#[inline(always)]
fn share<V: U16x16>(channels: V, shares: &[u16; QUAD]) -> V {
    channels.quadruple().mul_high(V::load(shares))
}

const fn shares() -> [Shares; FRAME_SIDE] {
    let mut shares = [Shares { first: [0; QUAD], last: [0; QUAD] }; FRAME_SIDE];
    let mut cell = 0;
    while cell < FRAME_SIDE {
        let column = COLUMNS[cell];
        // The window's pixel 0 is the one before the cell, and its pixel `end` the cell's last.
        let end = column.last + 1 - column.first;
        let mut lane = 0;
        while lane < QUAD {
            let pixel = lane / 4;
            shares[cell].first[lane] = if pixel == 0 { column.head } else { UNIT as u16 };
            shares[cell].last[lane] = match WINDOW - 4 + pixel {
                pixel if pixel < end => UNIT as u16,
                pixel if pixel == end => column.tail,
                _ => 0,
            };
            lane += 1;
        }
        cell += 1;
    }
    shares
}

const fn flat_lanes(part: usize) -> Lanes {
    let mut lanes = [[0; QUAD]; FRAME_SIDE / 4];
    let mut lane = 0;
    while lane < FRAME_SIDE * 4 {
        let column = COLUMNS[lane / 4];
        let parts = [column.head, (column.last - column.first) as u16, column.tail];
        lanes[lane / QUAD][lane % QUAD] = parts[part];
        lane += 1;
    }
    lanes
}

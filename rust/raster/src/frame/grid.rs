//! How the frame's grid lies over the screen: 96 columns of cells in 96 bands of rows.
//!
//! A cell is what one byte of the frame (per channel) is made of, borders included: the source pixels after the one that
//! it shares with the cell before, up to the one that it shares with the cell after.

use crate::screen::{FRAME_SIDE, WIDTH};
use crate::smoothscale::{Axis, UNIT};

/// The bytes of a packed colour: red, green, blue, nothing.
pub(super) type Pixel = [u8; 4];

/// The source pixels of a destination pixel along one axis.
#[derive(Clone, Copy)]
pub(super) struct Slice {
    /// The first pixel that counts only here.
    pub(super) first: usize,
    /// The last pixel, which may be shared with the next slice.
    pub(super) last: usize,
    /// The share of the pixel before `first` that counts here, in 2^14ths.
    pub(super) head: u16,
    /// The share of `last` that counts here, in 2^14ths.
    pub(super) tail: u16,
}

/// Rows of the tallest band.
pub(super) const MOST_ROWS: usize = 9;

/// The columns of cells.
pub(super) const COLUMNS: [Slice; FRAME_SIDE] = slices(Axis::HORIZONTAL);
/// The bands of rows, in the screen's rows after the flip.
pub(super) const BANDS: [Slice; FRAME_SIDE] = slices(Axis::VERTICAL);
/// The cell in which each column of pixels lies; what rounding leaves over at the right is in the last.
static CELLS: [u8; TABLE] = cells();
/// More than columns, and a power of two: see [`cell_of`].
const TABLE: usize = WIDTH.next_power_of_two();
/// The band in which each row of the screen lies.
pub(super) const BAND_OF: [u8; crate::screen::HEIGHT] = bands();

const fn slices(axis: Axis) -> [Slice; FRAME_SIDE] {
    let mut slices = [Slice { first: 0, last: 0, head: 0, tail: 0 }; FRAME_SIDE];
    let (mut first, mut head, mut index) = (0, 0, 0);
    while index < FRAME_SIDE {
        let wanted = axis.space - head;
        // A pixel that fits exactly is the last one and is not split.
        let whole = (wanted - 1) / UNIT;
        let tail = wanted - whole * UNIT;
        let last = first + whole as usize;
        slices[index] = Slice { first, last, head: head as u16, tail: tail as u16 };
        (first, head) = (last + 1, UNIT - tail);
        index += 1;
    }
    slices
}

/// The cell in which a column of the screen lies, without a check: others are taken for one that lies on it.
#[inline(always)]
pub(super) fn cell_of(x: i32) -> usize {
    usize::from(CELLS[x as usize % TABLE])
}

const fn cells() -> [u8; TABLE] {
    let mut cells = [0; TABLE];
    let (mut pixel, mut cell) = (0, 0);
    while pixel < TABLE {
        if pixel > COLUMNS[cell].last && cell + 1 < FRAME_SIDE {
            cell += 1;
        }
        cells[pixel] = cell as u8;
        pixel += 1;
    }
    cells
}

const fn bands() -> [u8; crate::screen::HEIGHT] {
    let mut bands = [0; crate::screen::HEIGHT];
    let (mut row, mut band) = (0, 0);
    while row < crate::screen::HEIGHT {
        if row > BANDS[band].last {
            band += 1;
        }
        bands[row] = band as u8;
        row += 1;
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::HEIGHT;

    #[test]
    fn slices_follow_each_other_and_cover_the_screen() {
        for (slices, pixels) in [(COLUMNS, WIDTH), (BANDS, HEIGHT)] {
            assert_eq!((slices[0].first, slices[0].head), (0, 0));
            for pair in slices.windows(2) {
                assert_eq!(pair[1].first, pair[0].last + 1);
                assert_eq!(u32::from(pair[0].tail + pair[1].head), UNIT);
            }
            assert_eq!(slices[FRAME_SIDE - 1].last, pixels - 1);
        }
    }

    #[test]
    fn cells_and_bands_have_the_sizes_that_buffers_are_made_for() {
        let size = |slice: &Slice| slice.last - slice.first + 1;
        assert!(COLUMNS.iter().all(|column| (10..=11).contains(&size(column))));
        assert!(BANDS.iter().all(|band| (8..=MOST_ROWS).contains(&size(band))));
    }

    #[test]
    fn the_strip_of_indicators_begins_with_a_band() {
        assert_eq!(BANDS[84].first, 700);
    }
}

//! One band of the screen: cells of a single colour, and pixels where there are several.

use super::grid::{COLUMNS, MOST_ROWS, Pixel, cell_of};
use crate::screen::{FRAME_SIDE, WIDTH};

/// Pixels at either side of a row that are written and never shown: runs are filled in steps, and the window of the
/// first cell begins a pixel before it.
const MARGIN: usize = 8;
/// Pixels that are filled at once.
pub(super) const STEP: usize = 8;
/// From a pixel to the one in the next row. Not a power of two: nine rows of a cell would compete for one set of the
/// cache.
pub(super) const STRIDE: usize = MARGIN + WIDTH + MARGIN;
/// Rows above, which a sloped line may write when one of its two pixels lies in the next band.
const APRON: usize = 1;
/// Rows below: the same, and the step after a line's last one, which is written with it.
const HEM: usize = 2;
/// Pixels of all rows, and as many places as a power of two: see [`place`].
const PLACES: usize = ((APRON + MOST_ROWS + HEM) * STRIDE).next_power_of_two();
/// Pixels that are read or written from one place on: those of all rows of a cell.
const PIXELS: usize = PLACES + MOST_ROWS * STRIDE;
/// Pixels from the one before a cell's first to the window's last one in the tallest band's last row.
pub(super) const ROWS_OF_CELL: usize = (MOST_ROWS - 1) * STRIDE + 12;

/// A set of cells of a band, a bit each.
pub(super) type Cells = u128;

/// Cells from one to another, which is excluded.
pub(super) type Range = (usize, usize);

/// The cells before each one, half a set each.
static BEFORE: [[u64; 2]; COLOURS] = before();

const fn before() -> [[u64; 2]; COLOURS] {
    let mut before = [[0; 2]; COLOURS];
    let mut cell = 0;
    while cell < COLOURS {
        let cells: Cells = (1 << cell) - 1;
        before[cell] = [cells as u64, (cells >> 64) as u64];
        cell += 1;
    }
    before
}

/// The cells of a set, from the first to the last. Half of a set at a time: 128 bits are two registers, and take four
/// times as many instructions.
pub(super) struct CellQueue {
    bits: u64,
    first: usize,
    later: u64,
}

impl CellQueue {
    #[inline(always)]
    pub(super) fn new(cells: Cells) -> Self {
        Self { bits: cells as u64, first: 0, later: (cells >> 64) as u64 & (!0 >> (128 - FRAME_SIDE)) }
    }

    /// The next cell.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<usize> {
        if self.bits == 0 {
            if self.later == 0 {
                return None;
            }
            (self.bits, self.first, self.later) = (self.later, 64, 0);
        }
        let cell = self.first + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(cell)
    }
}

const COLOURS: usize = 128;

/// Where to fill the first row of each cell: two steps that overlap, and cover its 10 or 11 pixels.
static FILLED: [[u16; 2]; COLOURS] = filled();

const fn filled() -> [[u16; 2]; COLOURS] {
    let mut places = [[0; 2]; COLOURS];
    let mut cell = 0;
    while cell < FRAME_SIDE {
        let row = APRON * STRIDE + MARGIN;
        places[cell] = [(row + COLUMNS[cell].first) as u16, (row + COLUMNS[cell].last + 1 - STEP) as u16];
        cell += 1;
    }
    places
}

/// In an open cell's colour, packed: in its fourth byte, which is 0 in colours, and never shown.
const OPEN: u32 = 1 << 24;

/// The cells and pixels of a band that is being painted.
///
/// A cell is flat, and has a colour, or open, and has pixels. What lies in the pixels of a flat cell is left over and
/// means nothing; painting may write there.
pub(super) struct Band {
    /// Of a size that the compiler knows: it finds most places in range.
    pub(super) pixels: Box<[Pixel; PIXELS]>,
    /// The colour of a cell comes after that of the one before; something black is before the first. There are more than
    /// cells, so that the compiler finds every place in range.
    colours: [Pixel; COLOURS],
    /// The open cells, from the lowest bit of the first number on.
    open: [u64; 2],
    rows: usize,
}

impl Band {
    pub(super) fn new() -> Self {
        Self { pixels: Box::new([[0; 4]; PIXELS]), colours: [[0; 4]; COLOURS], open: [0; 2], rows: MOST_ROWS }
    }

    /// Begins a band of some rows, all of one colour.
    #[inline(always)]
    pub(super) fn clear(&mut self, rows: usize, colour: Pixel) {
        self.colours[1..=FRAME_SIDE].fill(colour);
        self.open = [0; 2];
        self.rows = rows;
    }

    #[inline(always)]
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The cells that have pixels.
    pub(super) fn open_cells(&self) -> Cells {
        Cells::from(self.open[0]) | Cells::from(self.open[1]) << 64
    }

    /// The colour of a flat cell.
    #[inline(always)]
    pub(super) fn colour(&self, cell: usize) -> Pixel {
        self.colours[(1 + cell) % COLOURS]
    }

    /// The colours of four cells as bytes, counted from the one before the first cell, which is black.
    #[inline(always)]
    pub(super) fn four_colours(&self, from: usize) -> &[u8; 16] {
        bytes_of_four(&self.colours[from..])
    }

    /// The pixels from the one before a cell's first, in all rows, [`STRIDE`] from row to row; those of rows beyond the
    /// band mean nothing.
    #[inline(always)]
    pub(super) fn rows_of(&self, cell: usize) -> &[Pixel; ROWS_OF_CELL] {
        let start = place(0, COLUMNS[cell].first as i32 - 1);
        self.pixels[start..].first_chunk().expect("there are that many after every place")
    }

    /// Opens the cells from a column to another, both included, so that something can be painted there: but not `covered`
    /// ones, nor those that have its colour, which nothing painted in this colour changes.
    #[inline(always)]
    pub(super) fn open(&mut self, left: i32, right: i32, covered: Range, colour: Pixel) {
        let (first, end) = (cell_of(left), cell_of(right) + 1);
        self.open_cells_of((first, end.min(covered.0)), colour);
        self.open_cells_of((first.max(covered.1), end), colour);
    }

    #[inline(always)]
    fn open_cells_of(&mut self, (from, to): Range, colour: Pixel) {
        let colour = u32::from_le_bytes(colour);
        let mut cell = from;
        while cell < to {
            // As numbers: of bytes the compiler would fill pixels one by one.
            let flat = u32::from_le_bytes(self.colour(cell));
            if flat != colour && flat < OPEN {
                self.fill_cell(cell, flat.to_le_bytes());
                self.colours[(1 + cell) % COLOURS] = (flat | OPEN).to_le_bytes();
                self.open[cell / 64 % 2] |= 1 << (cell % 64);
            }
            cell += 1;
        }
    }

    /// Fills the pixels of a flat cell with its colour, in the tallest band's rows: what is too much lies in the apron.
    #[inline(always)]
    fn fill_cell(&mut self, cell: usize, colour: Pixel) {
        // Steps of constant size are quicker than one that fits.
        for place in FILLED[cell % COLOURS] {
            let rows: &mut [Pixel; (MOST_ROWS - 1) * STRIDE + STEP] = self.pixels
                [usize::from(place) % PLACES..]
                .first_chunk_mut()
                .expect("there are that many after every place");
            for row in 0..MOST_ROWS {
                rows[row * STRIDE..row * STRIDE + STEP].fill(colour);
            }
        }
    }

    /// Sets a column of pixels in all rows.
    #[inline(always)]
    pub(super) fn fill_column(&mut self, x: i32, colour: Pixel) {
        let rows: &mut [Pixel; (MOST_ROWS - 1) * STRIDE + 1] =
            self.pixels[place(0, x)..].first_chunk_mut().expect("there are that many after every place");
        for row in 0..MOST_ROWS {
            rows[row * STRIDE] = colour;
        }
    }

    /// Makes some cells flat.
    #[inline(always)]
    pub(super) fn flatten(&mut self, range: Range, colour: Pixel) {
        self.colours[1 + range.0..1 + range.1].fill(colour);
        let (before, within) = (&BEFORE[range.0 % COLOURS], &BEFORE[range.1 % COLOURS]);
        for half in 0..2 {
            self.open[half] &= before[half] | !within[half];
        }
    }

    /// Some pixels of a row.
    pub(super) fn pixels_mut(&mut self, row: i32, left: i32, count: usize) -> &mut [Pixel] {
        &mut self.pixels[place(row, left)..][..count]
    }

    /// Sets a pixel.
    #[inline(always)]
    pub(super) fn set(&mut self, row: i32, x: i32, colour: Pixel) {
        self.pixels[place(row, x)] = colour;
    }
}

/// The first four pixels of some as bytes.
#[inline(always)]
pub(super) fn bytes_of_four(pixels: &[Pixel]) -> &[u8; 16] {
    pixels.as_flattened().first_chunk().expect("at least four pixels")
}

/// Where a pixel lies; rows from -1 to the band's number of them, and one more.
#[inline(always)]
pub(super) fn place(row: i32, x: i32) -> usize {
    within((row + APRON as i32) * STRIDE as i32 + MARGIN as i32 + x)
}

/// A place, unchecked: there are a power of two, so that all of a number's lower bits are one, and the compiler leaves out
/// what would ask whether it is. Numbers beyond would be taken for others; only a mistake makes them.
#[inline(always)]
pub(super) fn within(place: i32) -> usize {
    debug_assert!((0..PLACES as i32).contains(&place), "places lie in 0..{PLACES}, got {place}");
    place as usize % PLACES
}

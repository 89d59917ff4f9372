//! One band of the screen: cells of a single colour, and pixels where there are several.

use super::brush::{Brush, Side};
use super::grid::{CELL_OF, COLUMNS, MOST_ROWS, Pixel};
use crate::screen::{FRAME_SIDE, Point, WIDTH};
use crate::stroke::Sloped;

/// Pixels at either side of a row that are written and never shown: runs are filled in steps, and the window of the
/// first cell begins a pixel before it.
const MARGIN: usize = 8;
/// Pixels that are filled at once.
pub(super) const STEP: usize = 8;
/// From a pixel to the one in the next row. Not a power of two: nine rows of a cell would compete for one set of the
/// cache.
pub(super) const STRIDE: usize = MARGIN + WIDTH + MARGIN;
/// Rows above and below, which a sloped line may write when one of its two pixels lies in the next band.
const APRON: usize = 1;
/// Pixels of all rows.
const PIXELS: usize = (APRON + MOST_ROWS + APRON) * STRIDE;
/// Pixels from the one before a cell's first to the window's last one in the tallest band's last row.
pub(super) const ROWS_OF_CELL: usize = (MOST_ROWS - 1) * STRIDE + 12;

/// A set of cells of a band, a bit each.
pub(super) type Cells = u128;

/// The cells before each one; before numbers that no cell has, all. There are as many as bytes, and one after them: so no
/// place needs to be checked.
static BEFORE: [Cells; 257] = before();

const fn before() -> [Cells; 257] {
    let mut before = [0; 257];
    let mut cell = 0;
    while cell < 256 {
        before[cell + 1] = if cell < FRAME_SIDE { before[cell] | 1 << cell } else { before[cell] };
        cell += 1;
    }
    before
}

/// The cells from one to another, which is excluded.
#[inline(always)]
pub(super) fn cells(from: usize, to: usize) -> Cells {
    BEFORE[to] & !BEFORE[from]
}

/// The cells and pixels of a band that is being painted.
///
/// A cell is flat, and has a colour, or open, and has pixels. What lies in the pixels of a flat cell is left over and
/// means nothing; painting may write there.
pub(super) struct Band {
    /// Of a size that the compiler knows: it finds most places in range.
    pub(super) pixels: Box<[Pixel; PIXELS]>,
    /// The colour of a cell comes after that of the one before; something black is before the first.
    colours: [Pixel; 1 + FRAME_SIDE],
    open: Cells,
    rows: usize,
}

impl Band {
    pub(super) fn new() -> Self {
        Self {
            pixels: Box::new([[0; 4]; PIXELS]),
            colours: [[0; 4]; 1 + FRAME_SIDE],
            open: 0,
            rows: MOST_ROWS,
        }
    }

    /// Begins a black band of some rows.
    #[inline(always)]
    pub(super) fn clear(&mut self, rows: usize) {
        self.colours = [[0; 4]; 1 + FRAME_SIDE];
        self.open = 0;
        self.rows = rows;
    }

    #[inline(always)]
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The cells that have pixels.
    pub(super) fn open_cells(&self) -> Cells {
        self.open
    }

    /// The colour of a cell; that of an open one means nothing.
    pub(super) fn colour(&self, cell: usize) -> Pixel {
        self.colours[1 + cell]
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
        self.pixels[start..].first_chunk().expect("the margins and the apron cover all windows")
    }

    /// Opens the cells from a column to another, both included, so that something can be painted there: but not those
    /// of the set `covered`, nor those that have its colour, which nothing painted in this colour changes.
    #[inline(always)]
    pub(super) fn open(&mut self, left: i32, right: i32, covered: Cells, colour: Pixel) {
        let touched = cells(usize::from(CELL_OF[left as usize]), usize::from(CELL_OF[right as usize]) + 1);
        let mut flat = touched & !covered & !self.open;
        while flat != 0 {
            let cell = flat.trailing_zeros() as usize;
            flat &= flat - 1;
            if self.colour(cell) != colour {
                self.open |= 1 << cell;
                self.fill_cell(cell);
            }
        }
    }

    /// Fills the pixels of a flat cell with its colour, in the tallest band's rows: what is too much lies in the apron.
    #[inline(always)]
    fn fill_cell(&mut self, cell: usize) {
        let (column, colour) = (COLUMNS[cell], self.colour(cell));
        // A cell has 10 or 11 pixels: two steps that overlap, of constant size, are quicker than one that fits.
        for x in [column.first, column.last + 1 - STEP] {
            let rows: &mut [Pixel; (MOST_ROWS - 1) * STRIDE + STEP] = self.pixels[place(0, x as i32)..]
                .first_chunk_mut()
                .expect("the pixels have room for all rows and the margin");
            for row in 0..MOST_ROWS {
                rows[row * STRIDE..row * STRIDE + STEP].fill(colour);
            }
        }
    }

    /// Sets a column of pixels in all rows.
    #[inline(always)]
    pub(super) fn fill_column(&mut self, x: i32, colour: Pixel) {
        let rows: &mut [Pixel; (MOST_ROWS - 1) * STRIDE + 1] =
            self.pixels[place(0, x)..].first_chunk_mut().expect("the margins cover all columns");
        for row in 0..MOST_ROWS {
            rows[row * STRIDE] = colour;
        }
    }

    /// Makes cells flat, from one to another, which is excluded.
    #[inline(always)]
    pub(super) fn flatten(&mut self, from: usize, to: usize, colour: Pixel) {
        self.colours[1 + from..1 + to].fill(colour);
        self.open &= !cells(from, to);
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

    /// Mixes a colour into both pixels of some steps of a line whose upper end lies at `top`, in the band's rows.
    #[inline(always)]
    pub(super) fn blend_steps(&mut self, line: &Sloped, top: Point, first: i32, last: i32, brush: Brush) {
        let (along, across) =
            if line.steep { (STRIDE as i32, line.direction) } else { (line.direction, STRIDE as i32) };
        let mut start = place(top.y, top.x) as i32 + first * along;
        let mut position = first as u32 * line.slope;
        for _ in first..=last {
            let near = (start + (position >> 16) as i32 * across) as usize;
            let far = near.wrapping_add_signed(across as isize);
            let pair = brush.pair([self.pixels[near], self.pixels[far]], position);
            [self.pixels[near], self.pixels[far]] = pair;
            start += along;
            position += line.slope;
        }
    }

    /// Mixes a colour into some pixels of a row, from column `left` on; the line's position there, and by how much it
    /// advances from a pixel to the next.
    #[inline(always)]
    pub(super) fn blend_run(
        &mut self,
        row: i32,
        left: i32,
        count: i32,
        mut position: u32,
        slope: u32,
        (brush, side): (Brush, Side),
    ) {
        let start = place(row, left);
        let mut done = 0;
        while done < count {
            let four =
                self.pixels[start + done as usize..].first_chunk_mut().expect("the margin has four pixels");
            brush.four(four, count - done, position, slope, side);
            position = position.wrapping_add(slope.wrapping_mul(4));
            done += 4;
        }
    }
}

/// The first four pixels of some as bytes.
#[inline(always)]
pub(super) fn bytes_of_four(pixels: &[Pixel]) -> &[u8; 16] {
    pixels.as_flattened().first_chunk().expect("at least four pixels")
}

/// Where a pixel lies; rows from -1 to the band's number of them.
#[inline(always)]
pub(super) fn place(row: i32, x: i32) -> usize {
    ((row + APRON as i32) * STRIDE as i32 + MARGIN as i32 + x) as usize
}

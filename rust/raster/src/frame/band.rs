//! One band of the screen: cells of a single colour, and pixels where there are several.

use super::brush::{Brush, Side};
use super::grid::{CELL_OF, COLUMNS, MOST_ROWS, Pixel};
use crate::screen::{FRAME_SIDE, Point, WIDTH};
use crate::stroke::Sloped;

/// Pixels at either side of a row that are written and never shown: runs are filled in steps, and the window of the
/// first cell begins a pixel before it.
const MARGIN: usize = 8;
/// Pixels that are filled at once.
const STEP: usize = 8;
/// From a pixel to the one in the next row. Not a power of two: nine rows of a cell would compete for one set of the
/// cache.
const STRIDE: usize = MARGIN + WIDTH + MARGIN;
/// Rows above and below. A sloped line may write the nearest, when one of its two pixels lies in the next band; columns
/// of four pixels are read from any row.
const APRON: usize = 3;

/// A set of cells of a band, a bit each.
pub(super) type Cells = u128;

/// The cells before each one.
static BEFORE: [Cells; FRAME_SIDE + 1] = before();

const fn before() -> [Cells; FRAME_SIDE + 1] {
    let mut before = [0; FRAME_SIDE + 1];
    let mut cell = 0;
    while cell < FRAME_SIDE {
        before[cell + 1] = before[cell] | 1 << cell;
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
    pixels: Vec<Pixel>,
    /// The colour of a cell comes after that of the one before; something black is before the first.
    colours: [Pixel; 1 + FRAME_SIDE],
    open: Cells,
    rows: usize,
}

impl Band {
    pub(super) fn new() -> Self {
        let pixels = vec![[0; 4]; (APRON + MOST_ROWS + APRON) * STRIDE];
        Self { pixels, colours: [[0; 4]; 1 + FRAME_SIDE], open: 0, rows: MOST_ROWS }
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

    /// The pixels of a row from a column on; column -1 and those right of the screen are readable.
    #[inline(always)]
    pub(super) fn pixels_from<const COUNT: usize>(&self, row: usize, x: i32) -> &[Pixel; COUNT] {
        self.pixels[place(row as i32, x)..].first_chunk().expect("the margins cover all windows")
    }

    /// A column of four pixels from a row on; those of rows beyond the band mean nothing.
    #[inline(always)]
    pub(super) fn four_below(&self, row: usize, x: i32) -> [Pixel; 4] {
        let start = place(row as i32, x);
        [0, 1, 2, 3].map(|below| self.pixels[start + below * STRIDE])
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
        for row in 0..MOST_ROWS {
            self.set(row as i32, x, colour);
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
        let mut start = (top.y + APRON as i32) * STRIDE as i32 + MARGIN as i32 + top.x + first * along;
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

    /// Sets the pixels from a column to another, both included.
    #[inline(always)]
    pub(super) fn fill(&mut self, row: i32, left: i32, right: i32, colour: Pixel) {
        if left <= right {
            self.pixels[place(row, left)..=place(row, right)].fill(colour);
        }
    }

    /// Sets the pixels from each row's `left`, of which `least` is the least, up to `start`, which is excluded.
    ///
    /// The pixels from `start` to `end` belong to cells that become flat: some of them are written, too, so that all
    /// rows take the same number of steps. Loops of different lengths are mispredicted, and cost more.
    #[inline(always)]
    pub(super) fn fill_up_to(&mut self, left: &[i32], least: i32, start: i32, end: i32, colour: Pixel) {
        let steps = (start - least + STEP as i32 - 1) / STEP as i32;
        if steps * STEP as i32 > end - start {
            for (row, &left) in (0..).zip(&left[..self.rows]) {
                self.fill(row, left, start - 1, colour);
            }
            return;
        }
        for (row, &left) in (0..).zip(&left[..self.rows]) {
            for step in 0..steps {
                let from = place(row, left + step * STEP as i32);
                self.pixels[from..from + STEP].fill(colour);
            }
        }
    }

    /// Sets the pixels from each row's `right`, of which `most` is the greatest, down to `end`, which is excluded; and
    /// some from there to `start`.
    #[inline(always)]
    pub(super) fn fill_down_to(&mut self, right: &[i32], most: i32, end: i32, start: i32, colour: Pixel) {
        let steps = (most - end + STEP as i32 - 1) / STEP as i32;
        if steps * STEP as i32 > end - start {
            for (row, &right) in (0..).zip(&right[..self.rows]) {
                self.fill(row, end + 1, right, colour);
            }
            return;
        }
        for (row, &right) in (0..).zip(&right[..self.rows]) {
            for step in 0..steps {
                let to = place(row, right - step * STEP as i32) + 1;
                self.pixels[to - STEP..to].fill(colour);
            }
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
fn place(row: i32, x: i32) -> usize {
    ((row + APRON as i32) * STRIDE as i32 + MARGIN as i32 + x) as usize
}

//! Fills parts of a band's rows: in steps of a size that the compiler knows, some of which are stores of a register.

use super::band::{Band, STEP, STRIDE, place};
use super::grid::Pixel;

impl Band {
    /// Sets the pixels from a column to another, both included.
    #[inline(always)]
    pub(super) fn fill(&mut self, row: i32, left: i32, right: i32, colour: Pixel) {
        if left > right {
            return;
        }
        let pixels = &mut self.pixels[place(row, left)..=place(row, right)];
        let count = pixels.len();
        if count < STEP {
            pixels.iter_mut().for_each(|pixel| *pixel = colour);
            return;
        }
        // In steps of constant size, the last of which may overlap the one before.
        let mut start = 0;
        while start + STEP < count {
            pixels[start..start + STEP].fill(colour);
            start += STEP;
        }
        pixels[count - STEP..].fill(colour);
    }

    /// Sets the pixels from each row's `left`, of which `least` is the least, up to `start`, which is excluded.
    ///
    /// The pixels from `start` to `end` belong to cells that become flat: some of them are written, too, so that all
    /// rows take the same number of steps. Loops of different lengths are mispredicted, and cost more.
    #[inline(always)]
    pub(super) fn fill_up_to(&mut self, left: &[i32], least: i32, start: i32, end: i32, colour: Pixel) {
        let steps = (start - least + STEP as i32 - 1) / STEP as i32;
        if steps * STEP as i32 > end - start {
            for (row, &left) in (0..).zip(&left[..self.rows()]) {
                self.fill(row, left, start - 1, colour);
            }
            return;
        }
        match steps {
            ..=0 => {}
            1 => self.fill_from::<STEP>(left, 0, colour),
            2 => self.fill_from::<{ 2 * STEP }>(left, 0, colour),
            3 => self.fill_from::<{ 3 * STEP }>(left, 0, colour),
            _ => {
                for step in 0..steps {
                    self.fill_from::<STEP>(left, step * STEP as i32, colour);
                }
            }
        }
    }

    /// Sets the pixels from each row's `right`, of which `most` is the greatest, down to `end`, which is excluded; and
    /// some from there to `start`.
    #[inline(always)]
    pub(super) fn fill_down_to(&mut self, right: &[i32], most: i32, end: i32, start: i32, colour: Pixel) {
        let steps = (most - end + STEP as i32 - 1) / STEP as i32;
        if steps * STEP as i32 > end - start {
            for (row, &right) in (0..).zip(&right[..self.rows()]) {
                self.fill(row, end + 1, right, colour);
            }
            return;
        }
        let step = STEP as i32;
        match steps {
            ..=0 => {}
            1 => self.fill_from::<STEP>(right, 1 - step, colour),
            2 => self.fill_from::<{ 2 * STEP }>(right, 1 - 2 * step, colour),
            3 => self.fill_from::<{ 3 * STEP }>(right, 1 - 3 * step, colour),
            _ => {
                for back in 1..=steps {
                    self.fill_from::<STEP>(right, 1 - back * step, colour);
                }
            }
        }
    }

    /// Sets some pixels of each row, from a column that lies `shift` right of the row's own.
    #[inline(always)]
    fn fill_from<const COUNT: usize>(&mut self, columns: &[i32], shift: i32, colour: Pixel) {
        let mut start = place(0, shift);
        for &column in &columns[..self.rows()] {
            let run: &mut [Pixel; COUNT] = self.pixels[start.wrapping_add_signed(column as isize)..]
                .first_chunk_mut()
                .expect("cells that are filled, and the margin, have room for all steps");
            run.fill(colour);
            start += STRIDE;
        }
    }
}

//! Fills parts of a band's rows: in steps of a size that the compiler knows, some of which are stores of a register.

use super::band::{Band, STEP, place, within};
use super::grid::Pixel;

impl Band {
    /// Sets the pixels from a column to another, both included.
    #[inline(always)]
    pub(super) fn fill(&mut self, row: i32, left: i32, right: i32, colour: Pixel) {
        if left > right {
            return;
        }
        let (start, count) = (place(row, left) as i32, right - left + 1);
        if count >= STEP as i32 {
            // In steps of constant size, the last of which may overlap the one before.
            let mut done = STEP as i32;
            while done < count {
                self.fill_step::<STEP>(start + done - STEP as i32, colour);
                done += STEP as i32;
            }
            self.fill_step::<STEP>(start + count - STEP as i32, colour);
        } else if count >= STEP as i32 / 2 {
            self.fill_step::<{ STEP / 2 }>(start, colour);
            self.fill_step::<{ STEP / 2 }>(start + count - STEP as i32 / 2, colour);
        } else {
            // Three at most: the first, the last, and what is between them.
            for place in [start, start + count / 2, start + count - 1] {
                self.fill_step::<1>(place, colour);
            }
        }
    }

    /// Sets some pixels of a row.
    #[inline(always)]
    fn fill_step<const COUNT: usize>(&mut self, place: i32, colour: Pixel) {
        let step: &mut [Pixel; COUNT] =
            self.pixels[within(place)..].first_chunk_mut().expect("there are that many after every place");
        step.fill(colour);
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
        for (row, &column) in (0..).zip(&columns[..self.rows()]) {
            self.fill_step::<COUNT>(place(row, column + shift) as i32, colour);
        }
    }
}

//! Mixes a line's colour into a band's pixels: two steps at once, or four pixels of a row.
//!
//! Each step of a line has a row of its own if it is steep, otherwise a column: so no two steps share a pixel, and their
//! pixels may be read together and written together. Numbers hold two pixels as they lie in memory.

use super::band::{Band, STRIDE, place, within};
use super::brush::{Brush, PIXELS, STEPS, Side};
use crate::screen::Point;
use crate::stroke::Sloped;
use lane_math::lanes::U16x16;

impl Band {
    /// Mixes a colour into both pixels of some steps of a steep line, which lie side by side. The line's upper end lies at
    /// `top`, in the band's rows. The row after the last step's is written, too, and stays what it is.
    #[inline(always)]
    pub(super) fn blend_steep<V: U16x16>(
        &mut self,
        line: &Sloped,
        top: Point,
        (first, last): (i32, i32),
        brush: Brush<V>,
    ) {
        let far_first = line.direction < 0;
        // Of a line to the left the far pixel comes first: one column and as many as the line has advanced left of its end,
        // which is the complement of the position, rounded down to whole pixels.
        let start = top.x + (top.y + first) * STRIDE as i32;
        let position = first as u32 * line.slope;
        let (mut across, slope) = if far_first {
            (!position as i32, -(line.slope as i32))
        } else {
            (position as i32, line.slope as i32)
        };
        let (mut step, mut start) = (first, start);
        while step <= last {
            let alphas = Brush::<V>::pairs(step as u32 * line.slope, line.slope, last + 1 - step, far_first);
            let end = last.min(step + STEPS - 1);
            for alphas in alphas.as_chunks().0 {
                if step > end {
                    break;
                }
                let one = place(0, start + (across >> 16));
                let other = place(1, start + ((across + slope) >> 16));
                let mixed = brush.mixed([self.two(one), self.two(other)], alphas);
                self.set_two(one, mixed[0]);
                self.set_two(other, mixed[1]);
                (start, across, step) = (start + 2 * STRIDE as i32, across + 2 * slope, step + 2);
            }
        }
    }

    /// The same of a line that is not steep: the pixels of a step lie one above the other. The column after the last
    /// step's is written, too, and stays what it is.
    #[inline(always)]
    pub(super) fn blend_columns<V: U16x16>(
        &mut self,
        line: &Sloped,
        top: Point,
        (first, last): (i32, i32),
        brush: Brush<V>,
    ) {
        let mut start = top.x + first * line.direction + top.y * STRIDE as i32;
        let mut position = first as u32 * line.slope;
        let mut step = first;
        while step <= last {
            let alphas = Brush::<V>::pairs(position, line.slope, last + 1 - step, false);
            let end = last.min(step + STEPS - 1);
            for alphas in alphas.as_chunks().0 {
                if step > end {
                    break;
                }
                let next = position + line.slope;
                let one = place((position >> 16) as i32, start);
                let other = place((next >> 16) as i32, start + line.direction);
                let mixed = brush.mixed([self.two_rows(one), self.two_rows(other)], alphas);
                self.set_two_rows(one, mixed[0]);
                self.set_two_rows(other, mixed[1]);
                (start, position, step) = (start + 2 * line.direction, next + line.slope, step + 2);
            }
        }
    }

    /// Mixes a colour into some pixels of a row, from column `left` on; the line's position there, and by how much it
    /// advances from a pixel to the next. Up to three pixels more are written, and stay what they are.
    #[inline(always)]
    pub(super) fn blend_run<V: U16x16>(
        &mut self,
        (row, left, count): (i32, i32, i32),
        mut position: u32,
        slope: u32,
        (brush, side): (Brush<V>, Side),
    ) {
        let (start, mut done) = (place(row, left) as i32, 0);
        while done < count {
            let alphas = Brush::<V>::run(position, slope, count - done, side);
            let end = count.min(done + PIXELS);
            for alphas in alphas.as_chunks().0 {
                if done >= end {
                    break;
                }
                let place = within(start + done);
                let mixed = brush.mixed([self.two(place), self.two(place + 2)], alphas);
                self.set_two(place, mixed[0]);
                self.set_two(place + 2, mixed[1]);
                done += 4;
            }
            position = position.wrapping_add(slope.wrapping_mul(PIXELS as u32));
        }
    }

    /// Two pixels of a row.
    #[inline(always)]
    fn two(&self, place: usize) -> u64 {
        u64::from_le_bytes(
            *self.pixels[place..]
                .as_flattened()
                .first_chunk()
                .expect("there are that many after every place"),
        )
    }

    #[inline(always)]
    fn set_two(&mut self, place: usize, pixels: u64) {
        let bytes = self.pixels[place..].as_flattened_mut().first_chunk_mut();
        *bytes.expect("there are that many after every place") = pixels.to_le_bytes();
    }

    /// A pixel and the one below.
    #[inline(always)]
    fn two_rows(&self, place: usize) -> u64 {
        let [above, below] = [place, place + STRIDE].map(|place| u32::from_le_bytes(self.pixels[place]));
        u64::from(above) | u64::from(below) << 32
    }

    #[inline(always)]
    fn set_two_rows(&mut self, place: usize, pixels: u64) {
        self.pixels[place] = (pixels as u32).to_le_bytes();
        self.pixels[place + STRIDE] = ((pixels >> 32) as u32).to_le_bytes();
    }
}

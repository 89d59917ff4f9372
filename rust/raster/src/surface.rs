//! The whole screen as pixels, for the reference renderer.

use crate::screen::{BOTTOM, Colour, HEIGHT, RIGHT, WIDTH, unpacked};

/// A screen of 1000 x 800 packed pixels, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surface {
    pixels: Vec<u32>,
}

impl Surface {
    /// A black screen.
    pub(crate) fn new() -> Self {
        Self { pixels: vec![0; WIDTH * HEIGHT] }
    }

    /// The colour of a pixel.
    ///
    /// # Panics
    ///
    /// If the pixel lies outside.
    #[must_use]
    pub fn colour(&self, x: usize, y: usize) -> Colour {
        assert!(x < WIDTH, "x lies in 0..{WIDTH}, got {x}");
        unpacked(self.pixels[y * WIDTH + x])
    }

    /// A row of packed pixels.
    pub(crate) fn row(&self, y: usize) -> &[u32] {
        &self.pixels[y * WIDTH..][..WIDTH]
    }

    /// Sets a pixel; nothing if it lies outside.
    pub(crate) fn set(&mut self, x: i32, y: i32, colour: u32) {
        self.span(y, x, x, colour);
    }

    /// Mixes `alpha / 256` of a colour into a pixel; nothing if it lies outside.
    pub(crate) fn blend(&mut self, x: i32, y: i32, colour: u32, alpha: u32) {
        if (0..=RIGHT).contains(&x) && (0..=BOTTOM).contains(&y) {
            let pixel = &mut self.pixels[y as usize * WIDTH + x as usize];
            *pixel = mixed(*pixel, colour, alpha);
        }
    }

    /// Sets the pixels from one column to another, both included, in whichever order they come.
    pub(crate) fn span(&mut self, y: i32, one: i32, other: i32, colour: u32) {
        let (left, right) = (one.min(other).max(0), one.max(other).min(RIGHT));
        if left <= right && (0..=BOTTOM).contains(&y) {
            self.pixels[y as usize * WIDTH..][left as usize..=right as usize].fill(colour);
        }
    }

    /// Turns the screen upside down.
    pub(crate) fn flip(&mut self) {
        for y in 0..HEIGHT / 2 {
            let (above, below) = self.pixels.split_at_mut((HEIGHT - 1 - y) * WIDTH);
            above[y * WIDTH..][..WIDTH].swap_with_slice(&mut below[..WIDTH]);
        }
    }
}

/// `below + ((above - below) * alpha >> 8)` in each channel, rounded down.
///
/// Written without negative numbers, for two channels at once: `(below * (256 - alpha) + above * alpha) >> 8` is the
/// same and fits 16 bits.
pub(crate) const fn mixed(below: u32, above: u32, alpha: u32) -> u32 {
    const OUTER: u32 = 0x00ff_00ff; // red and blue
    const INNER: u32 = 0x0000_ff00; // green
    let keep = 256 - alpha;
    let outer = ((below & OUTER) * keep + (above & OUTER) * alpha) >> 8;
    let inner = ((below & INNER) * keep + (above & INNER) * alpha) >> 8;
    (outer & OUTER) | (inner & INNER)
}

#[cfg(test)]
mod tests {
    use super::mixed;
    use crate::screen::packed;

    #[test]
    fn mixing_is_pygames_arithmetic_in_every_channel() {
        let once = |below: i32, above: i32, alpha: i32| below + (((above - below) * alpha) >> 8);
        for below in 0..256 {
            for above in (0..256).step_by(3) {
                for alpha in [0, 1, 2, 63, 127, 128, 200, 253, 254] {
                    let swapped = once(above, below, alpha) as u8;
                    let expected =
                        packed([once(below, above, alpha) as u8, swapped, once(below, above, alpha) as u8]);
                    let [below, above] = [below as u8, above as u8];
                    let pixel =
                        mixed(packed([below, above, below]), packed([above, below, above]), alpha as u32);
                    assert_eq!(pixel, expected, "{below} {above} {alpha}");
                }
            }
        }
    }
}

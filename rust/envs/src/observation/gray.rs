//! `GrayscaleObservation`: luminance in float64, then cut off to a byte.

use super::COLOURS;

/// The weights of red, green and blue.
const LUMINANCE: [f64; COLOURS] = [0.2125, 0.7154, 0.0721];

/// Writes the luminance of each pixel, three bytes, of `colours`.
///
/// The sum is taken from red to blue, as NumPy takes it; where it should be a whole number, its rounding decides which
/// one is left.
pub(super) fn write_luminance(colours: &[u8], luminance: &mut [u8]) {
    for (gray, pixel) in luminance.iter_mut().zip(colours.chunks_exact(COLOURS)) {
        let [red, green, blue] = [0, 1, 2].map(|colour| f64::from(pixel[colour]) * LUMINANCE[colour]);
        *gray = (red + green + blue) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of the luminance times the colour's number over all 2^24 colours, modulo 2^64, as NumPy 2.4.6 has it.
    const NUMPY_HASH: u64 = 19_166_455_474_113_143;

    #[test]
    fn every_colour_has_numpy_s_luminance() {
        let mut hash = 0_u64;
        for red in 0..=255_u8 {
            for green in 0..=255_u8 {
                let row: Vec<u8> = (0..=255).flat_map(|blue| [red, green, blue]).collect();
                let mut luminance = [0; 256];
                write_luminance(&row, &mut luminance);
                for (blue, gray) in luminance.into_iter().enumerate() {
                    let colour = (u64::from(red) << 16) + (u64::from(green) << 8) + blue as u64;
                    hash = hash.wrapping_add((colour + 1).wrapping_mul(u64::from(gray)));
                }
            }
        }
        assert_eq!(hash, NUMPY_HASH);
    }
}

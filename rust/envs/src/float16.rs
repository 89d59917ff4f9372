//! NumPy's float16, in which references compute with actions of that type.

/// `value` rounded to the nearest float16, ties to even; it is far from overflowing.
pub(crate) fn float16(value: f64) -> f64 {
    /// Bits of a significand after the point; then the exponent of the smallest normal number.
    const PRECISION: i32 = 10;
    const LEAST: i32 = -14;
    let exponent = ((value.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(LEAST);
    let unit = f64::from_bits(((exponent - PRECISION + 1023) as u64) << 52);
    (value / unit).round_ties_even() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float16_s_are_rounded_to_the_nearest_and_ties_to_even() {
        let unit = 2.0_f64.powi(-24);
        for (value, rounded) in [
            (0.1, 0.0999755859375),
            (-2.0, -2.0),
            (1.0 + 1.0 / 2048.0, 1.0),
            (1.0 + 3.0 / 2048.0, 1.0 + 2.0 / 1024.0),
            (2.5 * unit, 2.0 * unit),
            (-0.5 * unit, -0.0),
            (0.001, 0.0010004043579101562),
        ] {
            assert_eq!(float16(value).to_bits(), rounded.to_bits(), "{value}");
        }
        assert!(float16(f64::NAN).is_nan());
    }
}

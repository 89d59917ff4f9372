//! NumPy's sign.

/// `numpy.sign(value)`: 0 of zeros of both signs, NaN of NaN.
pub(crate) fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else if value == 0.0 {
        0.0
    } else {
        value
    }
}

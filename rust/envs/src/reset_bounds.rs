//! The reset options `low` and `high` that CartPole and Acrobot share.

use crate::arguments::Arguments;
use crate::error::EnvError;

/// The bounds of the uniform start state, checked as NumPy's `uniform` checks them.
pub(crate) fn parse(id: &str, reset_options: &Arguments) -> Result<(f64, f64), EnvError> {
    let (low, high) = (reset_options.float("low"), reset_options.float("high"));
    let got = || format!("got low = {low:?}, high = {high:?}");
    if low > high {
        return Err(EnvError::new(format!("{id}: reset options: expected low <= high, {}", got())));
    }
    if !(high - low).is_finite() {
        return Err(EnvError::new(format!("{id}: reset options: expected a finite range, {}", got())));
    }
    Ok((low, high))
}

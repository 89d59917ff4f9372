//! softmax and log_softmax of rows of float32, PyTorch's to the bit.
//!
//! **Contract.** A row gives what `torch.softmax(x, dim=-1)` and `torch.log_softmax(x, dim=-1)` give for it in a float32
//! tensor of any batch, with any number of threads, where PyTorch uses its AVX2 kernels: on processors without AVX-512,
//! or with `ATEN_CPU_CAPABILITY=avx2`. (Its AVX-512 kernels add rows of 8 values and more in another order.) Rows with a
//! NaN, with +infinity, or with nothing but -infinity become NaN. Near values can become equal: softmax of 0.125 and the
//! next float is 0.5 twice, so the first greatest value is another one than before.
//!
//! **Method.** The row's greatest value is subtracted, exp and log are SLEEF's, and softmax multiplies by the reciprocal
//! of the sum. A sum of fewer than eight values is taken in sequence; a longer one in eight strided lanes, which are
//! then folded by halves.

use super::exp::exp;
use super::log::log;
use crate::isa::{Isa, Kernel};
use crate::lanes::{F32Lanes, F32x8, PortableFamily, Simd};

/// Replaces the row by its softmax, exp(x) over the sum of exp(x): the definition of the lanes.
pub fn softmax(row: &mut [f32]) {
    softmax_slice::<PortableFamily>(row, row.len());
}

/// Replaces the row by the logarithm of its softmax: the definition of the lanes.
pub fn log_softmax(row: &mut [f32]) {
    log_softmax_slice::<PortableFamily>(row, row.len());
}

/// Replaces each row of `length` values by its [`softmax`].
///
/// # Panics
///
/// If `rows` is not a whole number of rows.
pub fn softmax_in_place(isa: Isa, rows: &mut [f32], length: usize) {
    isa.run(InPlace::<false>(rows, length));
}

/// Replaces each row of `length` values by its [`log_softmax`].
///
/// # Panics
///
/// If `rows` is not a whole number of rows.
pub fn log_softmax_in_place(isa: Isa, rows: &mut [f32], length: usize) {
    isa.run(InPlace::<true>(rows, length));
}

/// softmax, or if `LOG` log_softmax, of rows of a length.
struct InPlace<'a, const LOG: bool>(&'a mut [f32], usize);

impl<const LOG: bool> Kernel for InPlace<'_, LOG> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        if LOG {
            log_softmax_slice::<S>(self.0, self.1);
        } else {
            softmax_slice::<S>(self.0, self.1);
        }
    }
}

#[inline(always)]
fn softmax_slice<S: Simd>(rows: &mut [f32], length: usize) {
    check_rows(rows, length);
    for row in rows.chunks_exact_mut(length.max(1)) {
        let greatest = greatest::<S::F32>(row);
        let reciprocal = 1.0 / exponential_sum::<S::F32, true>(row, greatest);
        for value in row {
            *value *= reciprocal;
        }
    }
}

#[inline(always)]
fn log_softmax_slice<S: Simd>(rows: &mut [f32], length: usize) {
    check_rows(rows, length);
    for row in rows.chunks_exact_mut(length.max(1)) {
        let greatest = greatest::<S::F32>(row);
        let sum = exponential_sum::<S::F32, false>(row, greatest);
        let [logarithm, ..] = log(S::F32::splat(sum)).to_array();
        for value in row {
            *value = *value - greatest - logarithm;
        }
    }
}

fn check_rows(rows: &[f32], length: usize) {
    assert!(
        rows.len().is_multiple_of(length),
        "expected rows of {length} values, got {} values, which is no whole number of rows",
        rows.len()
    );
}

/// The greatest value of a row. A NaN may be passed over: it makes the sum NaN, and so everything.
#[inline(always)]
fn greatest<V: F32x8>(row: &[f32]) -> f32 {
    let mut lanes = V::splat(f32::NEG_INFINITY);
    let eights = row.chunks_exact(V::LANES);
    let rest = eights.remainder();
    for eight in eights {
        lanes = lanes.max(V::load(eight));
    }
    let [mut greatest, others @ ..] = lanes.max(padded(rest)).to_array();
    for other in others {
        if other > greatest {
            greatest = other;
        }
    }
    greatest
}

/// The sum of exp(x - greatest) in PyTorch's order. If `KEEP`, the row is replaced by the summands.
#[inline(always)]
fn exponential_sum<V: F32x8, const KEEP: bool>(row: &mut [f32], greatest: f32) -> f32 {
    let is_short = row.len() < V::LANES;
    let mut lanes = V::zero();
    let mut eights = row.chunks_exact_mut(V::LANES);
    for eight in &mut eights {
        let summands = exp(V::load(eight).sub(V::splat(greatest)));
        lanes = lanes.add(summands);
        if KEEP {
            summands.store(eight);
        }
    }
    let rest = eights.into_remainder();
    if !rest.is_empty() {
        let summands = exp(padded::<V>(rest).sub(V::splat(greatest)));
        lanes = lanes.add(summands); // what pads is 0 here, and no sum is -0
        if KEEP {
            rest.copy_from_slice(&summands.to_array()[..rest.len()]);
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes.to_array();
    if is_short { a + b + c + d + e + f + g } else { ((a + e) + (c + g)) + ((b + f) + (d + h)) }
}

/// Fewer than eight values and -infinity behind them.
#[inline(always)]
fn padded<V: F32x8>(values: &[f32]) -> V {
    let mut lanes = [f32::NEG_INFINITY; 8];
    lanes[..values.len()].copy_from_slice(values);
    V::from_array(lanes)
}

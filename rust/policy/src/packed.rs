//! Storage for packed weights and activations: float32 values that start at a cache line.

use lane_math::memory;

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Values in a cache line.
pub(crate) const LINE: usize = 16;

/// A vector of float32 of fixed length, aligned to a cache line, so that no vector load crosses one needlessly.
#[derive(Clone, Debug)]
pub(crate) struct AlignedValues(Vec<Line>);

impl AlignedValues {
    /// Zeros; room for `len` values, rounded up to whole cache lines. Unwinds where there is no memory.
    pub(crate) fn zeros(len: usize) -> Self {
        Self(memory::filled(Line([0.0; LINE]), len.div_ceil(LINE)))
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: a `Line` is LINE consecutive f32 without padding (64 bytes, alignment 64), and the borrow of `self`
        // keeps the lines alive and unchanged.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LINE) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * LINE) }
    }
}

/// Rows start at whole vectors, so that the last vector of a row may be stored whole.
pub(crate) fn row_stride(size: usize) -> usize {
    size.next_multiple_of(8)
}

/// One individual's weights in the layout that the kernels of one [`Network`](crate::Network) read.
///
/// Made by [`Network::packed`](crate::Network::packed), filled by [`Network::pack`](crate::Network::pack); meant to be
/// kept and filled again with the next individual. The contents are private to the network.
#[derive(Clone, Debug)]
pub struct PackedWeights {
    values: AlignedValues,
    /// Of the architecture that the layout belongs to.
    fingerprint: u64,
}

impl PackedWeights {
    pub(crate) fn zeros(len: usize, fingerprint: u64) -> Self {
        Self { values: AlignedValues::zeros(len), fingerprint }
    }

    pub(crate) fn values(&self) -> &[f32] {
        self.values.as_slice()
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.values.as_mut_slice()
    }

    /// Which architecture the layout belongs to.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// The values as consecutive groups of `V` vectors of eight; a rest that fills no group is left out.
///
/// A group's length is known to the compiler, so that loads from it need no bounds check.
#[inline(always)]
pub(crate) fn vectors<const V: usize>(values: &[f32]) -> &[[[f32; 8]; V]] {
    // SAFETY: a group is 8 * V consecutive f32 without padding and of the alignment of f32, and the division rounds
    // down, so all groups lie within `values`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len() / (8 * V)) }
}

/// The values as consecutive vectors of eight, to be changed; a rest is left out.
#[inline(always)]
pub(crate) fn vectors_mut(values: &mut [f32]) -> &mut [[f32; 8]] {
    // SAFETY: as in `vectors`, and the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len() / 8) }
}

/// The values as consecutive fours; a rest is left out.
#[inline(always)]
pub(crate) fn quads(values: &[f32]) -> &[[f32; 4]] {
    // SAFETY: as in `vectors`, with four values to a group.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len() / 4) }
}

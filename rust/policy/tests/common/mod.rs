//! Values that depend on a seed only, and digests of logits; `record_torch_vectors.py` has the same.

// Each test binary uses its own part.
#![allow(dead_code)]

/// Equal in every bit; any NaN equals any NaN.
pub fn same_bits(a: f32, b: f32) -> bool {
    canonical_bits(a) == canonical_bits(b)
}

fn canonical_bits(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

/// SplitMix64's output function.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A hash of the bits and their places; every NaN counts as the same.
pub fn digest(values: &[f32]) -> u64 {
    let places = values.iter().zip(0_u64..);
    places
        .fold(0, |sum, (&value, place)| sum.wrapping_add(mix(u64::from(canonical_bits(value)) | place << 32)))
}

/// A stream of float32 values of one kind.
pub struct Values {
    state: u64,
    kind: u64,
}

impl Values {
    /// The kind of observations that have few values besides zeros of both signs.
    pub const MOSTLY_ZEROS: u64 = 7;

    /// The kinds of weights and observations whose products are all -0.
    pub const MINUS_ZERO: u64 = 8;
    pub const POSITIVE: u64 = 9;

    /// How many kinds of values there are.
    pub const KINDS: u64 = 10;

    pub fn new(seed: u64, kind: u64) -> Self {
        Self { state: seed, kind }
    }

    pub fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = mix(self.state);
        // 24 bits of a uniform value in [-1, 1), exact; 17 other bits decide on the special cases.
        let uniform = (bits >> 40) as f32 * (1.0 / 8_388_608.0) - 1.0;
        let chance = bits & 0xffff;
        let sign = if bits & 0x1_0000 == 0 { 1.0 } else { -1.0 };
        match self.kind {
            // Zeros of both signs among ordinary values.
            1 if chance < 0xa000 => sign * 0.0,
            // A wide range of exponents: factors 2^-20 to 2^19.
            2 => uniform * f32::from_bits((107 + (chance % 40) as u32) << 23),
            // Products are subnormal.
            3 => uniform * 3e-22,
            // Small integers with exact ties, and zeros of both signs.
            4 => sign * (chance % 4) as f32,
            // Sums overflow.
            5 => uniform * 5e18,
            // Now and then an infinity or a NaN.
            6 if chance < 0x80 => sign * f32::INFINITY,
            6 if chance < 0xc0 => f32::NAN,
            // Mostly zeros, as the observations of board games are.
            Self::MOSTLY_ZEROS if chance < 0xf000 => sign * 0.0,
            // Weights whose products with positive values are all -0, and such values.
            Self::MINUS_ZERO => -0.0,
            Self::POSITIVE => uniform.abs(),
            _ => uniform,
        }
    }
}

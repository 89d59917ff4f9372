//! What the benches of activations compute with.

/// Values of a call, or of all calls of a sample together: enough that one does not wait for the one before.
pub const TOTAL: usize = 1024;

/// [`TOTAL`] values that are spread over [-4, 4], so that a table is asked as often as a policy's hidden units ask it.
pub fn spread() -> Vec<f32> {
    (0..TOTAL as u32).map(|k| (k.wrapping_mul(0x9e37_79b9) >> 8) as f32 / (1 << 21) as f32 - 4.0).collect()
}

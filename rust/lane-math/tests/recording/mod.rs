//! What PyTorch returned, as the scripts here record it: lines of a name, a digest, and results as bits.

use std::collections::BTreeMap;

/// The lines of a recording.
pub struct Recording(BTreeMap<String, Vec<String>>);

impl Recording {
    /// The file that the environment variable names, or else `recorded`.
    pub fn read(variable: &str, recorded: &str) -> Self {
        let text = std::env::var(variable).map_or_else(
            |_| recorded.to_owned(),
            |path| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")),
        );
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        Self(
            lines
                .map(|(name, words)| (name.to_owned(), words.split(' ').map(str::to_owned).collect()))
                .collect(),
        )
    }

    /// What the lines are called, in order of the alphabet.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The digest of all results of a line.
    pub fn digest(&self, name: &str) -> u64 {
        u64::from_str_radix(&self.0[name][0], 16).expect("a digest in hexadecimal")
    }

    /// The results of a line that are written out.
    pub fn results(&self, name: &str) -> Vec<u32> {
        let words = &self.0[name][1..];
        words.iter().map(|word| u32::from_str_radix(word, 16).expect("bits in hexadecimal")).collect()
    }
}

/// The bits of a number, and one pattern for every NaN.
pub fn bits(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

/// SplitMix64's output function.
pub fn mix(state: u64) -> u64 {
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}

/// A hash of bits and their places.
pub fn digest(results: &[u32]) -> u64 {
    let places = results.iter().enumerate();
    places.fold(0, |sum, (place, &bits)| sum.wrapping_add(mix((place as u64) << 32 | u64::from(bits))))
}

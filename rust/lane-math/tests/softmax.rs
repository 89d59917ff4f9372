//! softmax and log_softmax against PyTorch's results, which `record_softmax.py` recorded, on every instruction set.

mod recording;

use lane_math::{Isa, log_softmax, log_softmax_in_place, softmax, softmax_in_place};
use proptest::prelude::*;
use recording::{Recording, bits, digest, mix};

/// The script's ROWS and KINDS.
const ROWS: usize = 512;
const KINDS: usize = 8;
const LENGTHS: std::ops::RangeInclusive<usize> = 1..=64;

/// A function of rows of a length, and of one row.
type InPlace = fn(Isa, &mut [f32], usize);
type OneRow = fn(&mut [f32]);

const FUNCTIONS: [(&str, InPlace, OneRow); 2] =
    [("softmax", softmax_in_place, softmax), ("log_softmax", log_softmax_in_place, log_softmax)];

fn recording() -> Recording {
    Recording::read("LANE_MATH_SOFTMAX", include_str!("torch_softmax.txt"))
}

/// The rows whose results are recorded: see `rows` in the script.
fn rows(length: usize) -> Vec<f32> {
    let place = |index: usize| mix(index as u64 | (length as u64) << 32);
    (0..ROWS * length).map(|index| value(index / length % KINDS, place(index))).collect()
}

fn value(kind: usize, hash: u64) -> f32 {
    let high = (hash >> 32) as u32;
    let unit = (high >> 8) as f32 / 16_777_216.0;
    match kind {
        0 => unit * 8.0 - 4.0,
        1 => (unit * 16.0).floor() / 4.0,
        2 => unit * 256.0 - 128.0,
        3 => f32::from_bits(high),
        4 => f32::from_bits(high & 0x807f_ffff),
        5 if hash & 3 == 0 => f32::NEG_INFINITY,
        5 => unit * 8.0,
        6 => f32::from_bits(0x4060_0000 + (high >> 29)),
        _ => unit * 20.0 - 104.0 * (high & 1) as f32,
    }
}

fn bits_of(values: &[f32]) -> Vec<u32> {
    values.iter().copied().map(bits).collect()
}

#[test]
fn the_recording_has_every_length_and_no_other() {
    let mut names: Vec<_> = FUNCTIONS
        .iter()
        .flat_map(|(name, ..)| LENGTHS.map(move |length| format!("{name} {length}")))
        .collect();
    names.sort_unstable();
    assert_eq!(recording().names(), names);
}

#[test]
fn every_instruction_set_has_pytorchs_bits() {
    let recording = recording();
    for (name, in_place, _) in FUNCTIONS {
        for length in LENGTHS {
            let key = format!("{name} {length}");
            let expected = recording.results(&key);
            for isa in Isa::all_available() {
                let mut values = rows(length);
                in_place(isa, &mut values, length);
                let results = bits_of(&values);
                assert_eq!(results[..expected.len()], expected, "{key}, {isa:?}");
                assert_eq!(digest(&results), recording.digest(&key), "{key}, {isa:?}, all rows");
            }
        }
    }
}

#[test]
fn one_row_is_a_row_of_many() {
    for (name, in_place, one_row) in FUNCTIONS {
        for length in LENGTHS {
            let mut together = rows(length);
            in_place(Isa::Portable, &mut together, length);
            let mut alone = rows(length);
            alone.chunks_mut(length).for_each(one_row);
            assert_eq!(bits_of(&alone), bits_of(&together), "{name}, {length} values");
        }
    }
}

#[test]
fn rows_without_a_sum_are_nan() {
    let impossible =
        [&[f32::NEG_INFINITY; 9][..], &[1.0, f32::INFINITY], &[f32::NAN, 0.0], &[0.0, -f32::NAN]];
    for (name, in_place, _) in FUNCTIONS {
        for row in impossible {
            for isa in Isa::all_available() {
                let mut values = row.to_vec();
                in_place(isa, &mut values, row.len());
                assert!(values.iter().all(|value| value.is_nan()), "{name} of {row:?}, {isa:?}: {values:?}");
            }
        }
    }
}

#[test]
fn near_values_become_ties() {
    let mut row = [0.125, 0.125 + f32::EPSILON / 8.0];
    softmax(&mut row);
    assert_eq!(row, [0.5, 0.5]);
}

#[test]
fn no_rows_and_no_values() {
    softmax(&mut []);
    log_softmax_in_place(Isa::detect(), &mut [], 7);
}

#[test]
#[should_panic(expected = "expected rows of 3 values, got 4 values")]
fn part_of_a_row_is_refused() {
    softmax_in_place(Isa::detect(), &mut [0.0; 4], 3);
}

proptest! {
    #[test]
    fn instruction_sets_agree(
        words in prop::collection::vec(any::<u32>(), 1..70),
        near_zero in prop::collection::vec(-30.0_f32..30.0, 1..70),
    ) {
        for row in [words.into_iter().map(f32::from_bits).collect(), near_zero] {
            for (name, in_place, one_row) in FUNCTIONS {
                let mut expected = row.clone();
                one_row(&mut expected);
                for isa in Isa::all_available() {
                    let mut values = row.clone();
                    in_place(isa, &mut values, row.len());
                    prop_assert_eq!(bits_of(&values), bits_of(&expected), "{} on {:?}", name, isa);
                }
            }
        }
    }
}

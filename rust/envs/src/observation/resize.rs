//! `ResizeObservation`: what OpenCV's `cv2.resize(..., interpolation=cv2.INTER_AREA)` makes of bytes.
//!
//! Four ways, chosen by the sizes as OpenCV chooses them. Whole-number ratios: the mean of a block, its sum exact. Both
//! sides shrink: each pixel is the sum of the pixels below it, weighted in float32 by how much of them it covers, along
//! the row first. One side grows: two neighbours weighted in 11-bit fixed point, with weights that leave all pixels but
//! those on a seam as they are. The same size: a copy.

use super::{COLOURS, PictureShape};

/// Bits of a fixed-point weight.
const WEIGHT_BITS: u32 = 11;
/// What of a pixel's side may be covered without it having a share.
const NO_SHARE: f64 = 1e-3;

/// A resizer of pictures of one size to another.
#[derive(Clone)]
pub(super) struct Resize {
    from: PictureShape,
    to: PictureShape,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Copy,
    /// Blocks of `rows` by `columns`.
    Blocks {
        rows: usize,
        columns: usize,
    },
    /// The two vectors have a value for each value of a row of the result.
    Areas {
        rows: Axis,
        columns: Axis,
        row: Vec<f32>,
        sums: Vec<f32>,
    },
    /// The vectors are two source rows, stretched to the result's width.
    Neighbours {
        rows: Vec<Pair>,
        columns: Vec<Pair>,
        upper: Vec<i32>,
        lower: Vec<i32>,
    },
}

/// Which positions of the source make up each position of the result.
#[derive(Clone)]
struct Axis {
    /// The source's position and its weight, in the order of the result.
    shares: Vec<(usize, f32)>,
    /// One past the last share of each position.
    ends: Vec<usize>,
}

/// Two neighbours and their fixed-point weights.
#[derive(Clone, Copy)]
struct Pair {
    positions: [usize; 2],
    weights: [i32; 2],
}

impl Resize {
    pub(super) fn new(from: PictureShape, height: usize, width: usize) -> Self {
        let to = PictureShape { height, width, channels: from.channels };
        Self { from, to, way: Way::new(from, to) }
    }

    /// The shape of what it writes.
    pub(super) fn to(&self) -> PictureShape {
        self.to
    }

    /// Writes `picture` in the other size.
    pub(super) fn resize(&mut self, picture: &[u8], resized: &mut [u8]) {
        let (from, to) = (self.from, self.to);
        match &mut self.way {
            Way::Copy => resized.copy_from_slice(picture),
            Way::Blocks { rows, columns } => write_blocks([*rows, *columns], [from, to], picture, resized),
            Way::Areas { rows, columns, row, sums } => {
                write_areas([rows, columns], [row, sums], [from, to], picture, resized);
            }
            Way::Neighbours { rows, columns, upper, lower } => {
                write_neighbours([rows, columns], [upper, lower], [from, to], picture, resized);
            }
        }
    }
}

impl Way {
    fn new(from: PictureShape, to: PictureShape) -> Self {
        let row_size = to.width * to.channels;
        let scales = [scale(from.height, to.height), scale(from.width, to.width)];
        if from == to {
            return Self::Copy;
        }
        if scales.iter().any(|&scale| scale < 1.0) {
            return Self::Neighbours {
                rows: pairs(from.height, to.height),
                columns: pairs(from.width, to.width),
                upper: vec![0; row_size],
                lower: vec![0; row_size],
            };
        }
        if scales.iter().all(|scale| (scale - scale.round()).abs() < f64::EPSILON) {
            let [rows, columns] = scales.map(|scale| scale.round() as usize);
            return Self::Blocks { rows, columns };
        }
        Self::Areas {
            rows: Axis::new(from.height, to.height),
            columns: Axis::new(from.width, to.width),
            row: vec![0.0; row_size],
            sums: vec![0.0; row_size],
        }
    }
}

/// Positions of the source for one of the result, rounded twice as OpenCV does.
fn scale(from: usize, to: usize) -> f64 {
    1.0 / (to as f64 / from as f64)
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        let scale = scale(from, to);
        let (mut shares, mut ends) = (Vec::new(), Vec::with_capacity(to));
        for position in 0..to {
            let start = position as f64 * scale;
            let end = start + scale;
            let covered = scale.min(from as f64 - start);
            let last = (end.floor() as usize).min(from - 1);
            let first = (start.ceil() as usize).min(last);
            let before = first as f64 - start;
            if before > NO_SHARE {
                shares.push((first - 1, (before / covered) as f32));
            }
            shares.extend((first..last).map(|whole| (whole, (1.0 / covered) as f32)));
            let after = end - last as f64;
            if after > NO_SHARE {
                shares.push((last, (after.min(1.0).min(covered) / covered) as f32));
            }
            ends.push(shares.len());
        }
        Self { shares, ends }
    }

    /// The shares of each position of the result.
    fn shares(&self) -> impl Iterator<Item = &[(usize, f32)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.shares[start..end])
    }
}

/// The neighbours of each position of the result where a side grows.
fn pairs(from: usize, to: usize) -> Vec<Pair> {
    let (scale, inverse) = (scale(from, to), to as f64 / from as f64);
    let one = (1 << WEIGHT_BITS) as f32;
    let pair = |position: usize| {
        let first = (position as f64 * scale).floor() as usize;
        let past_seam = ((position + 1) as f64 - (first + 1) as f64 * inverse) as f32;
        let last = from - 1;
        let second_weight =
            if past_seam <= 0.0 || first >= last { 0.0 } else { past_seam - past_seam.floor() };
        let weights =
            [1.0 - second_weight, second_weight].map(|weight| (weight * one).round_ties_even() as i32);
        Pair { positions: [first.min(last), (first + 1).min(last)], weights }
    };
    (0..to).map(pair).collect()
}

fn write_blocks(
    [rows, columns]: [usize; 2],
    [from, to]: [PictureShape; 2],
    picture: &[u8],
    resized: &mut [u8],
) {
    let channels = from.channels;
    let reciprocal = 1.0 / (rows * columns) as f32;
    for (y, row) in resized.chunks_exact_mut(to.width * channels).enumerate() {
        for (index, value) in row.iter_mut().enumerate() {
            let (x, channel) = (index / channels, index % channels);
            let block =
                (0..rows).flat_map(|dy| (0..columns).map(move |dx| (y * rows + dy, x * columns + dx)));
            let sum: u32 = block
                .map(|(source_y, source_x)| {
                    u32::from(picture[(source_y * from.width + source_x) * channels + channel])
                })
                .sum();
            // Four pixels are rounded half up, all other blocks half to even.
            *value = if [rows, columns] == [2, 2] {
                ((sum + 2) >> 2) as u8
            } else {
                nearest(sum as f32 * reciprocal)
            };
        }
    }
}

fn write_areas(
    [rows, columns]: [&Axis; 2],
    [row, sums]: [&mut Vec<f32>; 2],
    [from, to]: [PictureShape; 2],
    picture: &[u8],
    resized: &mut [u8],
) {
    let source_size = from.width * from.channels;
    // Their number known, the channels' loops disappear.
    let shrink_row = if from.channels == 1 { shrink_row::<1> } else { shrink_row::<COLOURS> };
    // A source row on a seam has a share in two rows of the result.
    let mut row_is = None;
    for (shares, result) in rows.shares().zip(resized.chunks_exact_mut(to.width * to.channels)) {
        sums.fill(0.0);
        for &(y, weight) in shares {
            if row_is != Some(y) {
                shrink_row(columns, &picture[y * source_size..(y + 1) * source_size], row);
                row_is = Some(y);
            }
            for (sum, value) in sums.iter_mut().zip(&*row) {
                *sum += value * weight;
            }
        }
        for (value, &sum) in result.iter_mut().zip(&*sums) {
            *value = nearest(sum);
        }
    }
}

fn shrink_row<const CHANNELS: usize>(columns: &Axis, source: &[u8], row: &mut [f32]) {
    for (shares, pixel) in columns.shares().zip(row.chunks_exact_mut(CHANNELS)) {
        let mut sums = [0.0; CHANNELS];
        for &(x, weight) in shares {
            let start = x * CHANNELS;
            for (sum, &byte) in sums.iter_mut().zip(&source[start..start + CHANNELS]) {
                *sum += f32::from(byte) * weight;
            }
        }
        pixel.copy_from_slice(&sums);
    }
}

fn write_neighbours(
    [rows, columns]: [&[Pair]; 2],
    [upper, lower]: [&mut Vec<i32>; 2],
    [from, to]: [PictureShape; 2],
    picture: &[u8],
    resized: &mut [u8],
) {
    let source_size = from.width * from.channels;
    // Which source rows the two vectors hold: the result's rows go down, and often share them.
    let mut held = [None; 2];
    for (pair, result) in rows.iter().zip(resized.chunks_exact_mut(to.width * to.channels)) {
        for (index, row) in [&mut *upper, &mut *lower].into_iter().enumerate() {
            let y = pair.positions[index];
            if held[index] != Some(y) {
                stretch_row(columns, from.channels, &picture[y * source_size..(y + 1) * source_size], row);
                held[index] = Some(y);
            }
        }
        for ((value, &above), &below) in result.iter_mut().zip(&*upper).zip(&*lower) {
            let part = |stretched: i32, weight: i32| ((stretched >> 4) * weight) >> 16;
            *value = ((part(above, pair.weights[0]) + part(below, pair.weights[1]) + 2) >> 2) as u8;
        }
    }
}

fn stretch_row(columns: &[Pair], channels: usize, source: &[u8], row: &mut [i32]) {
    for (pair, pixel) in columns.iter().zip(row.chunks_exact_mut(channels)) {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let [left, right] = pair.positions.map(|x| i32::from(source[x * channels + channel]));
            *value = left * pair.weights[0] + right * pair.weights[1];
        }
    }
}

/// The nearest byte, ties to even.
fn nearest(value: f32) -> u8 {
    // In 2^23..2^24 a float32's last bit is worth one: the addition rounds, and the byte is in the low bits. Without
    // SSE4.1, `round_ties_even` is a call of libm for every pixel.
    const ROUNDER: f32 = 8_388_608.0;
    (value.min(255.0) + ROUNDER).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Height and width, and what cv2 5.0.0 makes of the picture in the test.
    const OPENCV: &[(usize, usize, &[u8])] = &[
        (
            4,
            6,
            &[
                57, 81, 97, 41, 105, 161, 137, 129, 113, 153, 121, 145, 89, 177, 129, 137, 137, 193, 169,
                161, 145, 121, 153, 177,
            ],
        ),
        (4, 4, &[66, 91, 71, 134, 165, 88, 137, 142, 135, 128, 119, 193, 149, 168, 143, 158]),
        (
            8,
            6,
            &[
                5, 53, 157, 61, 149, 165, 109, 109, 37, 21, 61, 157, 53, 133, 141, 205, 69, 117, 221, 125,
                85, 101, 173, 173, 101, 213, 125, 93, 117, 197, 77, 141, 133, 181, 157, 189, 149, 165, 109,
                109, 165, 149, 189, 157, 181, 133, 141, 205,
            ],
        ),
        (
            5,
            7,
            &[
                38, 74, 92, 72, 96, 115, 158, 80, 149, 110, 128, 108, 72, 149, 164, 188, 99, 126, 80, 155,
                193, 95, 165, 153, 116, 129, 177, 176, 179, 136, 202, 108, 146, 150, 183,
            ],
        ),
        (
            3,
            11,
            &[
                17, 104, 104, 88, 109, 88, 83, 111, 83, 120, 167, 141, 149, 196, 101, 114, 134, 114, 94, 154,
                135, 218, 153, 137, 145, 186, 152, 108, 136, 149, 154, 191, 165,
            ],
        ),
        (
            10,
            9,
            &[
                3, 22, 63, 141, 102, 85, 183, 150, 139, 49, 130, 88, 67, 42, 38, 85, 114, 164, 48, 158, 98,
                106, 94, 104, 68, 62, 174, 78, 170, 91, 144, 162, 153, 98, 58, 183, 221, 230, 69, 71, 150,
                59, 145, 166, 209, 123, 150, 199, 133, 102, 93, 111, 150, 211, 73, 162, 128, 155, 138, 142,
                109, 210, 188, 104, 158, 138, 162, 94, 144, 156, 190, 150, 166, 138, 179, 168, 66, 129, 186,
                154, 143, 213, 102, 205, 191, 150, 131, 137, 166, 217,
            ],
        ),
        (
            2,
            30,
            &[
                15, 15, 83, 151, 151, 109, 109, 95, 81, 81, 67, 67, 67, 67, 67, 17, 17, 31, 45, 45, 87, 87,
                83, 79, 79, 149, 149, 159, 169, 169, 63, 63, 83, 103, 103, 221, 221, 159, 97, 97, 179, 179,
                131, 83, 83, 193, 193, 159, 125, 125, 71, 71, 147, 223, 223, 197, 197, 191, 185, 185,
            ],
        ),
    ];

    #[test]
    fn each_way_has_opencv_s_bytes() {
        let from = PictureShape { height: 8, width: 12, channels: 1 };
        let picture: Vec<u8> = (0..from.size()).map(|i| ((7 * i * i + 3 * i) % 256) as u8).collect();
        let same = (8, 12, &picture[..]);
        for &(height, width, expected) in OPENCV.iter().chain([&same]) {
            let mut resized = vec![0; height * width];
            Resize::new(from, height, width).resize(&picture, &mut resized);
            assert_eq!(resized, expected, "{height} x {width}");
        }
    }

    #[test]
    fn a_half_is_rounded_to_even_and_more_than_a_byte_cut_off() {
        for (value, byte) in
            [(0.5, 0), (1.5, 2), (2.5, 2), (253.499_99, 253), (254.5, 254), (255.000_02, 255)]
        {
            assert_eq!(nearest(value), byte, "{value}");
        }
    }
}

//! Convolutions that PyTorch computes as a matrix product: in which order it adds up the products of one output.
//!
//! An output has as many products as its window has taps, those in the padding included, by channels, kernel rows and kernel
//! columns. The bias is added to their sum.

/// How the products of one output are added up. Every chain starts at +0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatrixSum {
    /// One chain of fused multiply-adds over all products.
    Chain,
    /// Eight strided lanes of fused multiply-adds for each of the [pieces](dot_pieces), which are added to +0.
    Dot,
    /// A sum for each of the [blocks], which are added to the first.
    Blocks(BlockSum),
}

/// How the products of a block are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockSum {
    /// One chain of fused multiply-adds.
    Chain,
    /// A chain of every other product, and one of those between, added; the last of an odd number of products comes after
    /// that. Either fused multiply-adds, or products that are rounded before they are added.
    TwoChains { fused: bool },
}

/// float32 values in the smallest second-level cache among processors with AVX2, 256 KiB.
const CACHE: usize = 65_536;

/// Whether one image is one matrix on every processor with AVX2, for every batch of 16 and more. Otherwise oneDNN may cut
/// channels and pixels by the size of the cache, and the sums with them.
pub(crate) fn is_known(
    channels: usize,
    out_channels: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    pixels: usize,
) -> bool {
    let taps = kernel.0.saturating_mul(kernel.1);
    let column = stride.0.saturating_mul(stride.1).saturating_add(taps);
    let filters = taps.saturating_mul(out_channels);
    let rows = pixels.max(48);
    let values = |rows: usize| column.saturating_mul(rows).saturating_add(filters).saturating_mul(channels);
    pixels <= 6048
        && values(rows).saturating_add(out_channels.max(8).saturating_mul(rows)) <= CACHE
        && values(8).saturating_mul(2) <= CACHE
}

/// Of so many output pixels, how many come in groups of more than eight; the others are the last ones.
pub(crate) const fn wide_pixels(pixels: usize) -> usize {
    let rest = pixels % 16;
    if rest > 8 { pixels } else { pixels - rest }
}

/// How an output channel of an output pixel is added up.
pub(crate) fn matrix_sum(channel: usize, out_channels: usize, pixels: usize, is_wide: bool) -> MatrixSum {
    match (out_channels, pixels) {
        (1, _) => MatrixSum::Chain,
        (_, 1) => MatrixSum::Dot,
        _ => MatrixSum::Blocks(match (channel_group(channel, out_channels), is_wide) {
            (4.., true) => BlockSum::Chain,
            (3.., _) => BlockSum::TwoChains { fused: true },
            _ => BlockSum::TwoChains { fused: false },
        }),
    }
}

/// With how many others, itself included, an output channel is computed.
fn channel_group(channel: usize, out_channels: usize) -> usize {
    let (mut at, mut piece) = (0, channel_piece(out_channels));
    while at + piece <= channel {
        at += piece;
        piece = channel_piece(out_channels - at);
    }
    let groups_before = (channel - at) / 6;
    (piece - groups_before * 6).min(6)
}

/// Of the output channels that are left, how many are cut into groups together.
fn channel_piece(left: usize) -> usize {
    match left {
        96.. => 48,
        73.. => left.div_ceil(2),
        _ => left,
    }
}

/// The lengths of the blocks of so many products, in their order.
#[inline(always)]
pub(crate) fn blocks(products: usize) -> impl Iterator<Item = usize> {
    let mut left = products;
    std::iter::from_fn(move || {
        let block = match left {
            0 => return None,
            512.. => 256,
            257.. => left.div_ceil(2),
            _ => left,
        };
        left -= block;
        Some(block)
    })
}

/// The lengths of the pieces of a dot product of so many products, in their order: whole sixteens, then the rest by powers
/// of two.
#[inline(always)]
pub(crate) fn dot_pieces(products: usize) -> [usize; 5] {
    [products / 16 * 16, products & 8, products & 4, products & 2, products & 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_one_channel_or_one_pixel_have_no_blocks() {
        assert_eq!(matrix_sum(0, 1, 1, false), MatrixSum::Chain);
        assert_eq!(matrix_sum(0, 1, 16, true), MatrixSum::Chain);
        assert_eq!(matrix_sum(1, 2, 1, false), MatrixSum::Dot);
        assert_eq!(dot_pieces(47), [32, 8, 4, 2, 1]);
        assert_eq!(dot_pieces(20), [16, 0, 4, 0, 0]);
    }

    #[test]
    fn channels_go_in_sixes_and_the_last_of_a_piece_in_what_is_left() {
        let groups = |out_channels: usize| -> Vec<_> {
            (0..out_channels).map(|channel| channel_group(channel, out_channels)).collect()
        };
        assert_eq!(groups(8), [6, 6, 6, 6, 6, 6, 2, 2]);
        assert_eq!(groups(72), [6; 72]);
        // Two halves, 37 and 36; then 48 and 48; then 48 and 49.
        assert_eq!(groups(73), [[6; 36].as_slice(), &[1], &[6; 36]].concat());
        assert_eq!(groups(96), [6; 96]);
        assert_eq!(groups(97), [[6; 96].as_slice(), &[1]].concat());
    }

    #[test]
    fn groups_and_pixels_decide_about_the_chains() {
        let two = |fused| BlockSum::TwoChains { fused };
        let last = |rest: usize, is_wide| matrix_sum(6, 6 + rest, 20, is_wide);
        assert_eq!(last(6, true), MatrixSum::Blocks(BlockSum::Chain));
        assert_eq!(last(6, false), MatrixSum::Blocks(two(true)));
        assert_eq!(last(4, true), MatrixSum::Blocks(BlockSum::Chain));
        assert_eq!(last(3, true), MatrixSum::Blocks(two(true)));
        assert_eq!(last(2, true), MatrixSum::Blocks(two(false)));
        assert_eq!([1, 8, 9, 16, 24, 25].map(wide_pixels), [0, 0, 9, 16, 16, 25]);
    }

    #[test]
    fn blocks_are_of_256_until_less_than_512_are_left() {
        let lengths = |products| blocks(products).collect::<Vec<_>>();
        assert_eq!(lengths(256), [256]);
        assert_eq!(lengths(257), [129, 128]);
        assert_eq!(lengths(511), [256, 255]);
        assert_eq!(lengths(512), [256, 256]);
        assert_eq!(lengths(1000), [256, 256, 244, 244]);
    }

    #[test]
    fn what_fits_into_the_smallest_cache_is_known() {
        // 4 * ((1 + 9) * 48 + 9 * 8) + 8 * 48 values, and 2 * 4 * (8 * (1 + 9) + 9 * 8).
        assert!(is_known(4, 8, (3, 3), (1, 1), 9));
        // The second sum alone: 2 * 20 * (8 * 17 + 16 * 94) = 65,600; with 93 channels 64,960.
        assert!(!is_known(20, 94, (4, 4), (1, 1), 4));
        assert!(is_known(20, 93, (4, 4), (1, 1), 4));
        // The first sum alone: 5 * (10 * pixels + 9 * 8) + 8 * pixels; 1,123 pixels make 65,494.
        assert!(is_known(5, 8, (3, 3), (1, 1), 1123));
        assert!(!is_known(5, 8, (3, 3), (1, 1), 1124));
        assert!(is_known(1, 1, (1, 1), (1, 1), 6048));
        assert!(!is_known(1, 1, (1, 1), (1, 1), 6049));
        assert!(!is_known(1, 1, (1, 1), (usize::MAX, usize::MAX), 1));
    }
}

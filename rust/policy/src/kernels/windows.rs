//! Which taps of a convolution's window lie on the image, for every output pixel.

use std::collections::HashMap;
use std::ops::Range;

use lane_math::memory;

use super::image::Image;
use crate::order::executes_channel_padding;

/// The shape of a convolution over one image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) input: Image,
    pub(crate) output: Image,
    pub(crate) kernel: (usize, usize),
    pub(crate) stride: (usize, usize),
    pub(crate) padding: (usize, usize),
    pub(crate) dilation: (usize, usize),
}

/// Output pixels whose windows have the same taps on the image; the others are in the padding, and are skipped.
///
/// Without padding there is one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WindowClass {
    /// Kernel rows on the image, from and to.
    pub(crate) kernel_rows: (usize, usize),
    /// Kernel columns on the image, from and to.
    pub(crate) kernel_columns: (usize, usize),
    pub(crate) windows: Vec<Window>,
}

/// One output pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The input pixel under the first tap that is on the image.
    pub(crate) first: usize,
    /// The output pixel.
    pub(crate) pixel: usize,
}

/// A convolution without its weights: what is done at every window.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub(crate) geometry: Geometry,
    pub(crate) classes: Vec<WindowClass>,
    /// See [`Geometry::reach`].
    pub(crate) reach: (Vec<Range<usize>>, Vec<Range<usize>>),
    /// Whether sums below zero become zero.
    pub(crate) relu: bool,
    pub(crate) executes_channel_padding: bool,
}

impl Windows {
    /// A convolution over an image of so many groups of channels, of which `geometry` is one.
    pub(crate) fn new(geometry: Geometry, groups: usize, relu: bool) -> Self {
        let Geometry { input, kernel, stride, .. } = geometry;
        let executes_channel_padding =
            executes_channel_padding(input.channels, groups, (input.height, input.width), kernel, stride);
        Self {
            classes: geometry.classes(),
            reach: geometry.reach(),
            geometry,
            relu,
            executes_channel_padding,
        }
    }
}

impl Geometry {
    /// Products that are summed into one output value, those in the padding included.
    pub(crate) fn taps(&self) -> usize {
        self.input.channels * self.kernel.0 * self.kernel.1
    }

    /// All output pixels, sorted into classes.
    pub(crate) fn classes(&self) -> Vec<WindowClass> {
        let (input, output) = (self.input, self.output);
        let down = alike(
            (0..output.height).map(|out_y| self.on_image(out_y * self.stride.0, input.height, |pair| pair.0)),
        );
        let across = alike(
            (0..output.width).map(|out_x| self.on_image(out_x * self.stride.1, input.width, |pair| pair.1)),
        );
        let sizes =
            [down.len() * across.len() * size_of::<WindowClass>(), output.pixels() * size_of::<Window>()];
        memory::require(sizes.into_iter().map(|bytes| bytes as u128).sum());
        let pairs = down.iter().flat_map(|rows| across.iter().map(move |columns| (rows, columns)));
        pairs
            .map(|(rows, columns)| {
                let windows = rows.windows.iter().flat_map(|&(out_y, y)| {
                    columns.windows.iter().map(move |&(out_x, x)| Window {
                        first: y * input.width + x,
                        pixel: out_y * output.width + out_x,
                    })
                });
                WindowClass {
                    kernel_rows: rows.taps,
                    kernel_columns: columns.taps,
                    windows: windows.collect(),
                }
            })
            .collect()
    }

    /// Along the direction that `of` takes out of a pair: the first position on the image of a window that starts at
    /// `start` of the padded image, and its taps that are on the image.
    fn on_image(
        &self,
        start: usize,
        size: usize,
        of: impl Fn((usize, usize)) -> usize,
    ) -> (usize, (usize, usize)) {
        on_image(start, of(self.padding), of(self.kernel), of(self.dilation), size)
    }

    /// For every row of the input image the rows of windows that lie over it, and for every column the columns.
    pub(crate) fn reach(&self) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        let (input, output) = (self.input, self.output);
        let down = |y| windows_over(y + self.padding.0, self.kernel.0, self.stride.0, output.height);
        let across = |x| windows_over(x + self.padding.1, self.kernel.1, self.stride.1, output.width);
        ((0..input.height).map(down).collect(), (0..input.width).map(across).collect())
    }
}

/// Windows along one direction that have the same taps on the image.
struct Alike {
    /// From and to.
    taps: (usize, usize),
    /// The place of each among all windows, and its first position on the image.
    windows: Vec<(usize, usize)>,
}

/// Sorts windows, of which the first positions and the taps are given, by their taps.
fn alike(windows: impl Iterator<Item = (usize, (usize, usize))>) -> Vec<Alike> {
    let mut found: Vec<Alike> = Vec::new();
    let mut place_of = HashMap::new();
    for (window, (first, taps)) in windows.enumerate() {
        let place = *place_of.entry(taps).or_insert(found.len());
        if place == found.len() {
            found.push(Alike { taps, windows: Vec::new() });
        }
        found[place].windows.push((window, first));
    }
    found
}

/// The windows over a position of the padded image, along one direction.
fn windows_over(position: usize, kernel: usize, stride: usize, windows: usize) -> Range<usize> {
    let first = (position + 1).saturating_sub(kernel).div_ceil(stride);
    first..(position / stride + 1).min(windows).max(first)
}

/// Along one direction: the first position on the image, and the taps (from, to) that are on it; an empty window has
/// taps (0, 0).
fn on_image(
    start: usize,
    padding: usize,
    kernel: usize,
    dilation: usize,
    size: usize,
) -> (usize, (usize, usize)) {
    let from = padding.saturating_sub(start).div_ceil(dilation).min(kernel);
    let to = (size + padding).saturating_sub(start).div_ceil(dilation).min(kernel);
    if from < to { (start + from * dilation - padding, (from, to)) } else { (0, (0, 0)) }
}

#[cfg(test)]
mod tests {
    use super::{Geometry, Image, on_image, windows_over};

    #[test]
    fn taps_in_the_padding_are_left_out() {
        assert_eq!(on_image(0, 1, 3, 1, 4), (0, (1, 3)));
        assert_eq!(on_image(2, 1, 3, 1, 4), (1, (0, 3)));
        assert_eq!(on_image(3, 1, 3, 1, 4), (2, (0, 2)));
        assert_eq!(on_image(0, 3, 2, 1, 4), (0, (0, 0)));
        assert_eq!(on_image(8, 3, 2, 1, 4), (0, (0, 0)));
        // Taps at -3, -1, 1, 3 of four positions, and at 1, 3, 5, 7.
        assert_eq!(on_image(0, 3, 4, 2, 4), (1, (2, 4)));
        assert_eq!(on_image(4, 3, 4, 2, 4), (1, (0, 2)));
    }

    #[test]
    fn windows_over_a_position_are_those_that_have_it_as_a_tap() {
        for (kernel, stride, windows) in [(3, 1, 5), (3, 2, 3), (1, 2, 4), (2, 3, 3)] {
            for position in 0..12 {
                let over: Vec<_> = (0..windows)
                    .filter(|window| (window * stride..window * stride + kernel).contains(&position))
                    .collect();
                let found: Vec<_> = windows_over(position, kernel, stride, windows).collect();
                assert_eq!(found, over, "kernel {kernel}, stride {stride}, position {position}");
            }
        }
    }

    #[test]
    fn as_many_classes_as_pixels_are_sorted_at_once() {
        let padded = Image { channels: 1, height: 1501, width: 1501 };
        let geometry = Geometry {
            input: Image { channels: 1, height: 1, width: 1 },
            output: padded,
            kernel: (1501, 1501),
            stride: (1, 1),
            padding: (1500, 1500),
            dilation: (1, 1),
        };
        assert_eq!(geometry.classes().len(), padded.pixels());
    }

    #[test]
    fn classes_cover_every_pixel_once() {
        let geometry = Geometry {
            input: Image { channels: 1, height: 5, width: 4 },
            output: Image { channels: 1, height: 5, width: 4 },
            kernel: (3, 3),
            stride: (1, 1),
            padding: (1, 1),
            dilation: (1, 1),
        };
        let classes = geometry.classes();
        assert_eq!(classes.len(), 9);
        let mut pixels: Vec<_> = classes.iter().flat_map(|c| c.windows.iter().map(|w| w.pixel)).collect();
        pixels.sort_unstable();
        assert_eq!(pixels, (0..20).collect::<Vec<_>>());
    }
}

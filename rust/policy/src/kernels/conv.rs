//! Convolutions: per output value one chain of fused multiply-adds from the bias, over channel blocks, kernel rows,
//! kernel columns and the block's channels.
//!
//! The packed weights are panels of sixteen output channels, `[panel][tap][16]` (the last panel is of eight if that
//! suffices), with taps in the order of the sum.

use std::ops::ControlFlow;

use lane_math::lanes::Simd;

use super::panel::Panel;
use super::sparse;
use super::windows::{Geometry, Windows};
use super::{Batch, Rows, Run, Span};
use crate::pace::Pace;
use crate::packed::LINE;

/// Output channels in a whole panel: two vectors.
const PANEL: usize = 16;

/// One convolution.
///
/// Packed: bias | panels | a line whose last value is 1 if products with zeros may be left out, else 0.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    windows: Windows,
    has_bias: bool,
    packed: Span,
}

impl Conv {
    /// A convolution, or that of one of so many groups.
    pub(crate) fn new(
        geometry: Geometry,
        groups: usize,
        has_bias: bool,
        relu: bool,
        packed_at: usize,
    ) -> Self {
        let output = geometry.output;
        let taps = geometry.taps();
        let packed_len =
            output.channels.next_multiple_of(LINE) + taps * output.channels.next_multiple_of(8) + LINE;
        Self {
            windows: Windows::new(geometry, groups, relu),
            has_bias,
            packed: Span::new(packed_at, packed_len),
        }
    }

    /// Output channels rounded up to whole vectors.
    fn columns(&self) -> usize {
        self.windows.geometry.output.channels.next_multiple_of(8)
    }

    fn taps(&self) -> usize {
        self.windows.geometry.taps()
    }

    fn bias_len(&self) -> usize {
        self.windows.geometry.output.channels.next_multiple_of(LINE)
    }

    pub(crate) fn packed(&self) -> Span {
        self.packed
    }

    /// Whether the input may be given as a list of the values that are not zero: see [`super::sparse`].
    pub(crate) fn takes_lists(&self) -> bool {
        let (input, output) = (self.windows.geometry.input, self.windows.geometry.output);
        input.channels <= sparse::MAX_CHANNELS
            && self.windows.geometry.dilation == (1, 1)
            && input.size() <= sparse::MAX_IMAGE
            && output.channels % 8 == 0
            && !self.windows.executes_channel_padding
    }

    /// Orders the weights (output channel, channel, kernel row, kernel column) by panel and tap.
    pub(crate) fn pack(&self, weights: &[f32], packed: &mut [f32]) {
        let (taps, out_channels) = (self.taps(), self.windows.geometry.output.channels);
        let (filters, bias) = weights.split_at(out_channels * taps);
        self.pack_apart(filters, bias, packed);
    }

    /// [`pack`](Self::pack) of filters and biases that lie apart.
    pub(crate) fn pack_apart(&self, filters: &[f32], bias: &[f32], packed: &mut [f32]) {
        let (taps, out_channels) = (self.taps(), self.windows.geometry.output.channels);
        let (packed_bias, panels) = packed.split_at_mut(self.bias_len());
        packed_bias.fill(0.0);
        if self.has_bias {
            packed_bias[..out_channels].copy_from_slice(bias);
        }
        *panels.last_mut().expect("the last line is part of the panels") =
            if sparse::may_skip_zeros(filters, bias) { 1.0 } else { 0.0 };
        for first in (0..out_channels).step_by(8) {
            let panel = first / PANEL * PANEL;
            let width = (self.columns() - panel).min(PANEL);
            let filters = &filters[first * taps..][..(out_channels - first).min(8) * taps];
            self.pack_vectors(filters, &mut panels[panel * taps + first % PANEL..], width);
        }
    }

    /// The filters of up to eight output channels: tap `t`'s weights go to `panel[t * width..][..8]`.
    fn pack_vectors(&self, filters: &[f32], panel: &mut [f32], width: usize) {
        let (kernel, input) = (self.windows.geometry.kernel, self.windows.geometry.input);
        let area = kernel.0 * kernel.1;
        let mut tap = 0;
        for index in 0..input.blocks() {
            let channels = input.block(index).channels;
            for position in 0..area {
                for channel in 0..channels {
                    let source = (index * 8 + channel) * area + position;
                    let target = &mut panel[tap * width..][..8];
                    target.fill(0.0);
                    for (value, filter) in target.iter_mut().zip(filters.chunks_exact(self.taps())) {
                        *value = filter[source];
                    }
                    tap += 1;
                }
            }
        }
    }

    /// The output images of every row of the batch, blocked like the input images. `lists` gives the lengths of those
    /// inputs that are lists; it may be shorter than the batch, or empty.
    #[inline(always)]
    pub(crate) fn forward<S: Simd>(
        &self,
        batch: &Batch<'_>,
        rows: &mut Rows<'_>,
        lists: &[Option<usize>],
        pace: &mut Pace<'_>,
    ) -> ControlFlow<()> {
        let mut next = 0;
        while let Some(run) = batch.run_from(next) {
            next = run.end;
            let packed = batch.packed(run.slot, self.packed);
            let (bias, panels) = packed.split_at(self.bias_len());
            let mut channel = 0;
            while channel < self.columns() {
                let windows = &self.windows;
                let panel = Panel { windows, channel, bias, weights: &panels[channel * self.taps()..] };
                if channel + PANEL <= self.columns() {
                    sum_panel::<S, 2>(&panel, run, rows, lists, pace)?;
                } else {
                    sum_panel::<S, 1>(&panel, run, rows, lists, pace)?;
                }
                channel += PANEL;
            }
        }
        ControlFlow::Continue(())
    }
}

/// All rows of a run, lists and images, for `V` vectors of output channels.
#[inline(always)]
fn sum_panel<S: Simd, const V: usize>(
    panel: &Panel<'_>,
    run: Run,
    rows: &mut Rows<'_>,
    lists: &[Option<usize>],
    pace: &mut Pace<'_>,
) -> ControlFlow<()> {
    let kernel = panel.windows.geometry.kernel;
    let list = |row: usize| lists.get(row).copied().flatten();
    let mut row = run.start;
    while row < run.end {
        if let Some(count) = list(row) {
            pace.before(count * kernel.0 * kernel.1 * 8 * V)?;
            sparse::forward::<S, V>(panel, row, count, rows);
            row += 1;
            continue;
        }
        let start = row;
        while row < run.end && list(row).is_none() {
            row += 1;
        }
        panel.forward::<S, V>(Run { start, end: row, ..run }, rows, pace)?;
    }
    ControlFlow::Continue(())
}

//! Which pixels of a frame are looked at: a rectangle, every so many rows and columns of it, all colours or one.

use super::{COLOURS, ObservationOptions, PictureShape};
use crate::error::EnvError;

/// Part of a frame. What it leaves out goes no further: neither the largest of two frames nor luminance is taken of it.
#[derive(Clone, Debug)]
pub(super) struct Crop {
    /// For each row that is looked at, the index of its first value.
    rows: Vec<usize>,
    /// Within a row, the index of each value that is looked at.
    columns: Vec<usize>,
    is_whole: bool,
    shape: PictureShape,
}

impl Crop {
    /// Of frames of the shape `whole`.
    ///
    /// # Errors
    ///
    /// Nothing is left, steps of 0, or a colour that there is not.
    pub(super) fn new(whole: PictureShape, options: &ObservationOptions) -> Result<Self, EnvError> {
        let [top, bottom, left, right] = options.crop.unwrap_or_default();
        let (row_step, column_step) = options.subsample.unwrap_or((1, 1));
        if row_step == 0 || column_step == 0 {
            let message = format!("expected steps of at least 1, got ({row_step}, {column_step})");
            return Err(EnvError::new(format!("observation: subsample: {message}")));
        }
        if let Some(channel) = options.channel.filter(|&channel| channel >= COLOURS) {
            let message = format!("observation: channel: expected 0, 1 or 2, got {channel}");
            return Err(EnvError::new(message));
        }
        let is_left = |from: usize, to: usize, length: usize| from.saturating_add(to) < length;
        if !is_left(top, bottom, whole.height) || !is_left(left, right, whole.width) {
            return Err(EnvError::new(format!(
                "observation: crop: expected (top, bottom, left, right) that leave some of {} x {} pixels, got ({top}, \
                 {bottom}, {left}, {right})",
                whole.height, whole.width
            )));
        }
        let rows: Vec<usize> = (top..whole.height - bottom).step_by(row_step).collect();
        let columns: Vec<usize> = (left..whole.width - right).step_by(column_step).collect();
        let channels = match options.channel {
            Some(channel) => channel..channel + 1,
            None => 0..whole.channels,
        };
        let shape = PictureShape { height: rows.len(), width: columns.len(), channels: channels.len() };
        let in_row = |column: usize| channels.clone().map(move |channel| column * whole.channels + channel);
        Ok(Self {
            rows: rows.into_iter().map(|row| row * whole.width * whole.channels).collect(),
            columns: columns.into_iter().flat_map(in_row).collect(),
            is_whole: shape == whole,
            shape,
        })
    }

    /// The shape of what is looked at.
    pub(super) fn shape(&self) -> PictureShape {
        self.shape
    }

    /// Writes what is looked at of a frame, which has whole numbers from 0 to 255.
    pub(super) fn write(&self, frame: &[f32], bytes: &mut [u8]) {
        if self.is_whole {
            return write_bytes(frame, bytes);
        }
        for (row, &start) in bytes.chunks_exact_mut(self.columns.len()).zip(&self.rows) {
            for (byte, &column) in row.iter_mut().zip(&self.columns) {
                *byte = frame[start + column] as i32 as u8;
            }
        }
    }
}

fn write_bytes(values: &[f32], bytes: &mut [u8]) {
    for (byte, &value) in bytes.iter_mut().zip(values) {
        // Whole numbers from 0 to 255: through an integer, the conversion vectorises.
        *byte = value as i32 as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: PictureShape = PictureShape { height: 5, width: 4, channels: COLOURS };

    #[test]
    fn what_is_looked_at_is_a_slice() {
        let frame: Vec<f32> = (0..WHOLE.size()).map(|value| value as f32).collect();
        let options = ObservationOptions {
            crop: Some([1, 0, 0, 1]),
            subsample: Some((2, 2)),
            channel: Some(1),
            ..Default::default()
        };
        let crop = Crop::new(WHOLE, &options).unwrap();
        assert_eq!(crop.shape(), PictureShape { height: 2, width: 2, channels: 1 });
        let mut bytes = [0; 4];
        crop.write(&frame, &mut bytes);
        assert_eq!(bytes, [13, 19, 37, 43]);
        let whole = Crop::new(WHOLE, &ObservationOptions::default()).unwrap();
        let mut all = vec![0; WHOLE.size()];
        whole.write(&frame, &mut all);
        assert!(all.iter().enumerate().all(|(index, &byte)| usize::from(byte) == index));
    }

    #[test]
    fn what_leaves_nothing_is_refused() {
        let none = ObservationOptions::default();
        for (options, message) in [
            (
                ObservationOptions { crop: Some([3, 2, 0, 0]), ..none.clone() },
                "crop: expected (top, bottom, left, right) that leave some of 5 x 4 pixels, got (3, 2, 0, 0)",
            ),
            (
                ObservationOptions { crop: Some([0, 0, usize::MAX, 1]), ..none.clone() },
                "crop: expected (top, bottom, left, right) that leave some of 5 x 4 pixels, got (0, 0, \
                 18446744073709551615, 1)",
            ),
            (
                ObservationOptions { subsample: Some((0, 2)), ..none.clone() },
                "subsample: expected steps of at least 1, got (0, 2)",
            ),
            (ObservationOptions { channel: Some(3), ..none }, "channel: expected 0, 1 or 2, got 3"),
        ] {
            assert_eq!(
                Crop::new(WHOLE, &options).unwrap_err().to_string(),
                format!("observation: {message}")
            );
        }
    }
}

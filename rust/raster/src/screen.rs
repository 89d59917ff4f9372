//! The sizes of the screen and of the frame, and the few types that everything else speaks in.

/// Pixels in a row of the screen that is drawn on.
pub const WIDTH: usize = 1000;
/// Rows of the screen that is drawn on.
pub const HEIGHT: usize = 800;
/// Pixels in a row, and rows, of the frame that the screen is scaled down to.
pub const FRAME_SIDE: usize = 96;
/// Bytes of a frame: rows from the top, pixels from the left, red, green, blue.
pub const FRAME_BYTES: usize = FRAME_SIDE * FRAME_SIDE * 3;

/// A frame, `[row][column][channel]` flattened, as Gymnasium's observation.
pub type Frame = [u8; FRAME_BYTES];

/// Red, green and blue.
pub type Colour = [u8; 3];

/// The rightmost column and the bottom row: lines and spans are inclusive.
pub(crate) const RIGHT: i32 = WIDTH as i32 - 1;
pub(crate) const BOTTOM: i32 = HEIGHT as i32 - 1;

/// A vertex or pixel in whole pixels; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// A colour as it lies in a surface: red, green, blue and nothing in memory, whatever the machine.
pub(crate) const fn packed([red, green, blue]: Colour) -> u32 {
    u32::from_le_bytes([red, green, blue, 0])
}

/// The colour that lies in a pixel.
pub(crate) const fn unpacked(pixel: u32) -> Colour {
    let [red, green, blue, _] = pixel.to_le_bytes();
    [red, green, blue]
}

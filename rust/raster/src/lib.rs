//! What CarRacing looks like: polygons, indicators and a score, drawn on a screen of 1000 x 800 pixels and scaled down
//! to the 96 x 96 that an agent sees, with the bytes that pygame makes.
//!
//! ```
//! use raster::{FRAME_BYTES, FrameRenderer, Scene};
//!
//! let mut renderer = FrameRenderer::new();
//! let mut frame = Box::new([0; FRAME_BYTES]);
//!
//! let mut scene = Scene::new();
//! // Below the flip, y points upwards: grass over everything, and a tile of the road.
//! scene.push_antialiased([102, 204, 102], &[[-9.0, -9.0], [1009.0, -9.0], [1009.0, 809.0], [-9.0, 809.0]]);
//! scene.push_antialiased([102, 102, 102], &[[400.5, 300.2], [600.7, 310.9], [590.1, 360.3], [410.4, 350.8]]);
//! // Above it, y points downwards: the strip of indicators, and the reward.
//! scene.push_indicator([0, 0, 0], &[[1000.0, 800.0], [1000.0, 700.0], [0.0, 700.0], [0.0, 800.0]]);
//! scene.set_score(-0.1);
//! renderer.render(&scene, &mut frame);
//!
//! // Rows from the top, pixels from the left; red, green, blue. Scaling rounds down, and so darkens even flat colours.
//! assert_eq!(frame[..3], [100, 202, 100]);
//! assert_eq!(frame[(56 * 96 + 48) * 3..][..3], [100, 100, 100]);
//! ```
//!
//! **Two renderers.** [`render_reference`] paints every pixel of the screen and says what is right. [`FrameRenderer`]
//! gives the same bytes twenty times faster: it paints one band of the screen at a time (the eight or nine rows of one
//! row of the frame), keeps a colour instead of pixels where a cell of the frame's grid has only one, and computes rows
//! and channels side by side.
//!
//! **Place.** The environment computes vertices and colours, in float64 and with every rounding that its reference has,
//! and calls this crate; the crate knows neither cars nor tracks. It depends on `lane-math` for the instruction set.
//!
//! **Numeric contract.** EXACT: equal, byte for byte, to pygame-ce 2.5.8 on x86-64, that is: `gfxdraw.aapolygon` and
//! `gfxdraw.filled_polygon` (coordinates truncated, then wrapped to 16 bits; lines clipped with a float32 slope; Wu's
//! anti-aliasing in 16 bits of fraction), `draw.polygon` of four vertices and more, `transform.flip`,
//! `transform.smoothscale` with the SSE2 backend (the GENERIC one differs by one in a few pixels), and text of digits in
//! the default font at 42 points. Frames depend neither on the instruction set nor on the scene rendered before. Vertices
//! are finite.
//!
//! **Cost.** Microseconds of a frame on a core of an AMD Zen 5 that others share (`cargo bench -p raster`), AVX2 and
//! without, against 7,500 in Python:
//!
//! | | fast | portable | reference |
//! |---|---|---|---|
//! | on the road | 71 | 266 | 1,630 |
//! | spinning | 119 | 408 | |
//! | the camera zooming in, step 20 | 114 | 411 | |
//! | the whole track in view, step 0 | 252 | 722 | 1,940 |
//!
//! **What it does not do.** No other sizes, no transparency, no curves, no text but numbers, no general drawing: what
//! CarRacing calls, and that alone.

#![warn(missing_docs)]

mod fill;
mod frame;
mod kerning;
mod reference;
mod scene;
mod score;
mod screen;
mod smoothscale;
mod stroke;
mod surface;

pub use frame::FrameRenderer;
pub use reference::{draw_polygons, draw_screen, render_reference};
pub use scene::Scene;
pub use screen::{Colour, FRAME_BYTES, FRAME_SIDE, Frame, HEIGHT, WIDTH};
pub use surface::Surface;

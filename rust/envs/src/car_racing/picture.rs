//! From an episode to its observation.

use super::{CarRacing, scene};
use crate::environment::View;
use lane_math::lanes::Simd;
use lane_math::{Isa, Kernel};
use raster::{FRAME_BYTES, Frame, FrameRenderer, Scene};
use std::cell::RefCell;

/// Channels of a pixel.
const CHANNELS: usize = 3;

thread_local! {
    // Holds nothing from one picture to the next but its memory, which all episodes of a thread share: so it is allocated
    // once, and stays in the processor's cache.
    static CANVAS: RefCell<Canvas> = RefCell::new(Canvas::new());
}

struct Canvas {
    isa: Isa,
    scene: Scene,
    renderer: FrameRenderer,
    frame: Box<Frame>,
}

impl Canvas {
    fn new() -> Self {
        let isa = Isa::detect();
        Self {
            isa,
            scene: Scene::new(),
            renderer: FrameRenderer::with_isa(isa),
            frame: Box::new([0; FRAME_BYTES]),
        }
    }
}

/// Writes the bytes of the picture of an episode.
pub(super) fn paint(episode: &CarRacing, view: View, observation: &mut [f32]) {
    CANVAS.with_borrow_mut(|Canvas { isa, scene, renderer, frame }| {
        scene::describe(episode, scene);
        renderer.render(scene, frame);
        write(*isa, frame, view, observation);
    });
}

/// The bytes of a frame as float32, in their order: a loop that the compiler makes vectors of.
struct Widen<'a> {
    frame: &'a Frame,
    observation: &'a mut [f32],
}

impl Kernel for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (value, &byte) in self.observation.iter_mut().zip(self.frame) {
            *value = f32::from(byte);
        }
    }
}

fn write(isa: Isa, frame: &Frame, view: View, observation: &mut [f32]) {
    match view {
        View::Gymnasium => isa.run(Widen { frame, observation }),
        View::ChannelsFirst => {
            for (channel, plane) in observation.chunks_exact_mut(FRAME_BYTES / CHANNELS).enumerate() {
                for (value, pixel) in plane.iter_mut().zip(frame.chunks_exact(CHANNELS)) {
                    *value = f32::from(pixel[channel]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_views_show_the_same_bytes() {
        let mut frame = [0; FRAME_BYTES];
        for (index, byte) in frame.iter_mut().enumerate() {
            *byte = (index * 7 % 251) as u8;
        }
        let (mut gymnasium, mut channels_first) = (vec![0.0; FRAME_BYTES], vec![0.0; FRAME_BYTES]);
        for isa in Isa::all_available() {
            write(isa, &frame, View::Gymnasium, &mut gymnasium);
            write(isa, &frame, View::ChannelsFirst, &mut channels_first);
            let pixels = FRAME_BYTES / CHANNELS;
            for index in 0..FRAME_BYTES {
                assert_eq!(gymnasium[index], f32::from(frame[index]));
                assert_eq!(gymnasium[index], channels_first[index % CHANNELS * pixels + index / CHANNELS]);
            }
        }
    }
}

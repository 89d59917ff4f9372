//! From the frames of an episode to its observations: pictures of bytes.

use super::crop::Crop;
use super::gray::write_luminance;
use super::pipeline::Pipeline;
use super::resize::Resize;
use super::{ObservationOptions, Padding, PictureShape};
use crate::environment::View;

/// The wrappers with what they need while they work, which holds nothing from one call to the next. What is remembered
/// of an episode is in its [`Memory`].
#[derive(Clone)]
pub(super) struct Images {
    skip: usize,
    most_steps: u64,
    padding: Padding,
    stack: usize,
    /// What of a frame is looked at at all.
    crop: Crop,
    /// The shape of that.
    frame: PictureShape,
    gray: Option<Vec<u8>>,
    resize: Option<Resize>,
    picture: PictureShape,
    /// A frame as the environment writes it.
    values: Vec<f32>,
    /// What is looked at of a frame, or the largest of several.
    bytes: Vec<u8>,
    /// What is shown of each byte, where it is not the byte.
    scale: Option<Box<[f32; 256]>>,
}

/// What the wrappers remember of one episode.
#[derive(Clone)]
pub(super) struct Memory {
    /// The last frames that a skip looked at: two, or one without a skip.
    seen: Vec<u8>,
    /// The observation's pictures, in a ring.
    pictures: Vec<u8>,
    /// The oldest of them.
    oldest: usize,
    /// Steps of the environment.
    steps: u64,
}

impl Images {
    /// Of whole frames of the shape `whole`, of which `crop` takes a part.
    pub(super) fn new(
        whole: PictureShape,
        crop: Crop,
        options: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Self {
        let frame = crop.shape();
        let gray_shape = PictureShape { channels: 1, ..frame };
        let gray = options.grayscale.then(|| vec![0; gray_shape.size()]);
        let full = if options.grayscale { gray_shape } else { frame };
        let resize = options.resize.map(|(height, width)| Resize::new(full, height, width));
        Self {
            skip: options.skip.unwrap_or(1),
            most_steps: max_episode_steps.unwrap_or(u64::MAX),
            padding: options.padding,
            stack: options.stack.unwrap_or(1),
            crop,
            frame,
            gray,
            picture: resize.as_ref().map_or(full, Resize::to),
            resize,
            values: vec![0.0; whole.size()],
            bytes: vec![0; frame.size()],
            scale: options.scale.then(|| Box::new(std::array::from_fn(|byte| byte as f32 / 127.5 - 1.0))),
        }
    }

    /// The shape of one picture of the stack.
    pub(super) fn picture(&self) -> PictureShape {
        self.picture
    }

    /// Writes what the gray scale and the resizing make of `self.bytes`.
    fn write_picture(&mut self, picture: &mut [u8]) {
        match (&mut self.gray, &mut self.resize) {
            (None, None) => picture.copy_from_slice(&self.bytes),
            (Some(_), None) => write_luminance(&self.bytes, picture),
            (None, Some(resize)) => resize.resize(&self.bytes, picture),
            (Some(gray), Some(resize)) => {
                write_luminance(&self.bytes, gray);
                resize.resize(gray, picture);
            }
        }
    }
}

impl Pipeline for Images {
    type Memory = Memory;

    fn observation_size(&self) -> usize {
        self.stack * self.picture.size()
    }

    fn skip(&self) -> usize {
        self.skip
    }

    fn memory(&self) -> Memory {
        Memory {
            seen: vec![0; self.skip.min(2) * self.frame.size()],
            pictures: vec![0; self.observation_size()],
            oldest: 0,
            steps: 0,
        }
    }

    fn reset(&mut self, memory: &mut Memory, draw: impl FnOnce(&mut [f32])) {
        draw(&mut self.values);
        self.crop.write(&self.values, &mut self.bytes);
        memory.seen.fill(0);
        (memory.oldest, memory.steps) = (0, 0);
        let size = self.picture.size();
        let (padding, newest) = memory.pictures.split_at_mut(self.observation_size() - size);
        self.write_picture(newest);
        match self.padding {
            Padding::Reset => {
                padding.chunks_exact_mut(size).for_each(|picture| picture.copy_from_slice(newest))
            }
            Padding::Zero => padding.fill(0),
        }
    }

    fn is_at_limit(&self, memory: &mut Memory) -> bool {
        memory.steps += 1;
        memory.steps >= self.most_steps
    }

    fn look(&mut self, memory: &mut Memory, index: usize, draw: impl FnOnce(&mut [f32])) {
        let looks = self.skip.min(2);
        if let Some(look) = (index + looks).checked_sub(self.skip) {
            draw(&mut self.values);
            let size = self.frame.size();
            self.crop.write(&self.values, &mut memory.seen[look * size..(look + 1) * size]);
        }
    }

    fn push(&mut self, memory: &mut Memory) {
        let (first, second) = memory.seen.split_at(self.frame.size());
        self.bytes.copy_from_slice(first);
        for (byte, &other) in self.bytes.iter_mut().zip(second) {
            *byte = other.max(*byte);
        }
        let size = self.picture.size();
        self.write_picture(&mut memory.pictures[memory.oldest * size..(memory.oldest + 1) * size]);
        memory.oldest = (memory.oldest + 1) % self.stack;
    }

    fn observe(&self, memory: &Memory, view: View, observation: &mut [f32]) {
        let (newer, older) = memory.pictures.split_at(memory.oldest * self.picture.size());
        let pictures = [older, newer].into_iter().flat_map(|part| part.chunks_exact(self.picture.size()));
        for (values, picture) in observation.chunks_exact_mut(self.picture.size()).zip(pictures) {
            match view {
                View::ChannelsFirst if self.picture.channels > 1 => {
                    write_planes(picture, self.picture.channels, values);
                }
                View::ChannelsFirst | View::Gymnasium => {
                    values.iter_mut().zip(picture).for_each(|(value, &byte)| *value = f32::from(byte));
                }
            }
            if let Some(scale) = &self.scale {
                values.iter_mut().for_each(|value| *value = scale[*value as u8 as usize]);
            }
        }
    }
}

fn write_planes(picture: &[u8], channels: usize, values: &mut [f32]) {
    let pixels = picture.len() / channels;
    for (channel, plane) in values.chunks_exact_mut(pixels).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(picture.chunks_exact(channels)) {
            *value = f32::from(pixel[channel]);
        }
    }
}

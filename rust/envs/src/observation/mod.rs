//! Observations behind Gymnasium 1.4.0's wrappers: an environment of another shape, with the same episodes.
//!
//! EXACT, of images always in this order: `MaxAndSkipObservation` (the largest of the last two frames; rewards summed first
//! to last), `TransformObservation` with slices (a rectangle, every so many rows and columns, one colour),
//! `GrayscaleObservation`, `ResizeObservation` (OpenCV's `INTER_AREA`, any size), `FrameStackObservation` (oldest frame
//! first) and `TransformObservation` to float32 `byte / 127.5 - 1`. Of vectors: see `kept`. The time limit stands before them all, where `gymnasium.make` puts it: it counts the
//! environment's own steps, cuts a skip short, and a step of the wrapped environment counts as as many
//! ([`Outcomes::steps`](crate::Outcomes::steps)). The frames that a skip does not look at are not drawn.
//!
//! An episode that ends in the middle of a skip shows what the wrapper has in its two buffers then, frames of the step
//! before. DIFFERENCE: the wrapper keeps these buffers from one episode to the next; here an episode starts with the zeros
//! that a fresh wrapper has, so that it does not depend on the one before.
//!
//! Depends on [`Spec`], [`Group`](crate::Group) and [`Environment`], never on a single environment.

mod crop;
#[cfg(test)]
mod drawn;
mod environment;
mod gray;
mod group;
mod images;
mod intern;
mod kept;
mod pick;
mod pipeline;
mod resize;
#[cfg(test)]
mod tests;
mod vectors;

use crate::environment::Environment;
use crate::error::EnvError;
use crate::group::Group;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{Spec, channels_first_order};
use crop::Crop;
use environment::ObservedEnvironment;
use group::ObservedGroup;
use images::Images;
use kept::VectorSpec;

/// Channels of a coloured pixel.
const COLOURS: usize = 3;

/// What fills the stack when an episode starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// The first frame, again and again.
    #[default]
    Reset,
    /// Black frames.
    Zero,
}

/// Which wrappers stand before an environment; none of them by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservationOptions {
    /// Steps of the environment per action, at least 2.
    pub skip: Option<usize>,
    /// Pixels that are cut off at the top, the bottom, the left and the right.
    pub crop: Option<[usize; 4]>,
    /// Every so many rows and columns of what is left, from the first.
    pub subsample: Option<(usize, usize)>,
    /// The only colour that is seen, 0 to 2; the channels' axis is dropped.
    pub channel: Option<usize>,
    /// One channel of luminance instead of three of colour; the channels' axis is dropped.
    pub grayscale: bool,
    /// Height and width, each at least 1.
    pub resize: Option<(usize, usize)>,
    /// Frames in an observation, at least 1; a new first axis.
    pub stack: Option<usize>,
    /// What the stack holds before there are as many frames.
    pub padding: Padding,
    /// Bytes of images as float32 from -1 to 1: `byte / 127.5 - 1`.
    pub scale: bool,
    /// Which values of a vector are seen, by their positions, ascending.
    pub keep: Option<Vec<usize>>,
    /// The bounds that values of a vector are brought into.
    pub clip: Option<(f32, f32)>,
}

impl ObservationOptions {
    /// The first option that is for images alone.
    fn for_images(&self) -> Option<&'static str> {
        let options = [
            ("crop", self.crop.is_some()),
            ("subsample", self.subsample.is_some()),
            ("channel", self.channel.is_some()),
            ("grayscale", self.grayscale),
            ("resize", self.resize.is_some()),
            ("scale", self.scale),
        ];
        options.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    /// The first option that is for vectors alone.
    fn for_vectors(&self) -> Option<&'static str> {
        let options = [("keep", self.keep.is_some()), ("clip", self.clip.is_some())];
        options.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name)
    }

    fn check(&self) -> Result<(), EnvError> {
        let (height, width) = self.resize.unzip();
        let numbers = [
            ("skip", self.skip, 2),
            ("resize height", height, 1),
            ("resize width", width, 1),
            ("stack", self.stack, 1),
        ];
        for (name, number, least) in numbers {
            if let Some(got) = number.filter(|&number| number < least) {
                let message = format!("observation: expected {name} to be at least {least}, got {got}");
                return Err(EnvError::new(message));
            }
        }
        if self.grayscale && self.channel.is_some() {
            let message = "observation: expected either grayscale or a channel, got both";
            return Err(EnvError::new(message.to_owned()));
        }
        Ok(())
    }
}

/// Puts the wrappers before `inner`, an environment called `id`, which ends after `max_episode_steps`. `default_policy` is
/// what fits without them.
pub(crate) fn observed(
    id: &str,
    inner: Box<dyn Spec>,
    default_policy: &str,
    options: &ObservationOptions,
    max_episode_steps: Option<u64>,
) -> Result<Box<dyn Spec>, EnvError> {
    options.check()?;
    let ObservationSpace { shape, dtype } = inner.observation_space();
    let got = || format!("got {id} with {shape:?} {}", dtype.name());
    match (&shape[..], *dtype) {
        (&[_], ObservationDtype::F32) => match options.for_images() {
            None => Ok(Box::new(VectorSpec::new(id, inner, default_policy, options, max_episode_steps)?)),
            Some(name) => Err(EnvError::new(format!("observation: {name}: expected {IMAGES}, {}", got()))),
        },
        (&[height, width, COLOURS], ObservationDtype::U8) => match options.for_vectors() {
            None => {
                let frame = PictureShape { height, width, channels: COLOURS };
                Ok(Box::new(ObservedSpec::new(inner, frame, default_policy, options, max_episode_steps)?))
            }
            Some(name) => Err(EnvError::new(format!("observation: {name}: expected {VECTORS}, {}", got()))),
        },
        _ => Err(EnvError::new(format!("observation: expected {VECTORS} or coloured images, {}", got()))),
    }
}

const IMAGES: &str = "an environment with coloured images, (height, width, 3) uint8";
const VECTORS: &str = "an environment with vectors, (n,) float32";

/// The size of one picture, of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PictureShape {
    height: usize,
    width: usize,
    channels: usize,
}

impl PictureShape {
    fn size(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// An environment behind the wrappers.
struct ObservedSpec {
    inner: Box<dyn Spec>,
    pipeline: Images,
    observation_space: ObservationSpace,
    image_shape: [usize; 3],
    default_policy: String,
}

impl ObservedSpec {
    /// Puts the wrappers before `inner`, which shows frames of the shape `frame` and ends after `max_episode_steps`.
    /// `default_policy` is what fits without them.
    fn new(
        inner: Box<dyn Spec>,
        frame: PictureShape,
        default_policy: &str,
        options: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Result<Self, EnvError> {
        let pipeline = Images::new(frame, Crop::new(frame, options)?, options, max_episode_steps);
        let picture = pipeline.picture();
        let mut shape = vec![picture.height, picture.width];
        if !options.grayscale && options.channel.is_none() {
            shape.push(picture.channels);
        }
        if let Some(stack) = options.stack {
            shape.insert(0, stack);
        }
        let image_shape = [options.stack.unwrap_or(1) * picture.channels, picture.height, picture.width];
        Ok(Self {
            default_policy: with_input(default_policy, image_shape),
            inner,
            pipeline,
            observation_space: ObservationSpace {
                shape,
                dtype: if options.scale { ObservationDtype::F32 } else { ObservationDtype::U8 },
            },
            image_shape,
        })
    }
}

/// The spelling of a cnn for images of another shape.
fn with_input(policy: &str, [channels, height, width]: [usize; 3]) -> String {
    let (arch, layers) = policy.split_once(':').unwrap_or((policy, ""));
    let layers = layers.split_once('-').map_or("", |(_, layers)| layers);
    format!("{arch}:{channels}x{height}x{width}-{layers}")
}

impl Spec for ObservedSpec {
    fn observation_space(&self) -> &ObservationSpace {
        &self.observation_space
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        Some(self.image_shape)
    }

    fn channels_first_order(&self) -> Vec<usize> {
        let picture = self.pipeline.picture();
        channels_first_order(self.observation_space.size(), picture.size(), picture.channels)
    }

    fn event_fields(&self) -> &'static [&'static str] {
        self.inner.event_fields()
    }

    fn own_step_limit(&self) -> Option<u64> {
        self.inner.own_step_limit()
    }

    fn action_space(&self) -> &ActionSpace {
        self.inner.action_space()
    }

    fn default_policy(&self) -> Option<&str> {
        Some(&self.default_policy)
    }

    fn lanes_that_pay(&self) -> usize {
        self.inner.lanes_that_pay()
    }

    fn environment(&self) -> Box<dyn Environment> {
        Box::new(ObservedEnvironment::new(
            self.inner.environment(),
            self.pipeline.clone(),
            self.event_fields().len(),
        ))
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        let dimensions = match self.inner.action_space() {
            ActionSpace::Discrete(_) => 1,
            ActionSpace::Box { low, .. } => low.len(),
        };
        Box::new(ObservedGroup::new(
            self.inner.group(lanes),
            self.pipeline.clone(),
            dimensions,
            self.event_fields().len(),
        ))
    }
}

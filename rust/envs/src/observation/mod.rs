//! Image observations behind Gymnasium 1.4.0's wrappers: an environment of another shape, with the same episodes.
//!
//! EXACT, always in this order: `MaxAndSkipObservation` (the largest of the last two frames; rewards summed first to
//! last), `GrayscaleObservation`, `ResizeObservation` (OpenCV's `INTER_AREA`, any size) and `FrameStackObservation`
//! (oldest frame first). The time limit stands before them all, where `gymnasium.make` puts it: it counts the
//! environment's own steps, cuts a skip short, and a step of the wrapped environment counts as as many
//! ([`Outcomes::steps`](crate::Outcomes::steps)). The frames that a skip does not look at are not drawn.
//!
//! An episode that ends in the middle of a skip shows what the wrapper has in its two buffers then, frames of the step
//! before. DIFFERENCE: the wrapper keeps these buffers from one episode to the next; here an episode starts with the zeros
//! that a fresh wrapper has, so that it does not depend on the one before.
//!
//! Of observations that are vectors some values can be [kept](ObservationOptions::keep).
//!
//! Depends on [`Spec`], [`Group`](crate::Group) and [`Environment`], never on a single environment.

mod environment;
mod gray;
mod group;
mod kept;
mod pipeline;
mod resize;
#[cfg(test)]
mod tests;

use crate::environment::Environment;
use crate::error::EnvError;
use crate::group::Group;
use crate::space::{ActionSpace, ObservationDtype, ObservationSpace};
use crate::spec::{Spec, channels_first_order};
use environment::ObservedEnvironment;
use group::ObservedGroup;
use kept::KeptSpec;
use pipeline::Pipeline;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservationOptions {
    /// Steps of the environment per action, at least 2.
    pub skip: Option<usize>,
    /// One channel of luminance instead of three of colour; the channels' axis is dropped.
    pub grayscale: bool,
    /// Height and width, each at least 1.
    pub resize: Option<(usize, usize)>,
    /// Frames in an observation, at least 1; a new first axis.
    pub stack: Option<usize>,
    /// What the stack holds before there are as many frames.
    pub padding: Padding,
    /// Which values of a vector are seen, by their positions, ascending; none of the other options goes with it.
    pub keep: Option<Vec<usize>>,
}

impl ObservationOptions {
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
    let Some(kept) = &options.keep else {
        return Ok(Box::new(ObservedSpec::new(id, inner, default_policy, options, max_episode_steps)?));
    };
    let alone = ObservationOptions { keep: options.keep.clone(), ..ObservationOptions::default() };
    if *options != alone {
        let message =
            "observation: expected keep alone, which is for vectors, got it with an option for images";
        return Err(EnvError::new(message.to_owned()));
    }
    Ok(Box::new(KeptSpec::new(id, inner, default_policy, kept)?))
}

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
pub(crate) struct ObservedSpec {
    inner: Box<dyn Spec>,
    pipeline: Pipeline,
    observation_space: ObservationSpace,
    image_shape: [usize; 3],
    default_policy: String,
}

impl ObservedSpec {
    /// Puts the wrappers before `inner`, an environment called `id`, which ends after `max_episode_steps`.
    /// `default_policy` is what fits without them.
    pub(crate) fn new(
        id: &str,
        inner: Box<dyn Spec>,
        default_policy: &str,
        options: &ObservationOptions,
        max_episode_steps: Option<u64>,
    ) -> Result<Self, EnvError> {
        options.check()?;
        let ObservationSpace { shape, dtype } = inner.observation_space();
        let &[height, width, COLOURS] = &shape[..] else { return Err(no_pictures(id, shape, *dtype)) };
        if *dtype != ObservationDtype::U8 {
            return Err(no_pictures(id, shape, *dtype));
        }
        let frame = PictureShape { height, width, channels: COLOURS };
        let pipeline = Pipeline::new(frame, options, max_episode_steps);
        let picture = pipeline.picture();
        let mut shape = vec![picture.height, picture.width];
        if !options.grayscale {
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
            observation_space: ObservationSpace { shape, dtype: ObservationDtype::U8 },
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

fn no_pictures(id: &str, shape: &[usize], dtype: ObservationDtype) -> EnvError {
    let dtype = dtype.name();
    EnvError::new(format!(
        "observation: expected an environment with coloured images, (height, width, 3) uint8, got {id} with {shape:?} \
         {dtype}"
    ))
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

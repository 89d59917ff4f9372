//! An environment with its arguments fixed: makes episodes and groups.

use crate::environment::Environment;
use crate::episodes::ScalarGroup;
use crate::group::Group;
use crate::space::{ActionSpace, ObservationSpace};
use std::any::Any;

/// The lanes that most environments make use of: four vectors of float64.
pub const LANES_THAT_PAY: usize = 16;

/// An environment with its keyword arguments and reset options fixed: makes episodes and groups.
pub trait Spec: Send + Sync {
    /// The observation space.
    fn observation_space(&self) -> &ObservationSpace;

    /// `(channels, height, width)` of observations that are images, as
    /// [`View::ChannelsFirst`](crate::View::ChannelsFirst) has them.
    fn image_shape(&self) -> Option<[usize; 3]> {
        match self.observation_space().shape[..] {
            [height, width, channels] => Some([channels, height, width]),
            _ => None,
        }
    }

    /// For each value of an observation as [`View::ChannelsFirst`](crate::View::ChannelsFirst) has it, its index as
    /// [`View::Gymnasium`](crate::View::Gymnasium) has it.
    fn channels_first_order(&self) -> Vec<usize> {
        let channels = match self.observation_space().shape[..] {
            [_, _, channels] => channels,
            _ => 1,
        };
        channels_first_order(self.observation_space().size(), self.observation_space().size(), channels)
    }

    /// The names of an observation's values, in order; none if they have no names, as those of images.
    fn observation_fields(&self) -> &[&'static str] {
        &[]
    }

    /// The names of what [`Environment::events`] writes. A skip of frames sums them up, as it does rewards.
    fn event_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// The steps after which an episode ends by the environment's own rules, if it always does.
    fn own_step_limit(&self) -> Option<u64> {
        None
    }

    /// The action space.
    fn action_space(&self) -> &ActionSpace;

    /// The policy that takes the place of the registry's, where the keyword arguments change what fits.
    fn default_policy(&self) -> Option<&str> {
        None
    }

    /// The number of lanes from which on more of them make a step hardly faster.
    fn lanes_that_pay(&self) -> usize {
        LANES_THAT_PAY
    }

    /// What episodes are copies of, for [`Group::vary`]; none behind wrappers.
    fn prototype(&self) -> Option<&dyn Any> {
        None
    }

    /// One scalar episode, not yet reset.
    fn environment(&self) -> Box<dyn Environment>;

    /// A group of `lanes` episodes, none of them reset. The same bits as `lanes` scalar episodes.
    fn group(&self, lanes: usize) -> Box<dyn Group>;
}

/// [`Spec::channels_first_order`] of observations of `size` values: pictures of `picture` values each, one after the
/// other, whose pixels have `channels` values.
pub(crate) fn channels_first_order(size: usize, picture: usize, channels: usize) -> Vec<usize> {
    let pixels = picture / channels;
    let place = |index: usize| {
        let (start, within) = (index / picture * picture, index % picture);
        start + within % pixels * channels + within / pixels
    };
    (0..size).map(place).collect()
}

/// Makes a group of `lanes` episodes of a prototype.
pub type MakeGroup<E> = fn(prototype: &E, lanes: usize) -> Box<dyn Group>;

/// The spec of an environment that is a prototype to be copied.
pub struct PrototypeSpec<E> {
    prototype: E,
    observation_space: ObservationSpace,
    action_space: ActionSpace,
    make_group: Option<MakeGroup<E>>,
    lanes_that_pay: usize,
    default_policy: Option<&'static str>,
    observation_fields: &'static [&'static str],
    event_fields: &'static [&'static str],
    own_step_limit: Option<u64>,
}

impl<E: Environment + Clone> PrototypeSpec<E> {
    /// Copies of `prototype`, in [`ScalarGroup`]s.
    pub fn new(prototype: E, observation_space: ObservationSpace, action_space: ActionSpace) -> Self {
        Self {
            prototype,
            observation_space,
            action_space,
            make_group: None,
            lanes_that_pay: LANES_THAT_PAY,
            default_policy: None,
            observation_fields: &[],
            event_fields: &[],
            own_step_limit: None,
        }
    }

    /// The same with groups of the environment's own, which must give the same bits.
    pub fn with_groups(self, make_group: MakeGroup<E>) -> Self {
        Self { make_group: Some(make_group), ..self }
    }

    /// The same with groups that gain from more lanes than others, or from fewer.
    pub fn with_lanes_that_pay(self, lanes_that_pay: usize) -> Self {
        Self { lanes_that_pay, ..self }
    }

    /// The same with another default policy than the registry's.
    pub fn with_default_policy(self, policy: &'static str) -> Self {
        Self { default_policy: Some(policy), ..self }
    }

    /// The same with names for the values of an observation.
    ///
    /// # Panics
    ///
    /// If there are not as many names as values.
    pub fn with_observation_fields(self, fields: &'static [&'static str]) -> Self {
        assert_eq!(fields.len(), self.observation_space.size(), "one name for each value");
        Self { observation_fields: fields, ..self }
    }

    /// The same with the names of what [`Environment::events`] writes.
    pub fn with_event_fields(self, fields: &'static [&'static str]) -> Self {
        Self { event_fields: fields, ..self }
    }

    /// The same with episodes that end after so many steps by the environment's own rules, if not earlier.
    pub fn with_own_step_limit(self, steps: u64) -> Self {
        Self { own_step_limit: Some(steps), ..self }
    }
}

impl<E: Environment + Clone + 'static> Spec for PrototypeSpec<E> {
    fn observation_space(&self) -> &ObservationSpace {
        &self.observation_space
    }

    fn action_space(&self) -> &ActionSpace {
        &self.action_space
    }

    fn default_policy(&self) -> Option<&str> {
        self.default_policy
    }

    fn observation_fields(&self) -> &[&'static str] {
        self.observation_fields
    }

    fn event_fields(&self) -> &'static [&'static str] {
        self.event_fields
    }

    fn own_step_limit(&self) -> Option<u64> {
        self.own_step_limit
    }

    fn lanes_that_pay(&self) -> usize {
        self.lanes_that_pay
    }

    fn prototype(&self) -> Option<&dyn Any> {
        Some(&self.prototype)
    }

    fn environment(&self) -> Box<dyn Environment> {
        Box::new(self.prototype.clone())
    }

    fn group(&self, lanes: usize) -> Box<dyn Group> {
        let (size, dimensions) = (self.observation_space.size(), self.action_space.n_logits());
        match self.make_group {
            Some(make_group) => make_group(&self.prototype, lanes),
            None => Box::new(ScalarGroup::new(&self.prototype, lanes, size, dimensions)),
        }
    }
}

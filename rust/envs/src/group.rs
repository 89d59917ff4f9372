//! Groups of episodes that one thread advances together, and the specs that make them.

use crate::environment::{Action, Environment, View};
use crate::space::{ActionSpace, Actions, ObservationSpace};
use std::any::Any;

/// What a group's step returned, one entry per lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// The rewards.
    pub rewards: Vec<f64>,
    /// Which episodes reached an end state.
    pub terminated: Vec<bool>,
    /// Which episodes reached a limit of the environment's own.
    pub truncated: Vec<bool>,
    /// How many steps of the environment it was: 1, unless frames are skipped. Only a group that skips writes them.
    pub steps: Vec<u64>,
}

impl Outcomes {
    /// Room for `lanes` lanes.
    pub fn new(lanes: usize) -> Self {
        Self {
            rewards: vec![0.0; lanes],
            terminated: vec![false; lanes],
            truncated: vec![false; lanes],
            steps: vec![1; lanes],
        }
    }
}

/// Several episodes side by side. Lanes `0..active` are in play; the engine keeps them dense by
/// moving the last one into a gap.
pub trait Group: Send + Any {
    /// The number of lanes.
    fn lanes(&self) -> usize;

    /// Starts a new episode in `lane`.
    fn reset(&mut self, lane: usize, seed: u64);

    /// Makes lane `to` what lane `from` is; `from` is out of play afterwards.
    fn move_lane(&mut self, from: usize, to: usize);

    /// Makes lane `to` what lane `from` of another group is, in which it is out of play afterwards.
    ///
    /// # Panics
    ///
    /// If `other` is not a group of the same spec.
    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize);

    /// Writes the observations of the first `active` lanes, `(active, size)` row-major.
    fn observe(&self, active: usize, view: View, observations: &mut [f32]);

    /// Writes the observation of one lane.
    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]);

    /// Writes what happened in the last step of one lane, as [`Environment::events`] does.
    fn events(&self, _lane: usize, _events: &mut [f64]) {}

    /// Advances the first lanes, as many as there are actions; writes their entries of `outcomes`.
    ///
    /// A lane whose episode has ended must be reset before it is stepped again: past the end only the
    /// scalar [`Environment`] does what the reference does.
    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes);
}

/// The other group of [`Group::take_lane`].
pub(crate) fn same_kind<G: Group>(other: &mut dyn Group) -> &mut G {
    let other: &mut dyn Any = other;
    other.downcast_mut().expect("groups of one spec are of one type")
}

/// The lanes that most environments make use of: four vectors of float64.
pub const LANES_THAT_PAY: usize = 16;

/// An environment with its keyword arguments and reset options fixed: makes episodes and groups.
pub trait Spec: Send + Sync {
    /// The observation space.
    fn observation_space(&self) -> &ObservationSpace;

    /// `(channels, height, width)` of observations that are images, as [`View::ChannelsFirst`] has them.
    fn image_shape(&self) -> Option<[usize; 3]> {
        match self.observation_space().shape[..] {
            [height, width, channels] => Some([channels, height, width]),
            _ => None,
        }
    }

    /// For each value of an observation as [`View::ChannelsFirst`] has it, its index as [`View::Gymnasium`] has it.
    fn channels_first_order(&self) -> Vec<usize> {
        let channels = match self.observation_space().shape[..] {
            [_, _, channels] => channels,
            _ => 1,
        };
        channels_first_order(self.observation_space().size(), self.observation_space().size(), channels)
    }

    /// The names of an observation's values, in order; none if they have no names, as those of images.
    fn observation_fields(&self) -> &'static [&'static str] {
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

/// The group that every environment has: scalar episodes, one after the other.
pub struct ScalarGroup<E> {
    episodes: Vec<E>,
    dimensions: usize,
    observation_size: usize,
}

impl<E: Environment + Clone> ScalarGroup<E> {
    /// `lanes` copies of `prototype`, which has `observation_size` values in an observation and
    /// `dimensions` in a continuous action.
    pub fn new(prototype: &E, lanes: usize, observation_size: usize, dimensions: usize) -> Self {
        Self { episodes: vec![prototype.clone(); lanes], dimensions, observation_size }
    }

    fn step_lane(&mut self, lane: usize, action: Action<'_>, outcomes: &mut Outcomes) {
        let step = self.episodes[lane].step(action);
        outcomes.rewards[lane] = step.reward;
        outcomes.terminated[lane] = step.terminated;
        outcomes.truncated[lane] = step.truncated;
    }
}

impl<E: Environment + Clone + 'static> Group for ScalarGroup<E> {
    fn lanes(&self) -> usize {
        self.episodes.len()
    }

    fn reset(&mut self, lane: usize, seed: u64) {
        self.episodes[lane].reset(Some(seed));
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.episodes.swap(from, to);
    }

    fn take_lane(&mut self, to: usize, other: &mut dyn Group, from: usize) {
        std::mem::swap(&mut self.episodes[to], &mut same_kind::<Self>(other).episodes[from]);
    }

    fn observe(&self, active: usize, view: View, observations: &mut [f32]) {
        let rows = observations.chunks_exact_mut(self.observation_size);
        for (episode, row) in self.episodes[..active].iter().zip(rows) {
            episode.observe(view, row);
        }
    }

    fn observe_lane(&self, lane: usize, view: View, observation: &mut [f32]) {
        self.episodes[lane].observe(view, observation);
    }

    fn events(&self, lane: usize, events: &mut [f64]) {
        self.episodes[lane].events(events);
    }

    fn step(&mut self, actions: Actions<'_>, outcomes: &mut Outcomes) {
        match actions {
            Actions::Discrete(indices) => {
                for (lane, &index) in indices.iter().enumerate() {
                    self.step_lane(lane, Action::Discrete(index), outcomes);
                }
            }
            Actions::Continuous(values) => {
                for (lane, action) in values.chunks_exact(self.dimensions).enumerate() {
                    self.step_lane(lane, Action::Continuous(action), outcomes);
                }
            }
        }
    }
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

    fn observation_fields(&self) -> &'static [&'static str] {
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

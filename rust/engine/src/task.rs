//! What is to be evaluated, and the check that its parts fit together.

use crate::actions::{Exploration, Head, Noise};
use crate::error::EngineError;
use crate::graphs::Graphs;
use crate::normalization::Normalization;
use crate::recording::definition::Recording;
use crate::rules::Rules;
use envs::{ActionSpace, LANES_THAT_PAY, ObservationDtype, Spec, Variation, View};
use policy::{InputShape, Network};

/// Of so many seeds at most a worker keeps what resets come to: an episode is some ten kilobytes, CarRacing's some hundred.
const MOST_KEPT_RESETS: usize = 16;

/// What happens when an individual's weights or logits are NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnNonFinite {
    /// The evaluation fails and names the individual.
    Stop,
    /// The individual is marked as failed and gets this fitness; the others go on.
    Fitness(f32),
}

/// The seeds of the episodes.
#[derive(Clone, Copy, Debug)]
pub enum Seeds<'a> {
    /// `(episodes,)`: the same for every individual.
    Shared(&'a [u64]),
    /// `(population, episodes)`, row-major.
    PerIndividual(&'a [u64]),
}

/// One call's worth of work. Borrowed: nothing is copied.
pub struct Task<'a> {
    /// The environment, its arguments fixed.
    pub spec: &'a dyn Spec,
    /// The policy's architecture. Where graphs act, it only says how many numbers they are given, and how many an action is
    /// chosen from.
    pub network: &'a Network,
    /// How its outputs become actions.
    pub head: Head<'a>,
    /// What is random in them.
    pub exploration: Exploration<'a>,
    /// `(population, n_params)`, row-major; under [`Noise::LogStd`] the logarithms come before the network's parameters.
    /// Empty where graphs act.
    pub weights: &'a [f32],
    /// The number of individuals; 0 gives an empty evaluation.
    pub population: usize,
    /// The number of episodes per individual, at least 1.
    pub episodes: usize,
    /// Their seeds.
    pub seeds: Seeds<'a>,
    /// The number of threads, at least 1; no more are started than there are episodes.
    pub threads: usize,
    /// The number of lanes per thread, or the engine's choice. Changes no bit of any result.
    pub group_width: Option<usize>,
    /// The steps after which an episode is truncated, as Gymnasium's `TimeLimit` does.
    pub max_episode_steps: Option<u64>,
    /// What the first steps play, and what stops an episode early.
    pub rules: Rules<'a>,
    /// Keyword arguments that differ from episode to episode; the spec is that of any of them.
    pub variation: Option<&'a Variation>,
    /// What happens on NaN and infinity.
    pub on_non_finite: OnNonFinite,
    /// Keep the last observation of every episode.
    pub keep_final_observation: bool,
    /// What is done to observations before the policy sees them.
    pub normalization: Option<Normalization<'a>>,
    /// What is recorded beside.
    pub recording: Recording<'a>,
    /// Graphs that act instead of networks.
    pub graphs: Option<Graphs<'a>>,
}

/// Lanes of a thread with a narrow policy, where that is all that is left for it.
const MOST_LANES_AT_ONCE: usize = 64;
/// The bytes of weights in that many lanes up to which a policy counts as tiny: about a nearest cache.
const TINY_POLICY_BYTES: usize = 32 * 1024;
/// Lanes that environments advance in one vector of float64.
const LANES_OF_A_VECTOR: usize = 4;
/// Lanes of a thread for larger policies: enough to use each weight several times while it is at hand.
const WIDE_POLICY_LANES: usize = 8;
/// The bytes of weights that a thread has in play at most where it takes more lanes of a larger policy, because their
/// steps are much cheaper together: what a second cache of 1 to 2 MiB holds, worlds beside it.
const WEIGHTS_IN_PLAY_BYTES: usize = 1024 * 1024;
/// The bytes of weights in all lanes of a thread up to which a policy counts as narrow.
const NARROW_POLICY_BYTES: usize = 256 * 1024;

/// How many lanes a thread advances together; neither number changes a bit of any result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// While there are episodes for all.
    pub(crate) usual: usize,
    /// When the last episodes are played at once: in several turns the last turn would leave most lanes empty.
    pub(crate) most: usize,
}

impl<'a> Task<'a> {
    /// One thread, the engine's choice of lanes, actions by [`Head::Tanh`], the same seeds for every individual, an error
    /// where a number is not finite, and nothing else that can be asked for; episodes end where the environment ends them.
    #[must_use]
    pub fn new(spec: &'a dyn Spec, network: &'a Network, weights: &'a [f32], seeds: &'a [u64]) -> Self {
        Self {
            spec,
            network,
            head: Head::Tanh,
            exploration: Exploration::default(),
            weights,
            population: weights.len() / network.architecture().n_params(),
            episodes: seeds.len(),
            seeds: Seeds::Shared(seeds),
            threads: 1,
            group_width: None,
            max_episode_steps: None,
            rules: Rules::default(),
            variation: None,
            on_non_finite: OnNonFinite::Stop,
            keep_final_observation: false,
            normalization: None,
            recording: Recording::default(),
            graphs: None,
        }
    }
}

impl Task<'_> {
    /// The observation's order that the policy reads.
    pub(crate) fn view(&self) -> View {
        match self.network.architecture().input() {
            InputShape::Flat(_) => View::Gymnasium,
            InputShape::Image { .. } if self.reads_pixels() => View::Gymnasium,
            InputShape::Image { .. } => View::ChannelsFirst,
        }
    }

    /// Whether the policy takes pictures as Gymnasium shows them, (height, width, channels), because that is what it would
    /// make of them. Images of other numbers, as those of board games, may be mostly zeros, which it looks for otherwise.
    pub(crate) fn reads_pixels(&self) -> bool {
        if self.spec.observation_space().dtype != ObservationDtype::U8 || !self.network.reads_pixels() {
            return false;
        }
        let InputShape::Image { channels, height, width } = self.network.architecture().input() else {
            return false;
        };
        let pixels = height * width;
        let is_by_pixel =
            |(index, place): (usize, usize)| place == index % pixels * channels + index / pixels;
        self.spec.channels_first_order().into_iter().enumerate().all(is_by_pixel)
    }

    /// How many seeds all individuals start the same episodes from, if it is worth while to keep what those resets come to.
    pub(crate) fn recurring_seeds(&self) -> usize {
        match self.seeds {
            Seeds::Shared(seeds)
                if self.population > 1 && self.variation.is_none() && seeds.len() <= MOST_KEPT_RESETS =>
            {
                seeds.len()
            }
            _ => 0,
        }
    }

    /// The seed of an episode of an individual.
    pub(crate) fn seed(&self, individual: usize, episode: usize) -> u64 {
        match self.seeds {
            Seeds::Shared(seeds) => seeds[episode],
            Seeds::PerIndividual(seeds) => seeds[individual * self.episodes + episode],
        }
    }

    /// How many parameters an individual has: its network's, and the logarithms of its deviations.
    pub(crate) fn n_params(&self) -> usize {
        self.network.architecture().n_params() + self.n_log_std()
    }

    fn n_log_std(&self) -> usize {
        if self.exploration.noise == Noise::LogStd { self.network.architecture().n_outputs() } else { 0 }
    }

    /// All parameters of an individual.
    pub(crate) fn parameters(&self, individual: usize) -> &[f32] {
        let n_params = self.n_params();
        &self.weights[individual * n_params..(individual + 1) * n_params]
    }

    /// The flat weights of an individual's network.
    pub(crate) fn individual_weights(&self, individual: usize) -> &[f32] {
        &self.parameters(individual)[self.n_log_std()..]
    }

    /// The logarithms of an individual's deviations; empty if it has none.
    pub(crate) fn log_std(&self, individual: usize) -> &[f32] {
        // Graphs have no parameters.
        if self.graphs.is_some() { &[] } else { &self.parameters(individual)[..self.n_log_std()] }
    }

    /// The steps after which an episode ends at the latest, if it always does.
    pub(crate) fn step_limit(&self) -> Option<u64> {
        let own = match self.variation {
            Some(variation) => variation.own_step_limit(),
            None => self.spec.own_step_limit(),
        };
        [self.max_episode_steps, own].into_iter().flatten().min()
    }

    /// Lanes that make a step in hardly more time than one alone: to part them would gain nothing.
    pub(crate) fn lanes_that_stay_together(&self) -> usize {
        let is_lane_by_lane = self.spec.observation_space().dtype == ObservationDtype::U8 || self.is_wide();
        if is_lane_by_lane { 1 } else { LANES_OF_A_VECTOR }
    }

    /// Whether the weights of usual numbers of lanes are more than the nearer caches hold.
    fn is_wide(&self) -> bool {
        self.weight_bytes() * self.spec.lanes_that_pay() > NARROW_POLICY_BYTES
    }

    /// Whether a step is so short that what it costs besides its lanes is worth sharing by as many as there may be: if
    /// their weights fit the nearest cache, in environments whose states do. One that makes use of more lanes than most
    /// has large ones (LunarLander's worlds: 64 lanes are 5% slower than 32).
    fn is_tiny(&self) -> bool {
        self.spec.lanes_that_pay() <= LANES_THAT_PAY
            && self.weight_bytes() * MOST_LANES_AT_ONCE <= TINY_POLICY_BYTES
    }

    /// Of one individual.
    fn weight_bytes(&self) -> usize {
        self.network.architecture().n_params() * size_of::<f32>()
    }

    /// How many lanes each of `threads` threads advances together.
    ///
    /// Large policies gain from several lanes of one individual, which share each load of a weight; lanes
    /// of different individuals only push each other out of the caches, so there are no more than episodes, unless the
    /// environment's steps are much cheaper together.
    pub(crate) fn lanes_per_thread(&self, threads: usize) -> Lanes {
        let share = (self.population * self.episodes).div_ceil(threads);
        let narrow = self.spec.lanes_that_pay();
        let (usual, most) = match self.group_width {
            Some(width) => (width, width),
            None if self.is_wide() => {
                let wide = self.wide_lanes();
                (wide, wide)
            }
            None => {
                let most = narrow.max(MOST_LANES_AT_ONCE);
                (if self.is_tiny() { most } else { narrow }, most)
            }
        };
        Lanes { usual: usual.clamp(1, share), most: most.clamp(1, share) }
    }

    /// The lanes for a policy that is not narrow.
    fn wide_lanes(&self) -> usize {
        let of_one = WIDE_POLICY_LANES.min(self.episodes);
        let paying = self.spec.lanes_that_pay();
        if paying <= LANES_THAT_PAY {
            return of_one;
        }
        let individuals = WEIGHTS_IN_PLAY_BYTES / self.weight_bytes().max(1);
        self.episodes.saturating_mul(individuals).min(paying).max(of_one)
    }

    /// Every slice has the size that the numbers say, and the policy fits the environment.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        self.check_numbers()?;
        self.rules.check(self.spec.action_space())?;
        self.check_sizes()?;
        self.check_policy()?;
        if let Some(graphs) = &self.graphs {
            graphs.check(self.population, self.spec)?;
        }
        if let Some(normalization) = self.normalization {
            normalization.check(self.spec.observation_space().size())?;
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), EngineError> {
        let numbers = [
            ("episodes", Some(self.episodes as u64)),
            ("threads", Some(self.threads as u64)),
            ("group_width", self.group_width.map(|width| width as u64)),
            ("max_episode_steps", self.max_episode_steps),
        ];
        match numbers.into_iter().find(|(_, number)| *number == Some(0)) {
            Some((name, _)) => Err(EngineError::input(format!("{name}: expected at least 1, got 0"))),
            None => Ok(()),
        }
    }

    fn check_sizes(&self) -> Result<(), EngineError> {
        let population = self.population;
        let n_params = if self.graphs.is_some() { 0 } else { self.n_params() };
        let got = self.weights.len();
        if population.checked_mul(n_params) != Some(got) {
            let message = format!("weights: expected {population} x {n_params} values, got {got}");
            return Err(EngineError::input(message));
        }
        // Where there is nobody, values are of those in other shares.
        let variation = self.variation.filter(|_| population > 0);
        for (individuals, episodes) in variation.iter().flat_map(|variation| variation.shapes()) {
            if ![1, population].contains(&individuals) || ![1, self.episodes].contains(&episodes) {
                return Err(EngineError::input(format!(
                    "variation: expected 1 or {population} x 1 or {} values, got {individuals} x {episodes}",
                    self.episodes
                )));
            }
        }
        let (expected, got) = match self.seeds {
            Seeds::Shared(seeds) => (Some(self.episodes), seeds.len()),
            Seeds::PerIndividual(seeds) => (population.checked_mul(self.episodes), seeds.len()),
        };
        if expected == Some(got) {
            return Ok(());
        }
        let episodes = self.episodes;
        Err(EngineError::input(format!(
            "seeds: expected one per episode, {episodes} or {population} x {episodes}, got {got}"
        )))
    }

    fn check_policy(&self) -> Result<(), EngineError> {
        let architecture = self.network.architecture();
        let (inputs, outputs) = (architecture.n_inputs(), architecture.n_outputs());
        let shape = &self.spec.observation_space().shape;
        let actions = self.spec.action_space();
        if let Some(problem) = self.head.misfit(actions) {
            return Err(EngineError::input(problem));
        }
        self.exploration.check(actions)?;
        let (n_observed, n_logits) = (self.spec.observation_space().size(), self.head.n_outputs(actions));
        if (inputs, outputs) != (n_observed, n_logits) {
            return Err(EngineError::input(format!(
                "policy: expected {n_observed} inputs and {n_logits} outputs, got {inputs} and {outputs}"
            )));
        }
        if let InputShape::Image { channels, height, width } = architecture.input() {
            let image_shape = self.spec.image_shape();
            if image_shape != Some([channels, height, width]) {
                let seen = image_shape.map_or("which are none".to_owned(), |[channels, height, width]| {
                    format!("{height} x {width} with {channels} channels")
                });
                return Err(EngineError::input(format!(
                    "policy: expected images for observations of shape {shape:?}, {seen}, \
                     got {height} x {width} with {channels} channels"
                )));
            }
        }
        if let ActionSpace::Box { low, high } = self.spec.action_space()
            && low.len() != high.len()
        {
            return Err(EngineError::input("action space: expected as many lower as upper bounds"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{Architecture, Layer};

    #[test]
    fn lanes_are_as_many_as_the_policy_and_the_states_leave_room_for() {
        let cases = [
            ("cartpole", 16, 10, (64, 64)),
            ("cartpole", 64, 10, (16, 64)),
            ("cartpole", 4096, 10, (8, 8)),
            ("cartpole", 4096, 3, (3, 3)),
            ("lunarlander", 4, 10, (32, 64)),
            ("lunarlander", 64, 10, (32, 64)),
            // 208 KiB of weights, of which four may be in play; then 3.3 MiB.
            ("lunarlander", 4096, 10, (32, 32)),
            ("lunarlander", 4096, 2, (8, 8)),
            ("lunarlander", 4096, 1, (4, 4)),
            ("lunarlander", 65536, 10, (8, 8)),
            ("lunarlander", 65536, 1, (1, 1)),
        ];
        for (id, hidden, episodes, expected) in cases {
            let spec = envs::registry::find(id).unwrap().spec(&[], &[]).unwrap();
            let linear = |outputs| Layer::Linear { outputs, bias: true };
            let layers = vec![linear(hidden), Layer::TANH, linear(spec.action_space().n_logits())];
            let inputs = InputShape::Flat(spec.observation_space().size());
            let network = Network::new(&Architecture::new(inputs, layers).unwrap());
            let task = Task {
                population: 1000,
                episodes,
                threads: 2,
                ..Task::new(spec.as_ref(), &network, &[], &[])
            };
            let lanes = task.lanes_per_thread(2);
            assert_eq!((lanes.usual, lanes.most), expected, "{id}, {hidden} x {episodes}");
        }
    }
}

//! Outputs to actions, for the lanes of a group: what a [`Head`] makes of them, and what chance does (`chance`).

mod chance;
mod head;

use crate::rules::NoOps;
pub(crate) use chance::deviation;
pub use chance::{ACTION_STREAM, Exploration, Noise};
pub use head::{Head, continuous_actions};

use chance::Stream;
use envs::{ActionSpace, Actions};
use head::discrete_actions;
use lane_math::{Isa, softmax_in_place};

/// The actions of a group's lanes, and how they are decoded.
pub(crate) struct ActionDecoder<'a> {
    head: Head<'a>,
    isa: Isa,
    space: &'a ActionSpace,
    indices: Vec<u32>,
    values: Vec<f32>,
    /// None where nothing is random.
    chance: Option<Box<Chance<'a>>>,
}

/// What drawing takes. The vectors have a row per lane, as the decoder's have.
struct Chance<'a> {
    exploration: Exploration<'a>,
    streams: Vec<Stream>,
    /// The standard deviation of each output; empty rows without noise.
    deviations: Vec<f32>,
    /// The policy's actions, before it is known which of them are played: of a Box, or discrete.
    values: Vec<f32>,
    indices: Vec<u32>,
    /// Actions of a Box that are not the policy's.
    random: Vec<f32>,
    explored: Vec<bool>,
    repeated: Vec<bool>,
}

impl<'a> ActionDecoder<'a> {
    pub(crate) fn new(
        space: &'a ActionSpace,
        head: Head<'a>,
        exploration: Exploration<'a>,
        lanes: usize,
    ) -> Self {
        let (indices, values) = match space {
            ActionSpace::Discrete(_) => (vec![0; lanes], Vec::new()),
            ActionSpace::Box { low, .. } => (Vec::new(), vec![0.0; lanes * low.len()]),
        };
        let is_random = head == Head::Sample || exploration != Exploration::default();
        let chance = is_random.then(|| Box::new(Chance::new(space, exploration, lanes)));
        Self { head, isa: Isa::detect(), space, indices, values, chance }
    }

    /// The actions for `(lanes, n_outputs)` finite outputs.
    pub(crate) fn decode(&mut self, outputs: &[f32]) -> Actions<'_> {
        let lanes = outputs.len() / self.head.n_outputs(self.space).max(1);
        match (self.space, &mut self.chance) {
            (ActionSpace::Discrete(n), None) => {
                discrete_actions(self.head, *n as usize, outputs, &mut self.indices[..lanes]);
            }
            (ActionSpace::Box { low, high }, None) => {
                let values = &mut self.values[..outputs.len()];
                values.copy_from_slice(outputs);
                continuous_actions(self.head, self.isa, values, low, high);
            }
            (ActionSpace::Discrete(n), Some(chance)) => {
                chance.draw_indices(self.head, self.isa, *n, outputs, &mut self.indices[..lanes]);
            }
            (ActionSpace::Box { low, high }, Some(chance)) => {
                chance.draw_values(self.head, self.isa, (low, high), outputs, &mut self.values);
            }
        }
        self.decoded(lanes)
    }

    /// Plays actions that something else has chosen, not a head, as far as chance lets it.
    pub(crate) fn play(&mut self, chosen: Actions<'_>) {
        match (chosen, self.space, &mut self.chance) {
            (Actions::Discrete(chosen), _, None) => self.indices[..chosen.len()].copy_from_slice(chosen),
            (Actions::Continuous(chosen), _, None) => self.values[..chosen.len()].copy_from_slice(chosen),
            (Actions::Discrete(chosen), space, Some(chance)) => {
                let n = if let ActionSpace::Discrete(n) = space { *n } else { 0 };
                chance.indices[..chosen.len()].copy_from_slice(chosen);
                chance.play_indices(n, &mut self.indices[..chosen.len()]);
            }
            (Actions::Continuous(chosen), ActionSpace::Box { low, high }, Some(chance)) => {
                chance.values[..chosen.len()].copy_from_slice(chosen);
                chance.draw_explored((low, high), chosen.len());
                chance.play_values(low.len(), &mut self.values[..chosen.len()]);
            }
            (Actions::Continuous(_), ActionSpace::Discrete(_), Some(_)) => {}
        }
    }

    /// The actions of the first `lanes` lanes, as they were last decoded.
    pub(crate) fn decoded(&self, lanes: usize) -> Actions<'_> {
        match self.space {
            ActionSpace::Discrete(_) => Actions::Discrete(&self.indices[..lanes]),
            ActionSpace::Box { low, .. } => Actions::Continuous(&self.values[..lanes * low.len()]),
        }
    }

    /// Puts the first steps' action in the place of the policy's, of lanes that have played so many.
    pub(crate) fn play_no_ops(&mut self, no_ops: NoOps<'_>, played: &[u64]) {
        no_ops.replace(played, &mut self.indices, &mut self.values);
    }

    /// An episode starts in a lane, of an individual whose deviations have these logarithms.
    pub(crate) fn start(&mut self, lane: usize, seed: u64, log_std: &[f32]) {
        if let Some(chance) = &mut self.chance {
            chance.streams[lane] = Stream::of_episode(seed);
            let deviations = chance.deviations[lane * log_std.len()..].iter_mut();
            deviations.zip(log_std).for_each(|(deviation, &value)| *deviation = self::deviation(value));
        }
    }

    /// Makes lane `to` what lane `from` is.
    pub(crate) fn move_lane(&mut self, from: usize, to: usize) {
        if let Some(chance) = &mut self.chance {
            let lanes = chance.streams.len();
            chance.streams.swap(from, to);
            copy_row(&mut chance.deviations, lanes, from, to);
            copy_row(&mut self.indices, lanes, from, to);
            copy_row(&mut self.values, lanes, from, to);
        }
    }

    /// Makes lane `to` what lane `from` of another decoder of the same task is.
    pub(crate) fn take_lane(&mut self, to: usize, other: &Self, from: usize) {
        if let (Some(ours), Some(theirs)) = (&mut self.chance, &other.chance) {
            let lanes = [ours.streams.len(), theirs.streams.len()];
            ours.streams[to] = theirs.streams[from].clone();
            take_row(&mut ours.deviations, &theirs.deviations, lanes, from, to);
            take_row(&mut self.indices, &other.indices, lanes, from, to);
            take_row(&mut self.values, &other.values, lanes, from, to);
        }
    }
}

impl<'a> Chance<'a> {
    fn new(space: &ActionSpace, exploration: Exploration<'a>, lanes: usize) -> Self {
        let outputs = lanes * space.n_logits();
        let dimensions = if let ActionSpace::Box { low, .. } = space { low.len() } else { 0 };
        Self {
            exploration,
            streams: vec![Stream::of_episode(0); lanes],
            deviations: match exploration.noise {
                Noise::None => Vec::new(),
                Noise::Fixed(deviations) => deviations.repeat(lanes),
                Noise::LogStd => vec![0.0; outputs],
            },
            values: vec![0.0; outputs],
            indices: vec![0; lanes],
            random: vec![0.0; lanes * dimensions],
            explored: vec![false; lanes],
            repeated: vec![false; lanes],
        }
    }

    /// The actions of the lanes, over their former ones.
    fn draw_indices(&mut self, head: Head<'_>, isa: Isa, n: u32, outputs: &[f32], played: &mut [u32]) {
        if head != Head::Sample {
            discrete_actions(head, n as usize, outputs, &mut self.indices[..played.len()]);
            return self.play_indices(n, played);
        }
        let Exploration { epsilon, sticky, .. } = self.exploration;
        let values = &mut self.values[..outputs.len()];
        values.copy_from_slice(outputs);
        softmax_in_place(isa, values, n as usize);
        for (lane, (stream, former)) in self.streams.iter_mut().zip(played).enumerate() {
            let action = if stream.explores(epsilon) {
                stream.any_index(n)
            } else {
                stream.choice(&values[lane * n as usize..][..n as usize])
            };
            if !stream.repeats(sticky) {
                *former = action;
            }
        }
    }

    /// The actions that `indices` has, or others, over the lanes' former ones.
    fn play_indices(&mut self, n: u32, played: &mut [u32]) {
        let Exploration { epsilon, sticky, .. } = self.exploration;
        for (lane, (stream, former)) in self.streams.iter_mut().zip(played).enumerate() {
            let action = if stream.explores(epsilon) { stream.any_index(n) } else { self.indices[lane] };
            if !stream.repeats(sticky) {
                *former = action;
            }
        }
    }

    /// The actions of the lanes, `(lanes, dimensions)`, over their former ones.
    fn draw_values(
        &mut self,
        head: Head<'_>,
        isa: Isa,
        (low, high): (&[f32], &[f32]),
        outputs: &[f32],
        played: &mut [f32],
    ) {
        self.values[..outputs.len()].copy_from_slice(outputs);
        self.draw_explored((low, high), outputs.len());
        continuous_actions(head, isa, &mut self.values[..outputs.len()], low, high);
        self.play_values(low.len(), &mut played[..outputs.len()]);
    }

    /// Draws what `len` numbers need: random actions, noise on the others in `values`, and which lanes repeat themselves.
    fn draw_explored(&mut self, (low, high): (&[f32], &[f32]), len: usize) {
        let Exploration { noise, epsilon, sticky } = self.exploration;
        let n = low.len().max(1);
        for (lane, row) in self.values[..len].chunks_exact_mut(n).enumerate() {
            let stream = &mut self.streams[lane];
            self.explored[lane] = stream.explores(epsilon);
            if self.explored[lane] {
                stream.any_values(low, high, &mut self.random[lane * n..][..n]);
            } else if noise != Noise::None {
                stream.add_noise(&self.deviations[lane * n..][..n], row);
            }
            self.repeated[lane] = stream.repeats(sticky);
        }
    }

    /// The actions of `n` numbers each that were chosen or drawn, over the lanes' former ones.
    fn play_values(&self, n: usize, played: &mut [f32]) {
        let n = n.max(1);
        for (lane, row) in played.chunks_exact_mut(n).enumerate() {
            if !self.repeated[lane] {
                let chosen = if self.explored[lane] { &self.random } else { &self.values };
                row.copy_from_slice(&chosen[lane * n..][..n]);
            }
        }
    }
}

/// Row `from` over row `to`, of as many rows as there are lanes.
fn copy_row<T: Copy>(values: &mut [T], lanes: usize, from: usize, to: usize) {
    let n = values.len() / lanes;
    values.copy_within(from * n..(from + 1) * n, to * n);
}

/// Row `from` of theirs over row `to` of ours, of which there are as many as each has lanes.
fn take_row<T: Copy>(ours: &mut [T], theirs: &[T], lanes: [usize; 2], from: usize, to: usize) {
    let n = ours.len() / lanes[0];
    debug_assert_eq!(n, theirs.len() / lanes[1]);
    ours[to * n..(to + 1) * n].copy_from_slice(&theirs[from * n..(from + 1) * n]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_logits_wins() {
        let space = ActionSpace::Discrete(3);
        let logits = [1.0, 2.0, 2.0, 0.0, -0.0, 0.0, -3.0, -2.0, -1.0];
        for head in [Head::Argmax, Head::Tanh] {
            let mut decoder = ActionDecoder::new(&space, head, Exploration::default(), 4);
            match decoder.decode(&logits) {
                Actions::Discrete(indices) => assert_eq!(indices, [1, 0, 2]),
                Actions::Continuous(_) => panic!("the space is discrete"),
            }
        }
    }

    /// The actions of one lane, whose episode has this seed, for the same outputs again and again.
    fn played(
        space: &ActionSpace,
        head: Head<'_>,
        exploration: Exploration<'_>,
        seed: u64,
        outputs: &[f32],
    ) -> Vec<f32> {
        let mut decoder = ActionDecoder::new(space, head, exploration, 1);
        let log_std = if exploration.noise == Noise::LogStd { &[0.0, -1.0][..] } else { &[] };
        decoder.start(0, seed, log_std);
        let step = |_| match decoder.decode(outputs) {
            Actions::Discrete(indices) => vec![indices[0] as f32],
            Actions::Continuous(values) => values.to_vec(),
        };
        (0..200).flat_map(step).collect()
    }

    /// All that can be random, in spaces of both kinds.
    fn for_each_chance(check: impl Fn(&ActionSpace, Head<'_>, Exploration<'_>)) {
        let discrete = ActionSpace::Discrete(2);
        let bounded = ActionSpace::Box { low: vec![-2.0, 0.0], high: vec![2.0, 1.0] };
        for (epsilon, sticky) in [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.2, 0.4)] {
            let with = |noise| Exploration { noise, epsilon, sticky };
            for head in [Head::Argmax, Head::Sample] {
                check(&discrete, head, with(Noise::None));
            }
            for noise in [Noise::None, Noise::Fixed(&[0.5, 0.1]), Noise::LogStd] {
                for head in [Head::Tanh, Head::Raw, Head::Each(&[Head::Clip, Head::Sigmoid])] {
                    check(&bounded, head, with(noise));
                }
            }
        }
    }

    #[test]
    fn lanes_draw_as_if_each_were_alone_wherever_they_move() {
        for_each_chance(|space, head, exploration| {
            let outputs = [0.25, 0.5];
            let seeds = [3, 1 << 40, 7, 0, 9];
            let alone = seeds.map(|seed| played(space, head, exploration, seed, &outputs));
            let n = alone[0].len() / 200;
            let log_std = if exploration.noise == Noise::LogStd { &[0.0, -1.0][..] } else { &[] };
            let mut one = ActionDecoder::new(space, head, exploration, 5);
            let mut other = ActionDecoder::new(space, head, exploration, 3);
            // Which episode is in each lane.
            let (mut in_one, mut in_other) = ((0..5).collect::<Vec<usize>>(), Vec::new());
            (0..5).for_each(|lane| one.start(lane, seeds[lane], log_std));
            for step in 0..200 {
                for (decoder, episodes) in [(&mut one, &in_one), (&mut other, &in_other)] {
                    let values = match decoder.decode(&outputs.repeat(episodes.len())) {
                        Actions::Discrete(indices) => indices.iter().map(|&index| index as f32).collect(),
                        Actions::Continuous(values) => values.to_vec(),
                    };
                    for (values, &episode) in values.chunks(n).zip(episodes) {
                        assert_eq!(values, &alone[episode][step * n..][..n], "{head:?} {exploration:?}");
                    }
                }
                if step == 50 {
                    // Lane 1 ends, and the last one fills its gap.
                    one.move_lane(4, 1);
                    in_one.swap_remove(1);
                }
                if step == 100 {
                    other.take_lane(0, &one, 2);
                    other.take_lane(1, &one, 3);
                    in_other = in_one.split_off(2);
                }
            }
        });
    }

    #[test]
    fn chance_changes_actions_as_often_as_it_should() {
        let space = ActionSpace::Discrete(4);
        let outputs = [0.0, 0.0, 1.0, 0.0];
        let count = |epsilon, sticky| {
            let exploration = Exploration { epsilon, sticky, ..Exploration::default() };
            let actions = played(&space, Head::Argmax, exploration, 1, &outputs);
            actions.iter().filter(|&&action| action == 2.0).count()
        };
        assert_eq!(count(0.0, 0.5), 200);
        assert!((140..180).contains(&count(0.3, 0.0)), "{}", count(0.3, 0.0)); // 155 of 200
        assert!(count(1.0, 0.0) < 80);
        let forever = Exploration { epsilon: 1.0, sticky: 1.0, ..Exploration::default() };
        let actions = played(&space, Head::Argmax, forever, 1, &outputs);
        assert!(actions.iter().all(|action| *action == actions[0]));
    }
}

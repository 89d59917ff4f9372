//! The way that a track takes: a point that drives from checkpoint to checkpoint, and the lap of it that closes.
//!
//! All numbers are float64, and sin, cos and atan2 are the platform's libm, as in Python.

use super::SCALE;
use lane_math::libm;
use numpy_rng::Generator;
use std::f64::consts::PI;
use std::ops::Range;

/// A whole turn, rad.
const TURN: f64 = 2.0 * PI;
/// Checkpoints on the way around.
const CHECKPOINTS: usize = 12;
/// The greatest distance of a checkpoint from the origin, m; the first and the last lie outside of it.
const RADIUS: f64 = 900.0 / SCALE;
/// The length of a step, m.
const DETAIL_STEP: f64 = 21.0 / SCALE;
/// The most that the way turns in a step, rad.
pub(super) const TURN_RATE: f64 = 0.31;
/// Where a lap begins, rad: between the last checkpoint and the first.
const START_ALPHA: f64 = TURN * -0.5 / CHECKPOINTS as f64;
/// The point gives up after as many steps, if it has not come around often enough.
const MOST_NODES: usize = 2500;

/// A step of the point that the track follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    /// Angle of the place from which the step began, seen from the origin, rad.
    pub(super) alpha: f64,
    /// Direction of the road, rad: 0 is upwards, and positive is to the left.
    pub(super) beta: f64,
    /// Where the step ended, m.
    pub(super) position: [f64; 2],
}

/// Draws checkpoints and drives past them for some laps: a step of the point for each of the nodes that are written to
/// `path`. Returns the lap that closes upon itself, if the last but one does.
pub(super) fn draw(rng: &mut Generator, path: &mut Vec<Node>) -> Option<Range<usize>> {
    follow(&draw_checkpoints(rng), path);
    closed_lap(path)
}

/// Drives from checkpoint to checkpoint.
fn follow(checkpoints: &[Checkpoint; CHECKPOINTS], path: &mut Vec<Node>) {
    path.clear();
    let mut driver = Driver { position: [1.5 * RADIUS, 0.0], beta: 0.0, destination: 0 };
    let (mut laps, mut has_been_below) = (0, false);
    while laps <= 4 && path.len() < MOST_NODES {
        let [x, y] = driver.position;
        let mut alpha = libm::atan2(y, x);
        if has_been_below && alpha > 0.0 {
            laps += 1;
            has_been_below = false;
        }
        if alpha < 0.0 {
            has_been_below = true;
            alpha += TURN;
        }
        path.push(driver.advance(alpha, checkpoints));
    }
}

/// The second last lap of the path, if its ends meet.
fn closed_lap(path: &[Node]) -> Option<Range<usize>> {
    let passes_start =
        |index: &usize| path[*index].alpha > START_ALPHA && path[index - 1].alpha <= START_ALPHA;
    let mut passes = (1..path.len()).rev().filter(passes_start);
    let (end, start) = (passes.next()?, passes.next()?);
    let (first, last) = (&path[start], &path[end - 2]);
    let across = [libm::cos(first.beta), libm::sin(first.beta)];
    let gap = [0, 1].map(|axis| {
        let offset = across[axis] * (first.position[axis] - last.position[axis]);
        offset * offset
    });
    ((gap[0] + gap[1]).sqrt() <= DETAIL_STEP).then_some(start..end - 1)
}

/// A place to drive to.
struct Checkpoint {
    /// Its angle seen from the origin, rad.
    alpha: f64,
    position: [f64; 2],
}

/// Two draws each; those of the first and the last are not used.
fn draw_checkpoints(rng: &mut Generator) -> [Checkpoint; CHECKPOINTS] {
    let share = TURN / CHECKPOINTS as f64;
    std::array::from_fn(|index| {
        let angle = TURN * index as f64 / CHECKPOINTS as f64;
        let alpha = angle + rng.uniform(0.0, share);
        let radius = rng.uniform(RADIUS / 3.0, RADIUS);
        let (alpha, radius) = match index {
            0 => (0.0, 1.5 * RADIUS),
            _ if index == CHECKPOINTS - 1 => (angle, 1.5 * RADIUS),
            _ => (alpha, radius),
        };
        Checkpoint { alpha, position: [radius * libm::cos(alpha), radius * libm::sin(alpha)] }
    })
}

/// The point that drives, as it is between two steps.
struct Driver {
    position: [f64; 2],
    /// Its direction, rad.
    beta: f64,
    /// The checkpoint ahead, counted on from lap to lap.
    destination: usize,
}

impl Driver {
    /// One step, begun at the angle `alpha` in [0, 2 pi).
    fn advance(&mut self, mut alpha: f64, checkpoints: &[Checkpoint; CHECKPOINTS]) -> Node {
        let destination = self.choose(&mut alpha, checkpoints);
        let right = [libm::cos(self.beta), libm::sin(self.beta)];
        let ahead = [-right[1], right[0]];
        let way = [0, 1].map(|axis| destination.position[axis] - self.position[axis]);
        let off_course = right[0] * way[0] + right[1] * way[1];
        while self.beta - alpha > 1.5 * PI {
            self.beta -= TURN;
        }
        while self.beta - alpha < -1.5 * PI {
            self.beta += TURN;
        }
        let beta_before = self.beta;
        let off_course = off_course * SCALE;
        let wanted = (0.001 * off_course).abs();
        let turn = if wanted < TURN_RATE { wanted } else { TURN_RATE };
        if off_course > 0.3 {
            self.beta -= turn;
        }
        if off_course < -0.3 {
            self.beta += turn;
        }
        for (coordinate, ahead) in self.position.iter_mut().zip(ahead) {
            *coordinate += ahead * DETAIL_STEP;
        }
        Node { alpha, beta: beta_before * 0.5 + self.beta * 0.5, position: self.position }
    }

    /// The next checkpoint ahead; `alpha` loses a turn where a new lap begins.
    fn choose<'a>(&mut self, alpha: &mut f64, checkpoints: &'a [Checkpoint; CHECKPOINTS]) -> &'a Checkpoint {
        loop {
            let checkpoint = &checkpoints[self.destination % CHECKPOINTS];
            if *alpha <= checkpoint.alpha {
                return checkpoint;
            }
            self.destination += 1;
            if self.destination.is_multiple_of(CHECKPOINTS) {
                *alpha -= TURN;
            }
        }
    }
}

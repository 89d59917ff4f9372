//! The ground: hills of grass, and with `hardcore` stumps, pits and stairs on it. All of it is drawn before anything is
//! built: blocks come first in the world, then the edges from left to right, each a body of its own.

use super::SCALE;
use crate::sign::sign;
use numpy_rng::Generator;
use planar::{BodyDef, FixtureDef, Shape, Vec2, World};

/// Points of the ground.
pub(super) const POINTS: usize = 200;
/// The distance of points, m.
pub(super) const STEP: f64 = 14.0 / SCALE;
/// Where the ground begins, and what hills come back to, m.
pub(super) const HEIGHT: f64 = 400.0 / SCALE / 4.0;
/// Points of the last stretch of grass: who has reached it has finished.
pub(super) const GRASS: usize = 10;
/// Points of the even ground at the start.
pub(super) const START: usize = 20;
/// Friction of all ground.
const FRICTION: f32 = 2.5;
/// How deep pits are, in steps.
const PIT_DEPTH: f64 = 4.0;

/// Clouds, which nobody sees here: each draws its place, then both coordinates of five corners.
const CLOUDS: usize = POINTS / 20;
const DRAWS_OF_A_CLOUD: usize = 1 + 2 * 5;

/// The corners of a block.
type Block = [[f64; 2]; 4];

/// The ground of an episode.
#[derive(Clone, Default)]
pub(super) struct Terrain {
    /// Of each point, m.
    pub(super) heights: Vec<f64>,
    /// Stumps, steps of stairs and the sides of pits, in the order in which they are built.
    pub(super) blocks: Vec<Block>,
}

/// What a stretch of ground is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Grass,
    Stump,
    Stairs,
    Pit,
}

/// A stair, as long as it is walked along.
#[derive(Clone, Copy, Default)]
struct Stairs {
    steps: i64,
    /// Of each step, in points.
    width: i64,
    /// 1 upwards, -1 downwards.
    direction: i64,
}

/// The state of the drawing.
struct Pen<'a> {
    rng: &'a mut Generator,
    y: f64,
    velocity: f64,
    /// Points until the stretch ends.
    counter: i64,
    stairs: Stairs,
    /// The height at which a pit or a stair began.
    original_y: f64,
}

impl Terrain {
    /// Draws another ground; what was drawn before is forgotten, its memory kept.
    pub(super) fn draw(&mut self, rng: &mut Generator, hardcore: bool) {
        self.heights.clear();
        self.blocks.clear();
        let mut kind = Kind::Grass;
        // Whether this is the first point of a stretch; the very first one has none.
        let mut begins = false;
        let mut pen = Pen {
            rng,
            y: HEIGHT,
            velocity: 0.0,
            counter: START as i64,
            stairs: Stairs::default(),
            original_y: 0.0,
        };
        for point in 0..POINTS {
            if begins {
                pen.begin(kind, point as f64 * STEP, &mut self.blocks);
            } else {
                pen.go_on(kind, point);
            }
            self.heights.push(pen.y);
            begins = false;
            pen.counter -= 1;
            if pen.counter == 0 {
                pen.counter = pen.rng.integers(GRASS as i64 / 2, GRASS as i64);
                begins = true;
                kind = match (kind, hardcore) {
                    (Kind::Grass, true) => match pen.rng.integers(1, 4) {
                        1 => Kind::Stump,
                        2 => Kind::Stairs,
                        _ => Kind::Pit,
                    },
                    _ => Kind::Grass,
                };
            }
        }
        for _ in 0..CLOUDS * DRAWS_OF_A_CLOUD {
            pen.rng.random();
        }
    }

    /// Builds the ground in an empty world.
    pub(super) fn build(&self, world: &mut World) {
        let mut lay = |shape| {
            let body = world.create_body(&BodyDef::default());
            world.create_fixture(body, &FixtureDef { friction: FRICTION, ..FixtureDef::new(shape) });
        };
        let vertex = |[x, y]: [f64; 2]| Vec2::new(x as f32, y as f32);
        for block in &self.blocks {
            lay(Shape::polygon(&block.map(vertex)));
        }
        for (point, ends) in self.heights.windows(2).enumerate() {
            let [left, right] = [point, point + 1].map(|point| point as f64 * STEP);
            lay(Shape::edge(vertex([left, ends[0]]), vertex([right, ends[1]])));
        }
    }
}

impl Pen<'_> {
    /// The first point of a stretch, at `x`: it has the height of the last one.
    fn begin(&mut self, kind: Kind, x: f64, blocks: &mut Vec<Block>) {
        let y = self.y;
        match kind {
            Kind::Grass => {}
            Kind::Stump => {
                self.counter = self.rng.integers(1, 3);
                let size = self.counter as f64 * STEP;
                blocks.push([[x, y], [x + size, y], [x + size, y + size], [x, y + size]]);
            }
            Kind::Stairs => self.begin_stairs(x, blocks),
            Kind::Pit => {
                self.counter = self.rng.integers(3, 5);
                let bottom = y - PIT_DEPTH * STEP;
                let side = [[x, y], [x + STEP, y], [x + STEP, bottom], [x, bottom]];
                blocks.push(side);
                let width = STEP * self.counter as f64;
                blocks.push(side.map(|[x, y]| [x + width, y]));
                self.counter += 2;
                self.original_y = y;
            }
        }
    }

    fn begin_stairs(&mut self, x: f64, blocks: &mut Vec<Block>) {
        let y = self.y;
        let direction = if self.rng.random() > 0.5 { 1 } else { -1 };
        // The reference draws the width from 4 to 4, which takes nothing from the stream.
        let width = 4;
        let steps = self.rng.integers(3, 5);
        self.stairs = Stairs { steps, width, direction };
        self.original_y = y;
        for step in 0..steps {
            let left = x + (step * width) as f64 * STEP;
            let right = x + ((1 + step) * width) as f64 * STEP;
            let top = y + (step * direction) as f64 * STEP;
            let bottom = y + (-1 + step * direction) as f64 * STEP;
            blocks.push([[left, top], [right, top], [right, bottom], [left, bottom]]);
        }
        self.counter = steps * width;
    }

    /// Any other point of a stretch.
    fn go_on(&mut self, kind: Kind, point: usize) {
        match kind {
            Kind::Grass => {
                self.velocity = 0.8 * self.velocity + 0.01 * sign(HEIGHT - self.y);
                if point > START {
                    self.velocity += self.rng.uniform(-1.0, 1.0) / SCALE;
                }
                self.y += self.velocity;
            }
            Kind::Stump => {}
            Kind::Stairs => {
                let Stairs { steps, width, direction } = self.stairs;
                let walked = steps * width - self.counter - direction;
                let stairs = walked as f64 / width as f64;
                self.y = self.original_y + (stairs * direction as f64) * STEP;
            }
            Kind::Pit => {
                self.y = self.original_y;
                if self.counter > 1 {
                    self.y -= PIT_DEPTH * STEP;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, hardcore: bool) -> Terrain {
        let mut terrain = Terrain::default();
        terrain.draw(&mut Generator::from_seed(seed), hardcore);
        terrain
    }

    /// gymnasium 1.4.0: `env.reset(seed=42)`, then the ends of `terrain_y` and the length of `terrain`.
    #[test]
    fn the_ground_has_the_bits_of_gymnasium() {
        let last =
            |terrain: &Terrain| terrain.heights[POINTS - 3..].iter().map(|y| y.to_bits()).collect::<Vec<_>>();
        let hills = drawn(42, false);
        assert_eq!(last(&hills), [0x4009_d4f6_47e3_0dbd, 0x4009_ebda_1ee9_eae7, 0x400a_3cbb_0ae5_bbec]);
        assert_eq!(hills.blocks.len() + POINTS - 1, 199);
        let hard = drawn(42, true);
        assert_eq!(last(&hard), [0x4002_48d1_ca9b_916a, 0x4001_59e2_dbac_a27c, 0x4000_6af3_ecbd_b38c]);
        assert_eq!(hard.blocks.len() + POINTS - 1, 229);
    }

    #[test]
    fn the_start_is_even() {
        for seed in 0..20 {
            assert_eq!(drawn(seed, false).heights[..=START], [HEIGHT; START + 1]);
            // The first obstacle begins at the end of it.
            assert_eq!(drawn(seed, true).heights[..START], [HEIGHT; START]);
        }
    }

    #[test]
    fn a_second_ground_forgets_the_first() {
        let mut terrain = drawn(1, true);
        terrain.draw(&mut Generator::from_seed(2), true);
        let other = drawn(2, true);
        assert_eq!((terrain.heights, terrain.blocks), (other.heights, other.blocks));
    }
}

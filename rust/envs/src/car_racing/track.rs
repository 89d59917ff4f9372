//! The road: a closed track of tiles around the origin, drawn at random.
//!
//! Twelve checkpoints lie around the origin, each at a random angle and distance. A point drives from one to the next for
//! some laps, turning no faster than it may; a lap that closes upon itself becomes the track, a tile for each step of the
//! point. Otherwise everything is drawn anew, with the numbers that come next in the random stream.

use super::SCALE;
use super::path::{self, Node, TURN_RATE};
use crate::sign::sign;
use lane_math::libm;
use numpy_rng::Generator;
use std::ops::Range;

/// Half the width of the road, m.
const HALF_WIDTH: f64 = 40.0 / SCALE;
/// The width of a kerb, m.
const KERB_WIDTH: f64 = 8.0 / SCALE;
/// As many tiles in a row turn hard to one side where there is a kerb.
const KERB_TILES: usize = 4;

/// A quadrilateral in the world, m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quad {
    pub(super) corners: [[f64; 2]; 4],
    /// A circle around it.
    pub(super) centre: [f64; 2],
    pub(super) radius: f64,
}

impl Quad {
    fn new(corners: [[f64; 2]; 4]) -> Self {
        let centre = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0);
        let distance = |corner: &[f64; 2]| (corner[0] - centre[0]).hypot(corner[1] - centre[1]);
        Self { corners, centre, radius: corners.iter().map(distance).fold(0.0, f64::max) }
    }
}

/// A line across the road, at a node.
#[derive(Clone, Copy)]
struct CrossSection {
    middle: [f64; 2],
    /// To the right, of length 1.
    across: [f64; 2],
}

impl CrossSection {
    fn of(node: &Node) -> Self {
        Self { middle: node.position, across: [libm::cos(node.beta), libm::sin(node.beta)] }
    }

    /// The point `away` metres to the right of the middle.
    fn beside(&self, away: f64) -> [f64; 2] {
        [0, 1].map(|axis| self.middle[axis] + away * self.across[axis])
    }
}

/// The red and white stripe beside a tile in a sharp turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kerb {
    pub(super) quad: Quad,
    pub(super) is_white: bool,
}

/// A piece of the road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tile {
    pub(super) quad: Quad,
    pub(super) kerb: Option<Kerb>,
}

/// A closed track. Its memory is used again for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// The way of the point, all laps of it.
    path: Vec<Node>,
    /// The lap of the path that became the track.
    lap: Range<usize>,
    has_kerb: Vec<bool>,
    pub(super) tiles: Vec<Tile>,
}

impl Track {
    /// Draws tracks until one is closed.
    pub(super) fn draw(&mut self, rng: &mut Generator) {
        self.lap = loop {
            if let Some(lap) = path::draw(rng, &mut self.path) {
                break lap;
            }
        };
        self.lay_tiles();
    }

    /// The nodes of the track, one for each tile.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.path[self.lap.clone()]
    }

    fn lay_tiles(&mut self) {
        self.mark_kerbs();
        let nodes = &self.path[self.lap.clone()];
        self.tiles.clear();
        let mut before = CrossSection::of(&nodes[nodes.len() - 1]);
        let mut beta_before = nodes[nodes.len() - 1].beta;
        for (index, node) in nodes.iter().enumerate() {
            let here = CrossSection::of(node);
            // Left and right of its own node, then right and left of the node before.
            let between = |left, right| {
                Quad::new([here.beside(left), here.beside(right), before.beside(right), before.beside(left)])
            };
            let kerb = self.has_kerb[index].then(|| {
                let side = sign(beta_before - node.beta);
                let quad = between(side * HALF_WIDTH, side * (HALF_WIDTH + KERB_WIDTH));
                Kerb { quad, is_white: index % 2 == 0 }
            });
            self.tiles.push(Tile { quad: between(-HALF_WIDTH, HALF_WIDTH), kerb });
            (before, beta_before) = (here, node.beta);
        }
    }

    /// A kerb begins where several tiles in a row have turned hard to one side, and reaches back over them.
    fn mark_kerbs(&mut self) {
        let nodes = &self.path[self.lap.clone()];
        let count = nodes.len();
        let back = |index: usize, tiles: usize| (index + count - tiles) % count;
        self.has_kerb.clear();
        self.has_kerb.extend((0..count).map(|index| {
            let turns = (0..KERB_TILES)
                .map(|tiles| nodes[back(index, tiles)].beta - nodes[back(index, tiles + 1)].beta);
            let is_hard = turns.clone().all(|turn| turn.abs() > TURN_RATE * 0.2);
            is_hard && turns.map(sign).sum::<f64>().abs() == KERB_TILES as f64
        }));
        for index in 0..count {
            // In this order, and in place: from the first tiles a kerb reaches back to the last ones, and on from there.
            for tiles in 0..KERB_TILES {
                self.has_kerb[back(index, tiles)] |= self.has_kerb[index];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gymnasium 1.4.0: of `env.track` after `reset(seed)`: its length, the first, the hundredth and the last node, and
    /// the number of tiles and kerbs.
    const RECORDED: [(u64, usize, [[u64; 4]; 3], usize); 2] = [
        (
            0,
            319,
            [
                [0xbfcf_b3d9_1f6f_5bc0, 0xbfb6_ca11_196e_4ac1, 0x406b_8c55_03b7_27be, 0xc04a_14ef_9ccd_01f4],
                [0x3ff6_e343_b85c_496b, 0x3fc3_a856_4e5d_7a93, 0x4030_67fb_4df4_f939, 0x405e_da18_9434_67d1],
                [0xbfd1_ca3d_259d_44a0, 0xbfb6_ca11_198e_3e3b, 0x406b_786a_f21b_73a7, 0xc04d_9163_5825_3662],
            ],
            394,
        ),
        (
            42,
            283,
            [
                [0xbfd0_bf7c_cb6a_07c0, 0xbff5_035f_9aea_8774, 0x405c_b598_6ee3_3bb2, 0xc03c_f586_cc14_5936],
                [0x3ff2_26f1_8bf4_51e7, 0x3fea_ff3b_ac3e_f67a, 0x4049_8962_6507_6d36, 0x405d_40ca_ff34_b206],
                [0xbfd2_c7e7_ea85_7790, 0xbff5_035f_9909_aa94, 0x405b_045c_efa4_e352, 0xc03e_bdd6_46b4_fd1c],
            ],
            346,
        ),
    ];

    fn bits(node: &Node) -> [u64; 4] {
        [node.alpha, node.beta, node.position[0], node.position[1]].map(f64::to_bits)
    }

    #[test]
    fn tracks_have_the_bits_of_gymnasium() {
        let mut track = Track::default();
        for (seed, count, nodes, polygons) in RECORDED {
            track.draw(&mut Generator::from_seed(seed));
            let drawn = track.nodes();
            assert_eq!(drawn.len(), count);
            assert_eq!([0, 100, count - 1].map(|index| bits(&drawn[index])), nodes);
            assert_eq!(
                track.tiles.iter().map(|tile| 1 + usize::from(tile.kerb.is_some())).sum::<usize>(),
                polygons
            );
        }
    }

    #[test]
    fn tiles_join_all_around_and_kerbs_lie_beside_them() {
        let mut track = Track::default();
        track.draw(&mut Generator::from_seed(5));
        let mut before = track.tiles[track.tiles.len() - 1];
        let mut kerbs = 0;
        for tile in &track.tiles {
            let [left, right, right_before, left_before] = tile.quad.corners;
            assert_eq!([left_before, right_before], [before.quad.corners[0], before.quad.corners[1]]);
            if let Some(kerb) = tile.kerb {
                let [inner, _, _, inner_before] = kerb.quad.corners;
                kerbs += 1;
                assert!([[left, left_before], [right, right_before]].contains(&[inner, inner_before]));
            }
            before = *tile;
        }
        assert!(kerbs >= KERB_TILES);
    }

    #[test]
    fn signs_are_numpys() {
        assert_eq!([sign(0.5), sign(-7.0), sign(0.0)], [1.0, -1.0, 0.0]);
        assert!(sign(-0.0).is_sign_positive() && sign(f64::NAN).is_nan());
    }
}

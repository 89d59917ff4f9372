//! Arguments that reach every branch of the float64 functions, and their boundaries. Shared by the test and the sweep.

use std::f64::consts::{FRAC_PI_2, LN_2, PI, TAU};

/// The distributions, numbered for [`Arguments::draw`].
pub const DISTRIBUTIONS: [&str; 15] = [
    "random bits",
    "below 0.3",
    "below 1",
    "below pi",
    "below 100",
    "below 1e5",
    "log-uniform, 1e-12 to 1e9",
    "tiny and subnormal",
    "1e7 to 2e8",
    "near multiples of pi/2",
    "near multiples of 2 pi",
    "near multiples of 1/256",
    "near the bounds of the ranges",
    "2^48 to 2^50",
    "near multiples of ln 2 / 256",
];

/// Where the formulas change, zero and the ends of the format included.
const BOUNDS: [f64; 21] = [
    0.0,
    1.0 / (1_u64 << 55) as f64,
    LN_2 / 4.0,
    // Half of this has no low word.
    f64::from_bits(0x3fd6_2e43_0000_0000),
    1.0,
    22.0,
    512.0,
    745.2,
    0.126,
    109.5 / 128.0,
    PI / 4.0,
    FRAC_PI_2,
    2.426265,
    3.0 * PI / 4.0,
    PI,
    TAU,
    105_414_350.0,
    562_949_953_421_312.0,
    1.0 / (1_u64 << 46) as f64,
    (1_u64 << 46) as f64,
    f64::INFINITY,
];

/// A stream of random arguments.
pub struct Arguments(u64);

impl Arguments {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An argument of one of the [`DISTRIBUTIONS`], of either sign.
    pub fn draw(&mut self, distribution: usize) -> f64 {
        let magnitude = match distribution {
            0 => return f64::from_bits(self.bits()),
            1 => self.unit() * 0.3,
            2 => self.unit(),
            3 => self.unit() * PI,
            4 => self.unit() * 100.0,
            5 => self.unit() * 1e5,
            6 => (self.unit() * 48.4 - 27.6).exp(),
            7 => f64::from_bits(self.bits() % (990 << 52)),
            8 => 1e7 + self.unit() * 1.9e8,
            9 => self.near_multiple(FRAC_PI_2),
            10 => self.near_multiple(TAU),
            11 => {
                let count = self.bits() % 800;
                self.neighbour(count as f64 / 256.0)
            }
            12 => {
                let index = self.bits() as usize % BOUNDS.len();
                self.neighbour(BOUNDS[index])
            }
            13 => f64::from_bits(((1023 + 48) << 52) + self.bits() % (2 << 52)),
            14 => self.near_multiple(LN_2 / 256.0),
            _ => panic!("there are {} distributions", DISTRIBUTIONS.len()),
        };
        if self.bits() & 1 == 0 { magnitude } else { -magnitude }
    }

    /// splitmix64.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A float at most 64 floats away.
    fn neighbour(&mut self, value: f64) -> f64 {
        f64::from_bits((value.to_bits() + 64).saturating_sub(self.bits() % 129))
    }

    fn near_multiple(&mut self, period: f64) -> f64 {
        // Small multiples are as likely as large ones.
        let size = self.bits() % 25;
        let count = self.bits() % (1 << size) + 1;
        self.neighbour(count as f64 * period)
    }
}

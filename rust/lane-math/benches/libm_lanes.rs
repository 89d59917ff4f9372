//! Nanoseconds of sine, cosine, pow(x, 2) and fmod(x, 2 pi), in lanes and by calls of the platform's libm.
//!
//!     cargo bench -p lane-math --bench libm_lanes

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lane_math::{Isa, LibmLanes, libm};

/// Values of a call.
const COUNT: usize = 1024;
/// Largest magnitudes: all near zero, as a pole's angle; any angle; far from zero.
const RANGES: [f64; 3] = [0.3, 3.2, 100.0];

fn main() {
    divan::main();
}

/// Spread over a range in an order that branch predictors cannot learn.
fn angles(range: f64) -> Vec<f64> {
    let fraction = |k: usize| (k as f64 * 0.754_877_666_246_692_8).fract() * 2.0 - 1.0;
    (1..=COUNT).map(|k| fraction(k * k) * range).collect()
}

fn bench_in_place(bencher: Bencher, lanes: LibmLanes, range: f64, function: fn(LibmLanes, Isa, &mut [f64])) {
    let isa = Isa::detect();
    let source = angles(range);
    let mut values = source.clone();
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        values.copy_from_slice(black_box(&source));
        function(lanes, isa, &mut values);
        black_box(&mut values);
    });
}

fn bench_both(bencher: Bencher, lanes: LibmLanes, range: f64) {
    let isa = Isa::detect();
    let source = angles(range);
    let (mut sines, mut cosines) = (source.clone(), source.clone());
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        lanes.sin_cos_slices(isa, black_box(&source), &mut sines, &mut cosines);
        black_box((&mut sines, &mut cosines));
    });
}

macro_rules! benches {
    ($module:ident, $lanes:expr) => {
        mod $module {
            use super::*;

            #[divan::bench(args = RANGES)]
            fn sin(bencher: Bencher, range: f64) {
                bench_in_place(bencher, $lanes, range, LibmLanes::sin_in_place);
            }

            #[divan::bench(args = RANGES)]
            fn cos(bencher: Bencher, range: f64) {
                bench_in_place(bencher, $lanes, range, LibmLanes::cos_in_place);
            }

            #[divan::bench(args = RANGES)]
            fn sin_and_cos(bencher: Bencher, range: f64) {
                bench_both(bencher, $lanes, range);
            }

            #[divan::bench(args = RANGES)]
            fn pow_two(bencher: Bencher, range: f64) {
                bench_in_place(bencher, $lanes, range, LibmLanes::pow_two_in_place);
            }
        }
    };
}

benches!(lanes, LibmLanes::detect(Isa::detect()));
benches!(platform, LibmLanes::PLATFORM);

#[divan::bench(args = RANGES)]
fn lanes_fmod_two_pi(bencher: Bencher, range: f64) {
    bench_in_place(bencher, LibmLanes::PLATFORM, range, LibmLanes::fmod_two_pi_in_place);
}

#[divan::bench(args = RANGES)]
fn platform_fmod_two_pi(bencher: Bencher, range: f64) {
    bench_in_place(bencher, LibmLanes::PLATFORM, range, |_, _, values| {
        for value in values {
            *value = libm::fmod(*value, std::f64::consts::TAU);
        }
    });
}

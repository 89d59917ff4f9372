//! What seeding and each draw cost, in nanoseconds: `cargo bench -p numpy-rng`.

use divan::{Bencher, black_box};
use numpy_rng::Generator;

fn main() {
    divan::main();
}

/// Draws per timed call, so that the clock's resolution does not count.
const DRAWS: usize = 1000;

#[divan::bench]
fn from_seed(bencher: Bencher) {
    bencher.counter(DRAWS).bench(|| {
        for seed in 0..DRAWS as u64 {
            black_box(Generator::from_seed(black_box(seed)));
        }
    });
}

/// An episode's reset in CartPole: a new generator and four uniforms.
#[divan::bench]
fn from_seed_and_four_uniforms(bencher: Bencher) {
    bencher.counter(DRAWS).bench(|| {
        for seed in 0..DRAWS as u64 {
            let mut rng = Generator::from_seed(black_box(seed));
            black_box([(); 4].map(|()| rng.uniform(-0.05, 0.05)));
        }
    });
}

/// Times `DRAWS` calls of one kind. The stream goes on from sample to sample, or the branch predictor would
/// learn it.
fn repeat<T>(bencher: Bencher, draw: impl Fn(&mut Generator) -> T) {
    let mut rng = Generator::from_seed(0);
    bencher.counter(DRAWS).bench_local(|| {
        for _ in 0..DRAWS {
            black_box(draw(&mut rng));
        }
    });
}

#[divan::bench]
fn next_u64(bencher: Bencher) {
    repeat(bencher, Generator::next_u64);
}

#[divan::bench]
fn random(bencher: Bencher) {
    repeat(bencher, Generator::random);
}

#[divan::bench]
fn standard_normal(bencher: Bencher) {
    repeat(bencher, Generator::standard_normal);
}

/// Few values (32-bit words, no rejections to speak of), many and very many (a quarter of the words
/// rejected).
#[divan::bench(args = [144, 3 << 30, 3 << 61])]
fn integers(bencher: Bencher, high: i64) {
    repeat(bencher, |rng| rng.integers(0, black_box(high)));
}

//! The random stream of `numpy.random.default_rng`, bit for bit.
//!
//! Gymnasium environments draw from `Generator(PCG64(SeedSequence(seed)))`. An environment that is to replay
//! them move by move needs the same stream: the same seeding, the same generator, and the same number of
//! draws per call, rejected ones included. This crate has the part of NumPy's stream that the environments
//! use, and nothing else.
//!
//! ```
//! use numpy_rng::Generator;
//!
//! // >>> rng = numpy.random.default_rng(0)
//! let mut rng = Generator::from_seed(0);
//! assert_eq!(rng.random(), 0.6369616873214543); // rng.random()
//! assert_eq!(rng.uniform(-0.05, 0.05), -0.02302132862361297); // rng.uniform(-0.05, 0.05)
//! assert_eq!(rng.integers(0, 12), 3); // rng.integers(12)
//! ```
//!
//! # Place in the data flow
//!
//! ```text
//! seed or entropy ──► SeedSequence ──► Pcg64 ──► Generator ──► an environment's reset and step
//! ```
//!
//! It depends on no other crate. The environments depend on it; it knows nothing of them.
//!
//! # Numeric contract
//!
//! Every value, and the state of the generator after it, equals that of NumPy 2.4.6 on x86-64, whatever the
//! order of calls; `tests/vectors.rs` holds it against a recording. Results are the same in debug and release
//! builds and on every platform: integer arithmetic, and for floats one multiplication and one addition,
//! never fused. Only `standard_normal` asks the platform's libm, as NumPy does, for `exp` and `log1p`, in one
//! draw of 67. NumPy may change the streams of its `Generator` between versions (NEP 19), so the version is
//! part of the claim.
//!
//! # What it does not do
//!
//! No other distributions, no other bit generators, no dtypes but `int64` and `float64`, no arrays (draw in a
//! loop: NumPy's arrays of these draws hold the same values in the same order), no `SeedSequence.spawn`, no
//! seeding from the operating system, and nothing cryptographic. Nothing allocates.

mod bounded;
mod generator;
mod pcg64;
mod seed_sequence;
mod ziggurat;

pub use generator::Generator;
pub use pcg64::Pcg64;
pub use seed_sequence::SeedSequence;

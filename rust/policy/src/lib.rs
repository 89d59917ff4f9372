//! Policies: a flat weight vector and observations in, logits out, in PyTorch's order of summation.
//!
//! ```
//! use policy::{Architecture, Exactness, InputShape, Layer, Network};
//!
//! let linear = |outputs| Layer::Linear { outputs, bias: true };
//! let architecture = Architecture::new(InputShape::Flat(4), vec![linear(16), Layer::RELU, linear(2)])?;
//! assert_eq!(architecture.exactness(), Exactness::Exact);
//!
//! let network = Network::new(&architecture);
//! let mut slots = vec![network.packed(), network.packed()]; // two individuals
//! for (individual, packed) in slots.iter_mut().enumerate() {
//!     let weights = vec![0.1 * (individual + 1) as f32; architecture.n_params()];
//!     network.pack(&weights, packed);
//! }
//! let mut scratch = network.scratch(3);
//! let mut logits = [0.0; 3 * 2];
//! // Three lanes: the first and the last are the second individual's episodes.
//! network.forward(&slots, &[1, 0, 1], &[0.5; 3 * 4], &mut logits, &mut scratch);
//! assert_eq!(logits[..2], logits[4..]);
//! # Ok::<(), policy::PolicyError>(())
//! ```
//!
//! **Place.** Depends on lane-math (lanes, activations) only; knows no environment. The engine packs each individual once, then
//! calls [`Network::forward`] for every step of a group of lanes. What an action is made of the logits is the engine's
//! business too.
//!
//! **Numeric contract.** float32 throughout. Every sum is taken in the order in which PyTorch 2.13.0 takes it on a CPU
//! with AVX2 ([`reference`](mod@reference) writes the orders out), so the logits have the same
//! bits as PyTorch's; [`Architecture::exactness`] says where that holds and how PyTorch must be called. The bits are also
//! the same on every instruction set, for every number and order of lanes, in debug and release. NaN stays NaN, but which
//! NaN is not part of the contract.
//!
//! **Memory.** Recurrent cells remember; what lanes remember is the caller's ([`States`]), who begins with zeros, and
//! may make a step once more.
//!
//! **Long passes.** [`Network::forward_while`] asks its caller every few million multiply-adds whether to go on. Memory that
//! cannot be had is an unwinding, see [`lane_math::memory`].
//!
//! **What it does not do.** No training, no gradients, no batch normalisation, no other number
//! types; weights are not read from files here. Lengths are asserted, not reported: the caller has checked its inputs.

mod architecture;
mod cell;
mod error;
mod exactness;
mod kernels;
mod layer;
mod matrix_order;
mod network;
mod norm;
mod order;
mod pace;
mod packed;
mod plan;
mod pool;
pub mod reference;
mod scratch;
mod shape;

pub use architecture::Architecture;
pub use cell::CellKind;
pub use error::PolicyError;
pub use exactness::Exactness;
pub use layer::Layer;
pub use network::{Inputs, Network, States};
pub use norm::LayerNorm;
pub use packed::PackedWeights;
pub use pool::{Pool2d, PoolKind};
pub use scratch::Scratch;
pub use shape::InputShape;

//! The environments: each plays its reference's episodes bit for bit.
//!
//! ```
//! use envs::{Action, registry};
//!
//! let cart_pole = registry::find("CartPole-v1")?.spec(&[], &[])?;
//! let mut episode = cart_pole.environment();
//! episode.reset(Some(7));
//! let step = episode.step(Action::Discrete(1));
//! assert_eq!((step.reward, step.terminated, step.truncated), (1.0, false, false));
//! # Ok::<(), envs::EnvError>(())
//! ```
//!
//! **Where it stands.** Depends on `numpy-rng` (the random streams), `lane-math` (libm), `planar` (rigid bodies)
//! and `raster` (pictures), never on policies or the engine. A scalar [`Environment`] is one episode; a [`Group`]
//! is several that one thread advances together, and the only thing that the engine sees. A [`Spec`] is an
//! environment with its keyword arguments fixed, and makes both. The [`registry`] names them all, and puts wrappers
//! before those that show images ([`ObservationOptions`]).
//!
//! **Numeric contract.** State and arithmetic have the types and the order of operations of the
//! reference, which each file names; nothing is fused or reassociated. The same seed gives the same
//! episode whatever the group's width. Observations are `f32`, rewards `f64`.
//!
//! **What it does not do.** No rendering for people, no automatic reset, and no time limit of its
//! own beyond what a reference has inside: the wrapper's limit (`max_episode_steps`) is the engine's.

mod acrobot;
mod arguments;
mod bipedal_walker;
mod car_racing;
mod cart_pole;
mod entry;
mod environment;
mod episodes;
mod error;
mod float16;
mod former;
mod group;
mod lunar_lander;
mod mountain_car;
mod observation;
mod pendulum;
pub mod registry;
mod repeat;
mod reset_bounds;
#[cfg(test)]
mod resets;
mod seats;
mod sign;
mod snake;
mod space;
mod spec;
mod state_lanes;
#[cfg(test)]
mod twins;
mod variation;
mod world_state;
mod worlds;

pub use arguments::{Arguments, Parameter, Value, nearest_name};
pub use environment::{Action, Environment, FloatType, StateField, StateValue, Step, View};
pub use episodes::{EpisodeGroup, OneByOne, ScalarGroup};
pub use error::EnvError;
pub use group::{Group, Outcomes};
pub use observation::{ObservationOptions, Padding};
pub use space::{ActionSpace, Actions, ObservationDtype, ObservationSpace};
pub use spec::{LANES_THAT_PAY, MakeGroup, PrototypeSpec, Spec};
pub use variation::{Variation, Varied};

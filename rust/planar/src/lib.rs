//! Rigid bodies in the plane, bit for bit as Box2D 2.3.10.
//!
//! What Gymnasium's LunarLander, CarRacing and BipedalWalker need of Box2D, as the pybox2d wheel behaves: edges and convex
//! polygons, bodies joined by motorised and limited revolute joints, contacts with friction and restitution, sensors,
//! islands that fall asleep, continuous collision with static bodies, and rays.
//!
//! ```
//! use planar::{BodyDef, BodyKind, FixtureDef, Shape, Vec2, World};
//!
//! let mut world = World::new(Vec2::new(0.0, -10.0));
//! let ground = world.create_body(&BodyDef::default());
//! let floor = Shape::edge(Vec2::new(-10.0, 0.0), Vec2::new(10.0, 0.0));
//! world.create_fixture(ground, &FixtureDef::new(floor));
//!
//! let def = BodyDef { kind: BodyKind::Dynamic, position: Vec2::new(0.0, 2.0), ..BodyDef::default() };
//! let body = world.create_body(&def);
//! world.create_fixture(body, &FixtureDef { density: 1.0, ..FixtureDef::new(Shape::rectangle(0.5, 0.25)) });
//!
//! let mut landed = false;
//! while world.body(body).is_awake() {
//!     world.step(1.0 / 50.0, 180, 60);
//!     landed |= world.contact_events().iter().any(|event| event.touching);
//! }
//! assert!(landed);
//! // It rests on its skin and the floor's, and sleeps.
//! assert!((world.body(body).position().y - 0.27).abs() < 0.01);
//! ```
//!
//! **Place.** Environments build on this crate; it depends on `lane-math` and knows no environment. A step has three
//! phases: [`World::begin_step`] updates contacts and gathers the islands, [`World::solve_islands`] moves them, and
//! [`World::finish_step`] looks for new contacts and times of impact. [`World::step`] does all three; [`step_together`] does
//! them for many worlds at once, the solver in SIMD lanes, with the same results.
//!
//! **Numeric contract.** Every float32 operation of Box2D in its order, none fused, none reassociated, sine and cosine from
//! the platform's libm: all that can be read of a world equals Box2D's to the last bit after every step, contact events and
//! their order included. The tests compare with recordings of the real Box2D. States that are not finite are carried on
//! without a panic, but not compared: Box2D stops on some of them with an assertion, and its search for pairs then depends
//! on the form of its tree.
//!
//! **Order is state.** Box2D goes through bodies, joints, contacts and fixtures newest first, so the order in which a world
//! was built decides about last bits. [`Clone`] keeps it.
//!
//! **Cost** of a world of LunarLander's make, apart from the solver, on an AMD Zen 5 core at work (`cargo bench -p planar
//! --bench world`): 0.3 µs a step in flight, 1 µs with contacts, times of impact included; 0.1 µs for a copy by
//! [`Clone::clone_from`], which allocates nothing.
//!
//! **What it does not do.** Circles, chains, an edge's neighbours (ghost vertices), kinematic and bullet bodies, other
//! joints, changes to a fixture or a body's place after its creation, and listeners that change a contact.

#![warn(missing_docs)]

mod body;
mod broad_phase;
mod collide;
mod contact;
mod distance;
mod fixture;
mod ids;
mod island;
mod joint;
mod manifold;
mod math;
mod real;
mod settings;
mod shapes;
mod time_of_impact;
mod world;

pub use body::{Body, BodyDef, BodyKind};
pub use contact::{Contact, ContactEvent};
pub use fixture::{Filter, Fixture, FixtureDef};
pub use ids::{BodyId, FixtureId, JointId};
pub use island::step_together;
pub use joint::{RevoluteJoint, RevoluteJointDef};
pub use manifold::{Manifold, ManifoldKind, ManifoldPoint};
pub use math::{Rot, Transform, Vec2};
pub use settings::MAX_POLYGON_VERTICES;
pub use shapes::{Edge, Polygon, Shape};
pub use world::World;

//! The state behind the observation, for parity reports: the physics in the order in which a step computes it, so that
//! the first part that differs from the reference's is the cause of the others.

use super::BipedalWalker;
use crate::environment::{StateField, StateValue};
use planar::{Body, Contact, Vec2};

/// Contacts that are shown, the newest first.
const CONTACTS: usize = 16;
/// What is shown of a contact, and as many impulses.
const CONTACT_VALUES: usize = 4;

/// The names of a body's parts, in the order of [`body_values`].
macro_rules! names_of {
    ($body:literal) => {
        [
            concat!($body, "_velocity"),
            concat!($body, "_angular_velocity"),
            concat!($body, "_position"),
            concat!($body, "_angle"),
            concat!($body, "_center"),
            concat!($body, "_awake"),
        ]
    };
}
const BODIES: [[&str; 6]; 5] =
    [names_of!("hull"), names_of!("leg_0"), names_of!("leg_1"), names_of!("leg_2"), names_of!("leg_3")];
const JOINTS: [&str; 4] = ["joint_0_impulse", "joint_1_impulse", "joint_2_impulse", "joint_3_impulse"];

pub(super) fn fields(episode: &BipedalWalker) -> Vec<StateField> {
    let mut fields = vec![("terrain", StateValue::Floats(episode.terrain.heights.clone()))];
    fields.extend(contact_fields(episode));
    for (name, joint) in JOINTS.into_iter().zip(episode.walker.joints) {
        let joint = episode.world.joint(joint);
        let [x, y, limit] = joint.impulse();
        fields.push((name, floats(&[x, y, limit, joint.motor_impulse()])));
    }
    let [a, b, c, d] = episode.walker.legs;
    for (names, body) in BODIES.into_iter().zip([episode.walker.hull, a, b, c, d]) {
        fields.extend(names.into_iter().zip(body_values(episode.world.body(body))));
    }
    fields.push(("ground_contact", flags(&episode.ground_contact)));
    fields.push(("has_fallen", flags(&[episode.has_fallen])));
    fields.push(("shaping", StateValue::Floats(vec![episode.shaping])));
    fields
}

/// Of each contact: part of the ground, in the order in which they were made; body (0 the hull, then the legs' parts);
/// touching or not; points; and the normal and tangent impulses of both points. Zeros where there is none.
fn contact_fields(episode: &BipedalWalker) -> [StateField; 2] {
    let mut pairs = vec![0; CONTACTS * CONTACT_VALUES];
    let mut impulses = vec![0.0; CONTACTS * CONTACT_VALUES];
    let rows = pairs.chunks_exact_mut(CONTACT_VALUES).zip(impulses.chunks_exact_mut(CONTACT_VALUES));
    for (contact, (pair, impulses)) in episode.world.contacts().zip(rows) {
        pair.copy_from_slice(&pair_values(episode, contact));
        let manifold = contact.manifold();
        for (shown, point) in impulses.chunks_exact_mut(2).zip(&manifold.points[..manifold.point_count]) {
            shown.copy_from_slice(&[point.normal_impulse, point.tangent_impulse]);
        }
    }
    [("contacts", StateValue::Ints(pairs)), ("contact_impulses", floats(&impulses))]
}

fn pair_values(episode: &BipedalWalker, contact: &Contact) -> [i64; CONTACT_VALUES] {
    // The ground's fixtures are the first of the world, in the order of their ids; then come the walker's.
    let body = contact.fixture_b().index() - episode.walker.hull_fixture.index();
    let [part, body, points] =
        [contact.fixture_a().index(), body, contact.manifold().point_count].map(|number| number as i64);
    [part, body, i64::from(contact.is_touching()), points]
}

fn body_values(body: &Body) -> [StateValue; 6] {
    [
        vector(body.linear_velocity()),
        floats(&[body.angular_velocity()]),
        vector(body.position()),
        floats(&[body.angle()]),
        vector(body.world_center()),
        flags(&[body.is_awake()]),
    ]
}

fn vector(value: Vec2) -> StateValue {
    floats(&[value.x, value.y])
}

fn floats(values: &[f32]) -> StateValue {
    StateValue::Floats(values.iter().map(|&value| f64::from(value)).collect())
}

fn flags(values: &[bool]) -> StateValue {
    StateValue::Ints(values.iter().map(|&value| i64::from(value)).collect())
}

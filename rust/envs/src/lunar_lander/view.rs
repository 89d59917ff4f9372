//! The state behind the observation, for parity reports: the physics in the order in which a step computes it, so that
//! the first part that differs from the reference's is the cause of the others.

use super::LunarLander;
use crate::environment::{StateField, StateValue};
use planar::{Body, Contact, Vec2};

/// Contacts that are shown, the newest first.
const CONTACTS: usize = 12;
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
const BODIES: [[&str; 6]; 3] = [names_of!("lander"), names_of!("leg_0"), names_of!("leg_1")];

pub(super) fn fields(episode: &LunarLander) -> Vec<StateField> {
    let wind = episode.wind.as_ref().map_or([0; 2], |wind| wind.indices);
    let mut fields = vec![("wind_indices", StateValue::Ints(wind.to_vec()))];
    fields.extend(contact_fields(episode));
    for (name, joint) in ["joint_0_impulse", "joint_1_impulse"].into_iter().zip(episode.craft.joints) {
        let joint = episode.world.joint(joint);
        let [x, y, limit] = joint.impulse();
        fields.push((name, floats(&[x, y, limit, joint.motor_impulse()])));
    }
    let bodies = [episode.craft.hull, episode.craft.legs[0], episode.craft.legs[1]];
    for (names, body) in BODIES.into_iter().zip(bodies) {
        fields.extend(names.into_iter().zip(body_values(episode.world.body(body))));
    }
    fields.push(("ground_contact", flags(&episode.ground_contact)));
    fields.push(("has_crashed", flags(&[episode.has_crashed])));
    fields.push(("shaping", StateValue::Floats(vec![episode.shaping])));
    fields
}

/// Of each contact: edge of the ground (0 along the bottom), body (0 the hull, 1 and 2 the legs), touching or not, points;
/// and the normal and tangent impulses of both points. Zeros where there is none.
fn contact_fields(episode: &LunarLander) -> [StateField; 2] {
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

fn pair_values(episode: &LunarLander, contact: &Contact) -> [i64; CONTACT_VALUES] {
    let legs = episode.craft.leg_fixtures;
    let body = legs.iter().position(|&leg| leg == contact.fixture_b()).map_or(0, |leg| 1 + leg);
    // The ground's edges are the first fixtures of the world, in the order of their ids.
    let numbers = [contact.fixture_a().index(), body];
    let [edge, body] = numbers.map(|number| number as i64);
    [edge, body, i64::from(contact.is_touching()), contact.manifold().point_count as i64]
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

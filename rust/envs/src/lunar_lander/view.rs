//! The state behind the observation, for parity reports: the physics in the order in which a step computes it, so that
//! the first part that differs from the reference's is the cause of the others.

use super::LunarLander;
use crate::environment::{StateField, StateValue};
use crate::world_state::{CONTACT_VALUES, body_fields, body_names, contact_fields, flags, joint_impulse};
use planar::Contact;

/// Contacts that are shown, the newest first.
const CONTACTS: usize = 12;

const BODIES: [[&str; 6]; 3] = [body_names!("lander"), body_names!("leg_0"), body_names!("leg_1")];
const JOINTS: [&str; 2] = ["joint_0_impulse", "joint_1_impulse"];

pub(super) fn fields(episode: &LunarLander) -> Vec<StateField> {
    let (world, craft) = (&episode.world, &episode.craft);
    let wind = episode.wind.as_ref().map_or([0; 2], |wind| wind.indices);
    let mut fields = vec![("wind_indices", StateValue::Ints(wind.to_vec()))];
    fields.extend(contact_fields::<CONTACTS>(world, |contact| numbers(episode, contact)));
    let joints = JOINTS.into_iter().zip(craft.joints);
    fields.extend(joints.map(|(name, joint)| (name, joint_impulse(world.joint(joint)))));
    for (names, body) in BODIES.into_iter().zip([craft.hull, craft.legs[0], craft.legs[1]]) {
        fields.extend(body_fields(names, world.body(body)));
    }
    fields.push(("ground_contact", flags(&episode.ground_contact)));
    fields.push(("has_crashed", flags(&[episode.has_crashed])));
    fields.push(("shaping", StateValue::Floats(vec![episode.shaping])));
    fields
}

/// Of a contact: edge of the ground (0 along the bottom), body (0 the hull, 1 and 2 the legs), touching or not, points.
fn numbers(episode: &LunarLander, contact: &Contact) -> [i64; CONTACT_VALUES] {
    let legs = episode.craft.leg_fixtures;
    let body = legs.iter().position(|&leg| leg == contact.fixture_b()).map_or(0, |leg| 1 + leg);
    // The ground's edges are the first fixtures of the world, in the order of their ids.
    let numbers = [contact.fixture_a().index(), body];
    let [edge, body] = numbers.map(|number| number as i64);
    [edge, body, i64::from(contact.is_touching()), contact.manifold().point_count as i64]
}

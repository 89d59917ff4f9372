//! The state behind the observation, for parity reports: the physics in the order in which a step computes it, so that
//! the first part that differs from the reference's is the cause of the others.

use super::BipedalWalker;
use crate::environment::{StateField, StateValue};
use crate::world_state::{CONTACT_VALUES, body_fields, body_names, contact_fields, flags, joint_impulse};
use planar::Contact;

/// Contacts that are shown, the newest first.
const CONTACTS: usize = 16;

const BODIES: [[&str; 6]; 5] = [
    body_names!("hull"),
    body_names!("leg_0"),
    body_names!("leg_1"),
    body_names!("leg_2"),
    body_names!("leg_3"),
];
const JOINTS: [&str; 4] = ["joint_0_impulse", "joint_1_impulse", "joint_2_impulse", "joint_3_impulse"];

pub(super) fn fields(episode: &BipedalWalker) -> Vec<StateField> {
    let (world, walker) = (&episode.world, &episode.walker);
    let mut fields = vec![("terrain", StateValue::Floats(episode.terrain.heights.clone()))];
    fields.extend(contact_fields::<CONTACTS>(world, |contact| numbers(episode, contact)));
    let joints = JOINTS.into_iter().zip(walker.joints);
    fields.extend(joints.map(|(name, joint)| (name, joint_impulse(world.joint(joint)))));
    let [a, b, c, d] = walker.legs;
    for (names, body) in BODIES.into_iter().zip([walker.hull, a, b, c, d]) {
        fields.extend(body_fields(names, world.body(body)));
    }
    fields.push(("ground_contact", flags(&episode.ground_contact)));
    fields.push(("has_fallen", flags(&[episode.has_fallen])));
    fields.push(("shaping", StateValue::Floats(vec![episode.shaping])));
    fields
}

/// Of a contact: part of the ground, in the order in which they were made; body (0 the hull, then the legs' parts);
/// touching or not; points.
fn numbers(episode: &BipedalWalker, contact: &Contact) -> [i64; CONTACT_VALUES] {
    // The ground's fixtures are the first of the world, in the order of their ids; then come the walker's.
    let body = contact.fixture_b().index() - episode.walker.hull_fixture.index();
    let [part, body, points] =
        [contact.fixture_a().index(), body, contact.manifold().point_count].map(|number| number as i64);
    [part, body, i64::from(contact.is_touching()), points]
}

//! What parity reports show of a Box2D world: bodies, joints, contacts, in the forms that the references' adapters use.

use crate::environment::{StateField, StateValue};
use planar::{Body, Contact, RevoluteJoint, Vec2, World};

/// What is shown of a contact, and as many impulses.
pub(crate) const CONTACT_VALUES: usize = 4;

/// The names of a body's parts, in the order of [`body_fields`].
macro_rules! body_names {
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
pub(crate) use body_names;

/// Velocities, position, angle, centre, and whether it is awake, under the names that `body_names!` makes.
pub(crate) fn body_fields(names: [&'static str; 6], body: &Body) -> impl Iterator<Item = StateField> {
    let values = [
        vector(body.linear_velocity()),
        floats(&[body.angular_velocity()]),
        vector(body.position()),
        floats(&[body.angle()]),
        vector(body.world_center()),
        flags(&[body.is_awake()]),
    ];
    names.into_iter().zip(values)
}

/// A joint's impulses: of its point, its limit and its motor.
pub(crate) fn joint_impulse(joint: &RevoluteJoint) -> StateValue {
    let [x, y, limit] = joint.impulse();
    floats(&[x, y, limit, joint.motor_impulse()])
}

/// Of the newest `N` contacts what `numbers` says of each, and the normal and tangent impulses of both points. Zeros where
/// there is none.
pub(crate) fn contact_fields<const N: usize>(
    world: &World,
    numbers: impl Fn(&Contact) -> [i64; CONTACT_VALUES],
) -> [StateField; 2] {
    let mut pairs = vec![0; N * CONTACT_VALUES];
    let mut impulses = vec![0.0; N * CONTACT_VALUES];
    let rows = pairs.chunks_exact_mut(CONTACT_VALUES).zip(impulses.chunks_exact_mut(CONTACT_VALUES));
    for (contact, (pair, impulses)) in world.contacts().zip(rows) {
        pair.copy_from_slice(&numbers(contact));
        let manifold = contact.manifold();
        for (shown, point) in impulses.chunks_exact_mut(2).zip(&manifold.points[..manifold.point_count]) {
            shown.copy_from_slice(&[point.normal_impulse, point.tangent_impulse]);
        }
    }
    [("contacts", StateValue::Ints(pairs)), ("contact_impulses", floats(&impulses))]
}

fn vector(value: Vec2) -> StateValue {
    floats(&[value.x, value.y])
}

fn floats(values: &[f32]) -> StateValue {
    StateValue::Floats(values.iter().map(|&value| f64::from(value)).collect())
}

/// Truth values as 0 and 1.
pub(crate) fn flags(values: &[bool]) -> StateValue {
    StateValue::Ints(values.iter().map(|&value| i64::from(value)).collect())
}

//! Contacts in the position iterations: they take overlaps away that velocities have left.

use super::contact::{frame, inverse_mass};
use super::motion::{Pair, Pose};
use super::{IslandBody, IslandContact};
use crate::manifold::ManifoldKind;
use crate::math::{Transform, Vec2, clamp, min};
use crate::settings::{IMPACT_POSITION_CORRECTION, LINEAR_SLOP, MAX_LINEAR_CORRECTION, POSITION_CORRECTION};

/// One sweep over all contacts in a step. Whether they overlapped no more than a little before it.
pub(super) fn solve(contacts: &[IslandContact], bodies: &[IslandBody], poses: &mut [Pose]) -> bool {
    let mut deepest = 0.0;
    for contact in contacts {
        let pair = Pair::new(bodies, contact.body_a, contact.body_b);
        deepest = separate(contact, &pair, POSITION_CORRECTION, deepest, bodies, poses);
    }
    // Not -LINEAR_SLOP: overlaps below the slop are not corrected at all.
    deepest >= -3.0 * LINEAR_SLOP
}

/// One sweep at a time of impact, which moves only the two bodies that hit.
pub(super) fn solve_impact(
    contacts: &[IslandContact],
    bodies: &[IslandBody],
    poses: &mut [Pose],
    hit: [usize; 2],
) -> bool {
    let mut deepest = 0.0;
    for contact in contacts {
        let mut pair = Pair::new(bodies, contact.body_a, contact.body_b);
        if !hit.contains(&pair.a) {
            (pair.inv_mass_a, pair.inv_inertia_a) = (0.0, 0.0);
        }
        if !hit.contains(&pair.b) {
            (pair.inv_mass_b, pair.inv_inertia_b) = (0.0, 0.0);
        }
        deepest = separate(contact, &pair, IMPACT_POSITION_CORRECTION, deepest, bodies, poses);
    }
    deepest >= -1.5 * LINEAR_SLOP
}

/// Corrects a contact, point by point; returns the lesser of `deepest` and the contact's separations before.
fn separate(
    contact: &IslandContact,
    pair: &Pair,
    correction: f32,
    mut deepest: f32,
    bodies: &[IslandBody],
    poses: &mut [Pose],
) -> f32 {
    for point in &contact.manifold.points[..contact.manifold.point_count] {
        let frame_a = frame(bodies, poses, pair.a);
        let frame_b = frame(bodies, poses, pair.b);
        let (normal, position, separation) = overlap(contact, point.local_point, &frame_a, &frame_b);
        deepest = min(deepest, separation);

        let arm_a = position - poses[pair.a].center;
        let arm_b = position - poses[pair.b].center;
        let push = clamp(correction * (separation + LINEAR_SLOP), -MAX_LINEAR_CORRECTION, 0.0);
        let inverse_mass = inverse_mass(pair, arm_a, arm_b, normal);
        let impulse = if inverse_mass > 0.0 { -push / inverse_mass } else { 0.0 };
        pair.displace(poses, arm_a, arm_b, impulse * normal);
    }
    deepest
}

/// The normal from A to B, the position of a point, and how far the skins are apart there.
fn overlap(
    contact: &IslandContact,
    local_point: Vec2,
    frame_a: &Transform,
    frame_b: &Transform,
) -> (Vec2, Vec2, f32) {
    let manifold = &contact.manifold;
    let (face, other) = match manifold.kind {
        ManifoldKind::FaceA => (frame_a, frame_b),
        ManifoldKind::FaceB => (frame_b, frame_a),
    };
    let normal = face.rotation.rotate(manifold.local_normal);
    let plane_point = face.apply(manifold.local_point);
    let position = other.apply(local_point);
    let separation = (position - plane_point).dot(normal) - contact.radius_a - contact.radius_b;
    match manifold.kind {
        ManifoldKind::FaceA => (normal, position, separation),
        ManifoldKind::FaceB => (-normal, position, separation),
    }
}

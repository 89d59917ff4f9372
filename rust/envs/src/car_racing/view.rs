//! The state behind the observation, for parity reports: the physics in the order in which a step computes it, so that
//! the first part that differs from the reference's is the cause of the others.

use super::CarRacing;
use super::car::Wheel;
use crate::environment::{StateField, StateValue};
use planar::{Body, Vec2};

pub(super) fn fields(episode: &CarRacing) -> Vec<StateField> {
    let (world, road) = (&episode.world, &episode.road);
    let hull = world.body(episode.car.hull);
    let path = road
        .track()
        .nodes()
        .iter()
        .flat_map(|node| [node.alpha, node.beta, node.position[0], node.position[1]]);
    let of_wheels =
        |value: fn(&Wheel) -> f64| StateValue::Floats(episode.car.wheels.iter().map(value).collect());
    let of_bodies = |value: fn(&Body) -> Vec<f32>| {
        floats(episode.car.wheels.iter().flat_map(|wheel| value(world.body(wheel.body))))
    };
    let joints = || episode.car.wheels.iter().map(|wheel| world.joint(wheel.joint));
    let impulses = joints().flat_map(|joint| {
        let [x, y, limit] = joint.impulse();
        [x, y, limit, joint.motor_impulse()]
    });
    vec![
        ("track", StateValue::Floats(path.collect())),
        ("gas", of_wheels(|wheel| wheel.gas)),
        ("brake", of_wheels(|wheel| wheel.brake)),
        ("steer", of_wheels(|wheel| wheel.steer)),
        ("motor_speeds", floats(joints().map(|joint| joint.def().motor_speed))),
        ("omega", of_wheels(|wheel| wheel.omega)),
        ("phase", of_wheels(|wheel| wheel.phase)),
        ("joint_impulses", floats(impulses)),
        ("hull_velocity", floats(components(hull.linear_velocity()))),
        ("hull_angular_velocity", floats([hull.angular_velocity()])),
        ("hull_position", floats(components(hull.position()))),
        ("hull_angle", floats([hull.angle()])),
        ("hull_center", floats(components(hull.world_center()))),
        ("hull_awake", StateValue::Ints(vec![i64::from(hull.is_awake())])),
        ("wheel_velocities", of_bodies(|body| components(body.linear_velocity()).into())),
        ("wheel_angular_velocities", of_bodies(|body| vec![body.angular_velocity()])),
        ("wheel_positions", of_bodies(|body| components(body.position()).into())),
        ("wheel_angles", of_bodies(|body| vec![body.angle()])),
        ("wheels_awake", of_bodies(|body| vec![f32::from(u8::from(body.is_awake()))])),
        ("tiles_touched", of_wheels(|wheel| f64::from(wheel.tiles))),
        ("tiles_visited", StateValue::Ints(vec![road.visited() as i64])),
        ("lap_complete", StateValue::Ints(vec![i64::from(road.is_lap_complete())])),
        ("time", StateValue::Floats(vec![episode.time])),
        ("total_reward", StateValue::Floats(vec![episode.total_reward])),
    ]
}

fn components(value: Vec2) -> [f32; 2] {
    [value.x, value.y]
}

fn floats(values: impl IntoIterator<Item = f32>) -> StateValue {
    StateValue::Floats(values.into_iter().map(f64::from).collect())
}

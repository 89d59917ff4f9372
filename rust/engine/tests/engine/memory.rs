//! What results keep beside what they hold: nothing.

use crate::support::{evaluate, random_population, small_policy, task};
use engine::{RecordedObservations, Recording, Task};

#[test]
fn trajectories_give_back_what_they_took_in_advance() {
    let spec = envs::registry::find("pendulum").unwrap().spec(&[], &[]).unwrap();
    let network = small_policy(spec.as_ref());
    let weights = random_population(&network, 2, 8);
    let recording =
        Recording { trajectories: &[0, 1], most_trajectory_bytes: 1 << 20, ..Recording::default() };
    let short =
        Task { recording, max_episode_steps: Some(12), ..task(spec.as_ref(), &network, &weights, &[5]) };
    for trajectory in evaluate(&short).unwrap().trajectories {
        let RecordedObservations::F32(values) = trajectory.observations else {
            panic!("a pendulum's observations are numbers");
        };
        assert_eq!((values.len(), values.capacity()), (13 * 3, 13 * 3));
    }
}

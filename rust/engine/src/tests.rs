//! Whole calls in surroundings that are not as usual: no threads to be had, other floating-point modes, no memory.

use super::*;
use crate::task::Seeds;
use policy::{Architecture, InputShape, Layer, Network};
use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const SEEDS: [u64; 5] = [0, 1, 2, 3, 1 << 40];

/// Twelve individuals of a small policy in CartPole, on eight threads.
fn with_task(check: impl FnOnce(&Task<'_>)) {
    let spec = envs::registry::find("CartPole-v1").unwrap().spec(&[], &[]).unwrap();
    let linear = |outputs| Layer::Linear { outputs, bias: true };
    let layers = vec![linear(12), Layer::TANH, linear(2)];
    let network = Network::new(&Architecture::new(InputShape::Flat(4), layers).unwrap());
    let mut rng = numpy_rng::Generator::from_seed(3);
    let n = 12 * network.architecture().n_params();
    let weights: Vec<f32> = (0..n).map(|_| rng.uniform(-0.5, 0.5) as f32).collect();
    check(&Task {
        threads: 8,
        max_episode_steps: Some(100),
        keep_final_observation: true,
        ..Task::new(spec.as_ref(), &network, &weights, &SEEDS)
    });
}

fn go_on(_done: usize, _total: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn fed() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn without_time(evaluation: Result<Evaluation, EngineError>) -> Evaluation {
    Evaluation { elapsed: Duration::ZERO, ..evaluation.unwrap() }
}

#[test]
fn results_are_the_same_whatever_number_of_threads_the_system_starts() {
    with_task(|task| {
        let expected = without_time(evaluate(&Task { threads: 1, ..*task }, &mut go_on));
        for allowed in [0, 1, 3, usize::MAX] {
            let left = AtomicUsize::new(allowed);
            let start: Start<'_> = &|body| {
                left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                    .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))
                    .and_then(|_| threads::start(body))
            };
            let surroundings = Surroundings { start, poll_interval: Duration::ZERO };
            assert_eq!(
                without_time(evaluate_in(surroundings, task, &mut go_on, &mut fed)),
                expected,
                "{allowed} threads"
            );
        }
    });
}

#[test]
fn calls_that_are_under_way_at_once_share_what_threads_the_system_starts() {
    with_task(|task| {
        let expected = without_time(evaluate(&Task { threads: 1, ..*task }, &mut go_on));
        for allowed in [0, 2, usize::MAX] {
            let left = AtomicUsize::new(allowed);
            let start = |body| {
                left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                    .map_err(|_| io::Error::from(io::ErrorKind::WouldBlock))
                    .and_then(|_| threads::start(body))
            };
            // Each waits, in the middle of its episodes, until the others have come as far.
            let meeting = Barrier::new(3);
            let evaluate_with_others = || {
                let mut has_met = false;
                let surroundings = Surroundings { start: &|body| start(body), poll_interval: Duration::ZERO };
                let evaluation = evaluate_in(
                    surroundings,
                    task,
                    &mut |_, _| {
                        if !has_met {
                            meeting.wait();
                            has_met = true;
                        }
                        ControlFlow::Continue(())
                    },
                    &mut fed,
                );
                assert!(has_met);
                without_time(evaluation)
            };
            std::thread::scope(|scope| {
                let calls: Vec<_> = (0..3).map(|_| scope.spawn(evaluate_with_others)).collect();
                calls.into_iter().for_each(|call| assert_eq!(call.join().unwrap(), expected));
            });
        }
    });
}

/// Sets the bits of MXCSR that make denormal numbers zeros, for as long as `run` takes.
#[cfg(target_arch = "x86_64")]
fn while_denormals_are_flushed<R>(run: impl FnOnce() -> R) -> R {
    let standard: u32 = 0x1f80;
    let flushing: u32 = 0x9fc0;
    // SAFETY: reads four bytes into the thread's own register, which is put back below.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const flushing, options(nostack)) };
    let result = run();
    // SAFETY: as above.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const standard, options(nostack)) };
    result
}

#[test]
#[cfg(target_arch = "x86_64")]
fn denormal_weights_count_though_the_caller_s_thread_flushes_them() {
    with_task(|task| {
        // Logits of a millionth of the least normal number, so that a thread that flushes sees nothing but zeros.
        let weights: Vec<f32> = task.weights.iter().map(|weight| weight * 1e-39).collect();
        let layers = vec![Layer::Linear { outputs: 2, bias: false }];
        let network = Network::new(&Architecture::new(InputShape::Flat(4), layers).unwrap());
        let denormal = Task { network: &network, weights: &weights[..96], threads: 1, ..*task };
        let expected = without_time(evaluate(&denormal, &mut go_on));
        let got = while_denormals_are_flushed(|| evaluate(&denormal, &mut go_on));
        assert_eq!(without_time(got), expected);
        let zeros = Task { weights: &[0.0; 96], ..denormal };
        assert_ne!(without_time(evaluate(&zeros, &mut go_on)).returns, expected.returns);
    });
}

#[test]
fn results_that_no_memory_has_room_for_are_refused_before_the_first_episode() {
    with_task(|task| {
        let network = Network::new(
            &Architecture::new(InputShape::Flat(4), vec![Layer::Linear { outputs: 2, bias: false }]).unwrap(),
        );
        let seeds = vec![0; 1 << 20];
        let weights = vec![0.0; 8 << 17];
        let task = Task {
            network: &network,
            weights: &weights,
            population: 1 << 17,
            episodes: 1 << 20,
            seeds: Seeds::Shared(&seeds),
            ..*task
        };
        let error = evaluate(&task, &mut |_, _| panic!("an episode was played")).unwrap_err();
        assert!(error.is_out_of_memory() && !error.is_internal());
        let bytes = error.to_string().split(' ').nth(2).unwrap().parse::<u128>().unwrap();
        // Returns, lengths, ends and three copies of a job and four float32, for each of 2^37 episodes.
        assert!(bytes > (8 + 8 + 3 + 3 * (8 + 16)) << 37 && bytes < 1 << 45, "{error}");
        assert_eq!(error.to_string(), format!("memory: expected {bytes} bytes to be free, got fewer"));
    });
}

#[test]
fn a_thread_that_finds_no_memory_ends_the_call_and_nothing_else() {
    with_task(|task| {
        let spec = envs::registry::find("CarRacing-v3").unwrap().spec(&[], &[]).unwrap();
        let conv = |out_channels| Layer::Conv2d {
            out_channels,
            kernel: (1, 1),
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
            groups: 1,
            bias: false,
        };
        // 110,000 images of 96 x 96 numbers between two layers, for each of 64 lanes.
        let layers = vec![conv(110_000), conv(1), Layer::Linear { outputs: 3, bias: false }];
        let input = InputShape::Image { channels: 3, height: 96, width: 96 };
        let network = Network::new(&Architecture::new(input, layers).unwrap());
        let weights = vec![0.0; network.architecture().n_params()];
        let wide = Task {
            spec: spec.as_ref(),
            network: &network,
            weights: &weights,
            population: 1,
            episodes: 64,
            seeds: Seeds::Shared(&[0; 64]),
            threads: 1,
            group_width: Some(64),
            ..*task
        };
        let error = evaluate(&wide, &mut go_on).unwrap_err();
        assert!(error.is_out_of_memory());
        assert_eq!(error.to_string(), "memory: expected 259522560000 bytes to be free, got fewer");
        assert!(evaluate(task, &mut go_on).is_ok());
    });
}

#[test]
fn resets_that_are_kept_for_shared_seeds_change_nothing() {
    with_task(|task| {
        for (id, inputs, outputs) in [("LunarLander-v3", 8, 4), ("BipedalWalker-v3", 24, 4)] {
            let spec = envs::registry::find(id).unwrap().spec(&[], &[]).unwrap();
            let layers = vec![Layer::Linear { outputs, bias: true }];
            let network = Network::new(&Architecture::new(InputShape::Flat(inputs), layers).unwrap());
            let mut rng = numpy_rng::Generator::from_seed(4);
            let n = 6 * network.architecture().n_params();
            let weights: Vec<f32> = (0..n).map(|_| rng.uniform(-0.5, 0.5) as f32).collect();
            let shared = Task {
                spec: spec.as_ref(),
                network: &network,
                weights: &weights,
                population: 6,
                threads: 2,
                // Fewer lanes than episodes: most resets come after others.
                group_width: Some(3),
                ..*task
            };
            assert_eq!(shared.recurring_seeds(), SEEDS.len());
            let seeds = SEEDS.repeat(6);
            let own = Task { seeds: Seeds::PerIndividual(&seeds), ..shared };
            assert_eq!(own.recurring_seeds(), 0);
            assert_eq!(
                without_time(evaluate(&shared, &mut go_on)),
                without_time(evaluate(&own, &mut go_on)),
                "{id}"
            );
        }
    });
}

"""Epsilon, sticky actions, noise and drawn heads in `evaluate`: as episodes stepped with NumPy's own draws."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalengine
from evalengine import InputError, NonFiniteError, Policy, _engine, batch_evaluate, evaluate, evaluate_on, make
from evalengine.policies.heads import ActionStream, Head
from evalengine.policies.inputs import policy_inputs

SAMPLE = Policy("mlp:4-8-2,head=sample")
LEARNED = Policy("mlp:3-8-1,noise=log_std")
LANDER = Policy("mlp:8-16-2,head=sigmoid/raw,noise=0.3/0.2")
PLAYED: dict[str, tuple[str, Policy, dict[str, Any]]] = {
    "sample": ("cartpole", SAMPLE, {}),
    "threshold": ("cartpole", Policy("mlp:4-8-1,head=threshold:0.1"), {"epsilon": 0.1}),
    "argmax": ("mountaincar", Policy("mlp:2-8-3"), {"epsilon": 0.2, "sticky": 0.5}),
    "log_std": ("pendulum", LEARNED, {"sticky": 0.25}),
    "each": ("lunarlander", LANDER, {"env_kwargs": {"continuous": True}, "epsilon": 0.05, "sticky": 0.1}),
    "skip": (
        "carracing",
        Policy("cnn:6x24x24-4k8s8-3,head=tanh/sigmoid/sigmoid,noise=0.1"),
        {"observation": "skip=4,resize=24x24,stack=2", "sticky": 0.3, "max_episode_steps": 60},
    ),
}
LIMIT: dict[str, Any] = {"max_episode_steps": 120}


def population_of(policy: Policy, count: int = 3) -> np.ndarray[Any, np.dtype[np.float32]]:
    population = policy.init(count, seed=4)
    log_std, _ = policy.split(population)
    log_std[...] = np.linspace(-1.5, 0.5, log_std.size, dtype=np.float32).reshape(log_std.shape)
    return population


@pytest.mark.parametrize("name", PLAYED)
def test_episodes_are_those_of_a_loop_with_numpys_draws(name: str) -> None:
    env_id, policy, given = PLAYED[name]
    options = LIMIT | given
    population, seeds = population_of(policy), [0, 2**32, 2**64 - 1]
    found = evaluate(
        env_id, population, policy, seeds=seeds, trajectories=range(3), descriptors=["last(step)"], **options
    )
    probabilities = {key: options.pop(key) for key in ("epsilon", "sticky") if key in options}
    env = make(
        env_id,
        max_episode_steps=options["max_episode_steps"],
        observation=options.get("observation"),
        **options.get("env_kwargs", {}),
    )
    head = Head.of(policy, env.entry)
    for individual, weights in enumerate(population):
        for episode, seed in enumerate(seeds):
            trajectory = found.trajectories[individual][episode]
            stream = ActionStream(head, seed, log_std=policy.split(weights)[0], **probabilities)
            observation, _ = env.reset(seed=seed)
            total = 0.0
            for step, played in enumerate(trajectory.actions):
                assert trajectory.observations[step].tobytes() == observation.tobytes()
                action = stream.action(policy.logits(weights, policy_inputs(policy, observation[np.newaxis]))[0])
                assert np.asarray(action, played.dtype).tobytes() == played.tobytes(), (individual, episode, step)
                observation, reward, terminated, truncated, _ = env.step(action)
                total += reward
            assert terminated or truncated
            assert total == found.returns[individual, episode]
            # As many actions as steps, or as steps of four.
            assert len(trajectory.actions) == -(-found.lengths[individual, episode] // (4 if name == "skip" else 1))


@pytest.mark.parametrize("name", PLAYED)
def test_threads_and_places_change_nothing(name: str) -> None:
    env_id, policy, given = PLAYED[name]
    population, options = population_of(policy, 5), LIMIT | given
    expected = evaluate(env_id, population, policy, seeds=[3, 1, 2], threads=1, **options).returns
    for threads in (2, 5):
        found = evaluate(env_id, population, policy, seeds=[3, 1, 2], threads=threads, **options)
        assert found.returns.tobytes() == expected.tobytes()
    reversed_ = evaluate(env_id, population[::-1], policy, seeds=[2, 1, 3], **options).returns
    assert np.ascontiguousarray(reversed_[::-1, ::-1]).tobytes() == expected.tobytes()


def test_what_is_random_changes_episodes_and_its_absence_none() -> None:
    policy = Policy("mlp:4-8-2")
    population = policy.init(4, seed=1)
    plain = evaluate("cartpole", population, policy, episodes=8).returns
    zeros: list[Any] = [0, 0.0, np.float32(0)]
    for zero in zeros:
        same = evaluate("cartpole", population, policy, episodes=8, epsilon=zero, sticky=zero).returns
        assert same.tobytes() == plain.tobytes()
    spelled = evaluate("cartpole", population, "mlp:4-8-2,head=argmax", episodes=8).returns
    assert spelled.tobytes() == plain.tobytes()
    random: list[tuple[str, Any]] = [
        ("mlp:4-8-2", {"epsilon": 0.5}),
        ("mlp:4-8-2", {"sticky": 0.5}),
        ("mlp:4-8-2", {"epsilon": 0.5, "sticky": 0.5}),
        ("mlp:4-8-2,head=sample", {}),
    ]
    others = [
        evaluate("cartpole", population, spelling, episodes=8, **options).returns.tobytes()
        for spelling, options in random
    ]
    assert len({plain.tobytes(), *others}) == 5


def test_the_other_ways_to_evaluate_take_them_too() -> None:
    population = population_of(LEARNED, 6)
    options: Any = {"epsilon": 0.1, "sticky": 0.2}
    whole = evaluate("pendulum", population, LEARNED, episodes=2, collect_statistics=True, **options)
    fitness = batch_evaluate("pendulum", population, 2, "mlp", (3, 8, 1), noise="log_std", **options)
    assert fitness.tobytes() == whole.fitness.tobytes()
    with ThreadPoolExecutor(2) as executor:
        apart = evaluate_on(
            executor, "pendulum", population, LEARNED, episodes=2, shares=3, collect_statistics=True, **options
        )
    assert apart.returns.tobytes() == whole.returns.tobytes()
    assert apart.statistics.sum.tobytes() == whole.statistics.sum.tobytes()
    head = batch_evaluate("cartpole", SAMPLE.init(2, 0), 2, "mlp", (4, 8, 2), head="sample")
    assert head.tobytes() == evaluate("cartpole", SAMPLE.init(2, 0), SAMPLE, episodes=2).fitness.tobytes()


@pytest.mark.parametrize("name", ["epsilon", "sticky"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), "0.1", True, None, [0.1]])
def test_probabilities_are_numbers_from_0_to_1(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"^{name}: expected a probability from 0 to 1, got"):
        evaluate("cartpole", np.zeros(10), "mlp:4-2", **{name: value})


def test_certainty_is_a_probability_too() -> None:
    found = evaluate(
        "mountaincar", np.zeros(9), "mlp:2-3", seeds=[1, 2], epsilon=1, sticky=1.0, trajectories=[0], **LIMIT
    )
    for trajectory in found.trajectories[0]:
        assert set(trajectory.actions.tolist()) == {int(trajectory.actions[0])}


def test_deviations_that_float32_does_not_hold_are_refused_by_name() -> None:
    population = population_of(LEARNED, 4)
    population[2, 0] = 89.0
    message = r"^weights: expected log_std whose exponentials are finite, got 89.0 in individual 2 at position 0$"
    with pytest.raises(NonFiniteError, match=message) as refused:
        evaluate("pendulum", population, LEARNED)
    assert refused.value.individual == 2
    found = evaluate("pendulum", population, LEARNED, on_nan=-5.0, trajectories=[2])
    assert found.failed.tolist() == [False, False, True, False] and found.fitness[2] == -5.0
    with ThreadPoolExecutor(1) as executor, pytest.raises(NonFiniteError, match="in individual 2 at position 0"):
        evaluate_on(executor, "pendulum", population, LEARNED, shares=4)


def test_outputs_that_noise_makes_infinite_are_played() -> None:
    policy = Policy("mlp:3-1,head=clip,noise=3e38")
    found = evaluate("pendulum", np.zeros(4, np.float32), policy, seeds=[0, 1], trajectories=[0])
    actions = np.concatenate([trajectory.actions for trajectory in found.trajectories[0]])
    assert set(actions.ravel().tolist()) == {-2.0, 2.0} and not found.failed.any()


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors"])
def test_files_keep_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w.{suffix}"
    LEARNED.save(path, LEARNED.init(2, seed=0), "pendulum", epsilon=1 / 3, sticky=0.25)
    loaded = evalengine.load_weights(path)
    assert (loaded.policy, loaded.epsilon, loaded.sticky) == (LEARNED, 1 / 3, 0.25)
    assert loaded.options == {"epsilon": 1 / 3, "sticky": 0.25}
    LEARNED.save(path, LEARNED.init(2, seed=0), "pendulum", epsilon=0.0, sticky=0)
    assert evalengine.load_weights(path).options == {}
    with pytest.raises(InputError, match="sticky: expected a probability from 0 to 1, got 2"):
        LEARNED.save(path, LEARNED.init(2, seed=0), "pendulum", sticky=2)


def test_a_file_with_no_probability_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    SAMPLE.save(path, SAMPLE.init(1, seed=0), "cartpole", epsilon=0.5)
    sidecar = tmp_path / "w.npy.json"
    sidecar.write_text(sidecar.read_text().replace("0.5", '"often"'))
    with pytest.raises(InputError, match=r"w.npy.json: epsilon: expected a probability from 0 to 1, got 'often'"):
        evalengine.load_weights(path)


def test_every_instruction_set_draws_and_acts_alike() -> None:
    program = """
import hashlib, evalengine
found = hashlib.sha256()
for env_id, spelling in [
    ("cartpole", "mlp:4-17-2,head=sample"),
    ("pendulum", "mlp:3-16-1,head=sigmoid,noise=log_std"),
    ("bipedalwalker", "mlp:24-9-4,head=tanh/clip/raw/sigmoid,noise=0.2"),
]:
    policy = evalengine.Policy(spelling)
    weights = policy.init(5, seed=0)
    played = evalengine.evaluate(env_id, weights, policy, episodes=3, epsilon=0.1, sticky=0.1, max_episode_steps=100)
    found.update(played.returns.tobytes())
print(found.hexdigest())
"""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"EVALENGINE_ISA": isa}, capture_output=True, check=True
        ).stdout
        for isa in _engine.instruction_sets()
    }
    assert len(hashes) == 1

"""One call from weights to fitness: what it computes and what it takes."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from evalengine import _engine
from evalengine.environments.native import make
from evalengine.errors import InputError, NonFiniteError
from evalengine.evaluation.evaluate import Evaluation, batch_evaluate, evaluate
from evalengine.policies.policy import Policy

CARTPOLE = Policy("mlp:4-8-2")
POPULATION = CARTPOLE.init(5, seed=0)
SNAKE = Policy("cnn:5x12x12-4k3-8-4")
ARRAYS = ("fitness", "returns", "lengths", "terminated", "truncated", "stopped", "failed", "seeds", "final_observation")
# One 0.5-logit everywhere: always the first action. A cart pushed one way falls after some 10 steps.
ALWAYS_LEFT = np.zeros(CARTPOLE.n_params, dtype=np.float32)


def same(one: Evaluation, other: Evaluation) -> bool:
    """Say whether two evaluations agree in every bit of every result."""
    assert one.on_request.keys() == other.on_request.keys()
    names = [name for name in ARRAYS if name != "final_observation"] + [*one.on_request]
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return one.steps == other.steps and all(
        (a is None and b is None) or (a is not None and b is not None and a.tobytes() == b.tobytes()) for a, b in pairs
    )


def replay(env_id: str, policy: Policy, vector: Any, seed: int, limit: int | None = None) -> tuple[float, int, Any]:
    """Play an episode step by step from Python and return its return, its length and its last observation."""
    env = make(env_id, max_episode_steps=limit)
    observation, _ = env.reset(seed=seed)
    total, length, ended = 0.0, 0, False
    while not ended:
        image = np.moveaxis(observation, -1, 0) if policy.arch == "cnn" else observation
        action = int(policy.logits(vector, image[np.newaxis])[0].argmax())
        observation, reward, terminated, truncated, _ = env.step(action)
        total, length, ended = total + reward, length + 1, terminated or truncated
    return total, length, observation


# What it computes.


@pytest.mark.parametrize(("env_id", "policy"), [("CartPole-v1", CARTPOLE), ("evalengine/Snake-v0", SNAKE)])
def test_every_episode_is_the_one_that_python_would_play(env_id: str, policy: Policy) -> None:
    population = policy.init(4, seed=1)
    result = evaluate(env_id, population, policy, episodes=3, seeds=11, keep=("final_observation",))
    for individual in range(4):
        for episode in range(3):
            total, length, observation = replay(env_id, policy, population[individual], 11 + episode)
            assert result.returns[individual, episode] == total
            assert result.lengths[individual, episode] == length
            assert np.array_equal(result.final_observation[individual, episode], observation)


def test_shapes_and_dtypes() -> None:
    result = evaluate("cartpole", POPULATION, CARTPOLE, episodes=3, keep=("final_observation",))
    shapes = {name: (getattr(result, name).shape, getattr(result, name).dtype) for name in ARRAYS}
    expected: dict[str, Any] = {
        "fitness": ((5,), np.float32),
        "returns": ((5, 3), np.float64),
        "lengths": ((5, 3), np.int64),
        "terminated": ((5, 3), np.bool_),
        "truncated": ((5, 3), np.bool_),
        "stopped": ((5, 3), np.int8),
        "failed": ((5,), np.bool_),
        "seeds": ((5, 3), np.uint64),
        "final_observation": ((5, 3, 4), np.float32),
    }
    assert shapes == expected
    assert result.steps == result.lengths.sum()
    assert result.seconds > 0
    assert not result.failed.any()
    assert result.terminated.all()
    with pytest.raises(InputError, match=r"^final_observation: not kept by this call; pass "):
        _ = evaluate("cartpole", POPULATION, CARTPOLE).final_observation


def test_fitness_is_the_float64_mean_of_returns_in_float32() -> None:
    result = evaluate("snake", SNAKE.init(20, seed=3), SNAKE, episodes=7, max_episode_steps=60)
    means = [np.float32(sum(returns) / 7) for returns in result.returns.tolist()]
    assert len(set(means)) > 1
    assert result.fitness.tolist() == means


def test_batch_evaluate_is_the_fitness_of_evaluate() -> None:
    fitness = batch_evaluate("CartPole-v1", POPULATION, 3, "mlp", (4, 8, 2), seeds=[4, 5, 6])
    assert fitness.dtype == np.float32
    assert np.array_equal(fitness, evaluate("cartpole", POPULATION, "mlp:4-8-2", seeds=[4, 5, 6]).fitness)


def test_batch_evaluate_passes_its_options_on() -> None:
    population = Policy("cnn:5x6x7-4k3-4,act=tanh,bias=0").init(3, seed=0)
    options: dict[str, Any] = {"env_kwargs": {"rows": 6, "cols": 7}, "max_episode_steps": 9, "threads": 1}
    fitness = batch_evaluate(
        "snake", population, 2, "cnn", (5, 6, 7, (4, 3), 4), activation="tanh", bias=False, **options
    )
    expected = evaluate("snake", population, "cnn:5x6x7-4k3-4,act=tanh,bias=0", episodes=2, **options)
    assert np.array_equal(fitness, expected.fitness)
    assert expected.lengths.max() <= 9


@pytest.mark.parametrize(("env_id", "policy"), [("cartpole", CARTPOLE), ("snake", SNAKE)])
def test_threads_and_neighbours_change_no_bit(env_id: str, policy: Policy) -> None:
    population = policy.init(33, seed=5)
    options: dict[str, Any] = {"episodes": 4, "max_episode_steps": 50, "keep": ("final_observation",)}
    expected = evaluate(env_id, population, policy, threads=1, **options)
    for threads in (2, 3, 7, 16):
        assert same(evaluate(env_id, population, policy, threads=threads, **options), expected)
    backwards = evaluate(env_id, population[::-1], policy, **options)
    assert np.array_equal(backwards.returns[::-1], expected.returns)
    alone = evaluate(env_id, population[7], policy, **options)
    assert np.array_equal(alone.returns[0], expected.returns[7])


def test_a_population_of_none_gives_an_empty_answer() -> None:
    result = evaluate("cartpole", [], CARTPOLE, episodes=3, keep=("final_observation",))
    assert result.fitness.shape == (0,)
    assert result.fitness.dtype == np.float32
    assert result.returns.shape == result.seeds.shape == (0, 3)
    assert result.final_observation.shape == (0, 3, 4)
    assert result.steps == 0
    assert batch_evaluate("cartpole", np.empty((0, CARTPOLE.n_params)), 3, "mlp", (4, 8, 2)).shape == (0,)


# What it takes.


def test_float32_weights_reach_the_extension_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    original = _engine.evaluate

    def spying(*arguments: Any, **options: Any) -> Any:
        seen.append(arguments[5])
        return original(*arguments, **options)

    monkeypatch.setattr(_engine, "evaluate", spying)
    read_only = POPULATION.copy()
    read_only.flags.writeable = False
    expected = evaluate("cartpole", POPULATION, CARTPOLE)
    assert same(evaluate("cartpole", read_only, CARTPOLE), expected)
    assert np.shares_memory(seen[0], POPULATION)
    assert np.shares_memory(seen[1], read_only)


@pytest.mark.parametrize(
    "weights",
    [
        POPULATION.astype(np.float64),
        np.asfortranarray(POPULATION),
        np.repeat(POPULATION, 2, axis=0)[::2],
        list(POPULATION),
        POPULATION.tolist(),
    ],
)
def test_other_forms_of_weights_give_the_same_bits(weights: Any) -> None:
    assert same(evaluate("cartpole", weights, CARTPOLE), evaluate("cartpole", POPULATION, CARTPOLE))


@pytest.mark.parametrize(
    ("seeds", "episodes", "row"),
    [(None, None, [0]), (None, 3, [0, 1, 2]), (7, 2, [7, 8]), ([5, 2**64 - 1], None, [5, 2**64 - 1])],
)
def test_seeds_shared_by_all_individuals(seeds: Any, episodes: Any, row: list[int]) -> None:
    result = evaluate("cartpole", POPULATION, CARTPOLE, seeds=seeds, episodes=episodes)
    assert result.seeds.tolist() == [row] * 5
    for column, seed in enumerate(row):
        assert result.returns[2, column] == replay("cartpole", CARTPOLE, POPULATION[2], seed)[0]


@pytest.mark.parametrize("seeds", [None, 7])
@pytest.mark.parametrize("population", [POPULATION[:1], POPULATION])
def test_seeds_of_a_result_are_its_own(seeds: Any, population: Any) -> None:
    result = evaluate("cartpole", population, CARTPOLE, episodes=3, seeds=seeds, max_episode_steps=5)
    with pytest.raises(ValueError, match="read-only"):
        result.seeds[0, 0] = 9
    base: Any = result.seeds.base
    with pytest.raises(ValueError, match="WRITEABLE"):
        base.flags.writeable = True
    again = evaluate("cartpole", population, CARTPOLE, episodes=3, seeds=seeds, max_episode_steps=5)
    assert again.seeds is not result.seeds
    assert again.seeds.tolist() == result.seeds.tolist()


def test_seeds_of_each_individual() -> None:
    seeds = np.arange(10, dtype=np.uint16).reshape(5, 2)
    result = evaluate("cartpole", POPULATION, CARTPOLE, seeds=seeds, episodes=2)
    assert np.array_equal(result.seeds, seeds)
    assert result.returns[3, 1] == replay("cartpole", CARTPOLE, POPULATION[3], 7)[0]


def test_a_time_limit_truncates() -> None:
    result = evaluate("cartpole", ALWAYS_LEFT, CARTPOLE, episodes=4, max_episode_steps=5)
    assert result.lengths.tolist() == [[5] * 4]
    assert result.truncated.all()
    assert not result.terminated.any()
    registered = evaluate("cartpole", ALWAYS_LEFT, CARTPOLE, episodes=4)
    assert not registered.truncated.any()
    assert registered.lengths.max() < 15


def test_reset_options_reach_the_environment() -> None:
    result = evaluate("cartpole", ALWAYS_LEFT, CARTPOLE, reset_options={"low": 0.2, "high": 0.2}, episodes=2)
    assert result.lengths[0, 0] == result.lengths[0, 1]
    assert result.lengths[0, 0] < evaluate("cartpole", ALWAYS_LEFT, CARTPOLE).lengths[0, 0]


def test_a_policy_is_a_policy_or_its_spelling() -> None:
    assert same(evaluate("cartpole", POPULATION, "MLP:4-8-2"), evaluate("cartpole", POPULATION, CARTPOLE))


def test_progress_is_called_from_the_calling_thread_and_ends_with_all() -> None:
    calls: list[tuple[int, int, int]] = []
    evaluate(
        "cartpole",
        POPULATION,
        CARTPOLE,
        episodes=8,
        progress=lambda done, total: calls.append((done, total, threading.get_ident())),
    )
    assert calls[-1] == (40, 40, threading.get_ident())
    assert {call[2] for call in calls} == {threading.get_ident()}


def test_an_error_of_the_callback_ends_the_call() -> None:
    def stop(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        evaluate("cartpole", POPULATION, CARTPOLE, progress=stop)


def test_ctrl_c_is_a_keyboard_interrupt() -> None:
    # Pushes where the pole leans: balanced to the time limit, which is an hour of work away. Without a progress
    # function, and in a process that is given up before, nobody but the engine can come to look after the signal.
    program = """
import signal
import threading
import evalengine
balancing = [[0.0, 0.0, 0.0, 0.0, 0.1, 0.3, 3.0, 1.0]] * 64
evalengine.evaluate("cartpole", balancing, "mlp:4-2,bias=0")  # imports what it needs, so that the next is under way
threading.Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
try:
    evalengine.evaluate("cartpole", balancing, "mlp:4-2,bias=0", max_episode_steps=2**31 - 1)
except KeyboardInterrupt:
    print("interrupted")
"""
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=120)
    assert finished.stdout == "interrupted\n"


def test_ctrl_c_ends_logits_that_take_long() -> None:
    # Eight tera multiply-adds: some minutes.
    program = """
import signal
import threading
import numpy as np
import evalengine
policy = evalengine.Policy("mlp:64-4096-4096-2")
weights, observations = policy.init(1, seed=0)[0], np.ones((500_000, 64), np.float32)
policy.logits(weights, observations[:1])
threading.Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
try:
    policy.logits(weights, observations)
except KeyboardInterrupt:
    print("interrupted")
"""
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert finished.stdout == "interrupted\n"


@pytest.mark.parametrize(("policy", "size"), [("mlp:4-8-2", 5), ("mlp:4-64-2", 2000)])
def test_what_a_callback_writes_to_a_population_comes_too_late(policy: str, size: int) -> None:
    original = Policy(policy).init(size, seed=0)
    population, calls = original.copy(), [False]

    def overwrite(done: int, total: int) -> None:
        calls.append(done < total)
        population[:] = 0
        given[:] = 0

    episodes = 100_000 // size
    while not calls[0]:  # a quick machine may be done before the first call
        episodes *= 2
        population[:], given, calls = original, np.arange(episodes, dtype=np.uint64), []
        found = evaluate("cartpole", population, policy, seeds=given, threads=1, progress=overwrite)
    expected = evaluate("cartpole", original, policy, seeds=np.arange(episodes), threads=1)
    assert found.returns.tobytes() == expected.returns.tobytes()
    assert not population.any()


# Individuals that fail.


def with_nan(value: float = np.nan) -> Any:
    weights = POPULATION.copy()
    weights[3, 17] = value
    return weights


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(NonFiniteError) as refused:
        evaluate("cartpole", with_nan(value), CARTPOLE)
    assert str(refused.value) == f"weights: expected finite numbers, got {value} in individual 3 at position 17"
    assert (refused.value.individual, refused.value.episode) == (3, None)


@pytest.mark.parametrize("on_nan", [-100, 0.5, np.float32(2), float("-inf")])
def test_a_number_is_the_fitness_of_what_fails(on_nan: float) -> None:
    result = evaluate("cartpole", with_nan(), CARTPOLE, episodes=2, on_nan=on_nan, keep=("final_observation",))
    others = [0, 1, 2, 4]
    expected = evaluate("cartpole", POPULATION[others], CARTPOLE, episodes=2)
    assert result.failed.tolist() == [False, False, False, True, False]
    assert result.fitness[3] == np.float32(on_nan)
    assert np.isnan(result.returns[3]).all()
    assert not result.lengths[3].any()
    assert not (result.terminated[3] | result.truncated[3]).any()
    assert np.array_equal(result.returns[others], expected.returns)
    assert result.steps == expected.steps


def test_logits_that_are_not_finite_count_too() -> None:
    weights = POPULATION.copy()
    weights[2] = 3e38
    with pytest.raises(NonFiniteError) as refused:
        evaluate("cartpole", weights, CARTPOLE, seeds=[4, 5])
    assert (refused.value.individual, refused.value.episode) == (2, 0)
    assert "individual 2" in str(refused.value)
    result = evaluate("cartpole", weights, CARTPOLE, seeds=[4, 5], on_nan=-1)
    assert result.failed.tolist() == [False, False, True, False, False]
    assert result.fitness[2] == -1


# Threads and processes.


def test_two_python_threads_may_call_at_once() -> None:
    # A second of work: the first progress comes after a tenth.
    options: dict[str, Any] = {"episodes": 200_000, "threads": 2}
    expected = evaluate("cartpole", POPULATION, CARTPOLE, **options)
    meeting = threading.Barrier(2)
    results: list[Evaluation] = []

    def call() -> None:
        met: list[bool] = []

        def wait_for_the_other(done: int, total: int) -> None:
            # In the middle of its episodes each call waits until the other has come as far.
            if not met:
                assert done < total
                meeting.wait(60)
                met.append(True)

        results.append(evaluate("cartpole", POPULATION, CARTPOLE, progress=wait_for_the_other, **options))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert all(same(result, expected) for result in results)


def test_a_call_works_before_and_after_a_fork() -> None:
    program = """
import os
import evalengine
policy = evalengine.Policy("mlp:4-8-2")
def fitness():
    return evalengine.evaluate("cartpole", policy.init(8, seed=0), policy, episodes=4).fitness.tolist()
before = fitness()
child = os.fork()
if child == 0:
    os._exit(0 if fitness() == before else 1)
assert os.waitpid(child, 0)[1] == 0
assert fitness() == before
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

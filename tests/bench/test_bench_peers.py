"""The backends that vectorise: their batched forward, their lanes, and real episodes wherever the package is installed.

EnvPool and gymnax are not among the packages that CI installs (requirements/peers.txt): without them their tests are
skipped by name. Where a peer plays episodes of its own, its lengths and returns are compared with the engine's in ways
that do not depend on the seeds.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evalengine import Policy, evaluate
from evalengine.bench.backends import (
    MODULES,
    Evaluated,
    SizedBackend,
    Task,
    backend_note,
    backend_version,
    open_backend,
    plays_same_episodes,
)
from evalengine.bench.backends.pytorch import RECORDED, STEPS, recorded_inputs
from evalengine.bench.compare import compare
from evalengine.bench.explain import difference_bound
from evalengine.bench.lanes import lane_count, play_on_lanes
from evalengine.bench.rounding import logits_and_bounds
from evalengine.bench.seeded import Seeded
from evalengine.bench.sharding import deal, joined
from evalengine.bench.timing import prefix_for
from evalengine.bench.torch_population import PopulationPolicy
from evalengine.environments.native import make
from evalengine.environments.registry import resolve
from evalengine.policies.heads import Head
from evalengine.policies.inputs import policy_inputs
from evalengine.references import reference
from evalengine.workloads import catalogue as workloads

CARTPOLE, PENDULUM, ACROBOT = resolve("cartpole"), resolve("pendulum"), resolve("acrobot")


def needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed (requirements/peers.txt)")


GYMNASIUM_VECTOR = pytest.param("gymnasium-vector", id="gymnasium-vector")
ENVPOOL = pytest.param("envpool", marks=needs("envpool"), id="envpool")
GYMNAX = pytest.param("gymnax", marks=needs("gymnax"), id="gymnax")


# --- the batched forward

SPELLINGS = [
    "mlp:4-16-2",
    "mlp:5-7-6-3,act=relu",
    "mlp:4-8-2,bias=0",
    "mlp:3-2",
    "cnn:2x7x8-3k3-4k2s2-5-3",
    "cnn:3x9x9-4k3x5s2x1p1x0-2,act=tanh,bias=0",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("grouped", [True, False])
def test_every_slot_evaluates_its_own_individual(spelling: str, batch: int, grouped: bool) -> None:
    """Each logit within what rounding can do to it; another individual's logits are far beyond that."""
    policy = Policy(spelling)
    weights = policy.init(5, seed=1)
    networks = PopulationPolicy(policy, Head(), slots=3, batch=batch)
    networks.grouped = grouped
    networks.load(weights)
    networks.assign(np.arange(3), np.array([4, 0, 2]))
    networks.assign(np.array([1]), np.array([3]))
    inputs = np.random.default_rng(2).standard_normal((3, batch, *policy.input_shape), np.float32)
    with torch.inference_mode():
        logits = networks.logits(torch.from_numpy(inputs)).numpy()
    assert logits.shape == (3, batch, policy.n_outputs)
    for slot, individual in enumerate((4, 3, 2)):
        for index in range(batch):
            exact, bounds = logits_and_bounds(policy, weights[individual], inputs[slot, index])
            assert (np.abs(logits[slot, index] - exact) <= bounds).all()
            other, _ = logits_and_bounds(policy, weights[1], inputs[slot, index])
            assert (np.abs(other - exact) > 2 * bounds).any()


@pytest.mark.parametrize("spelling", ["mlp:3-4-1", "mlp:3-4-1,head=clip"])
def test_box_actions_are_the_heads(spelling: str) -> None:
    policy = Policy(spelling)
    head = Head.of(policy, PENDULUM)
    networks = PopulationPolicy(policy, head, slots=6)
    logits = np.array([-9.0, -1.5, -0.0, 0.3, 1.0, 40.0], np.float32).reshape(6, 1)
    actions = networks.heads(torch.from_numpy(logits)).numpy()
    bounds = difference_bound(head, np.zeros(1))
    assert (np.abs(actions - head.actions(logits)) <= bounds).all()
    assert actions.dtype == np.float32


def test_observations_become_actions() -> None:
    policy = Policy("mlp:4-8-2")
    networks = PopulationPolicy.of(Task("CartPole-v1", str(policy), 1), slots=4)
    weights = policy.init(4, seed=0)
    networks.load(weights)
    networks.assign(np.arange(4), np.arange(4))
    observations = np.random.default_rng(0).standard_normal((4, 4), np.float32)
    with torch.inference_mode():
        actions = networks.actions(observations)
        wanted = [
            int(policy.to_torch(vector)(torch.from_numpy(one)).argmax())
            for vector, one in zip(weights, observations, strict=True)
        ]
    assert actions.dtype == np.int64
    assert actions.tolist() == wanted
    assert set(wanted) == {0, 1}


# --- lanes


class Scripted:
    """Lanes whose n-th episode overall lasts n % 3 + 1 steps and pays 1, 10, 100, ... times its individual's weight."""

    def __init__(self, lanes: int) -> None:
        self.lanes, self.begun = lanes, 0
        self.stepped: list[list[int]] = []

    def reset(self) -> NDArray[Any]:
        self.length = np.array([self.begin() for _ in range(self.lanes)])
        self.age = np.zeros(self.lanes, int)
        return np.zeros((self.lanes, 1))

    def begin(self) -> int:
        self.begun += 1
        return (self.begun - 1) % 3 + 1

    def step(
        self, actions: NDArray[Any], live: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        self.stepped.append(live.tolist())
        rewards, ended = np.full(self.lanes, 1e9), np.ones(self.lanes, bool)  # what must not be counted
        for lane in live:
            if self.age[lane] == self.length[lane]:  # the step that resets
                self.length[lane], self.age[lane] = self.begin(), 0
                rewards[lane], ended[lane] = 1e9, False
            else:
                rewards[lane] = actions[lane] * 10.0 ** self.age[lane]
                self.age[lane] += 1
                ended[lane] = self.age[lane] == self.length[lane]
        return np.zeros((self.lanes, 1)), rewards, ended


class Named:
    """Policies whose action is their individual's only weight."""

    def __init__(self, slots: int) -> None:
        self.slots, self.held = slots, np.zeros(slots)

    def load(self, weights: NDArray[np.float32]) -> None:
        self.population = weights[:, 0]

    def assign(self, slots: NDArray[np.int64], individuals: NDArray[np.int64]) -> None:
        self.held[slots] = self.population[individuals]

    def actions(self, observations: NDArray[Any]) -> NDArray[Any]:
        return self.held.copy()


@pytest.mark.parametrize(("individuals", "episodes", "lanes"), [(4, 3, 4), (5, 2, 4), (1, 1, 4), (3, 1, 1), (2, 4, 8)])
def test_lanes_play_each_episode_once_and_count_nothing_else(individuals: int, episodes: int, lanes: int) -> None:
    weights = np.arange(1, individuals + 1, dtype=np.float32).reshape(-1, 1)
    envs, policies = Scripted(lanes), Named(lanes)
    evaluated = play_on_lanes(envs, policies, weights, np.arange(episodes, dtype=np.uint64))  # type: ignore[arg-type]
    paid = np.array([0.0, 1.0, 11.0, 111.0])
    np.testing.assert_array_equal(evaluated.returns, weights * paid[evaluated.lengths])
    asked = individuals * episodes
    assert evaluated.lengths.shape == (individuals, episodes)
    if lanes == 1:
        assert evaluated.lengths.reshape(-1).tolist() == [n % 3 + 1 for n in range(asked)]
    assert envs.stepped[0] == list(range(min(lanes, asked)))
    assert all(set(after) <= set(before) for before, after in zip(envs.stepped, envs.stepped[1:], strict=False))


def test_lanes_are_a_power_of_two_that_holds_the_episodes() -> None:
    sizes = [(1, 1), (1, 3), (3, 4), (4, 4), (1000, 16)]
    assert [lane_count(size, 64) for size in sizes] == [1, 4, 16, 16, 64]


def test_a_population_is_dealt_and_put_together_again() -> None:
    weights, seeds = np.arange(14, dtype=np.float32).reshape(7, 2), np.arange(3, dtype=np.uint64)
    shards = deal(weights, seeds, 3)
    assert sorted(len(shard) for shard, _ in shards) == [2, 2, 3]
    np.testing.assert_array_equal(np.concatenate([shard for shard, _ in shards]), weights)
    assert len(deal(weights[:2], seeds, 3)) == 2
    parts = [
        Evaluated(shard[:, :1] * np.ones((1, 3)), np.ones((len(shard), 3), np.int64), [[b"a"] * 3] * len(shard))
        for shard, _ in shards
    ]
    whole = joined(parts)
    np.testing.assert_array_equal(whole.returns[:, 0], weights[:, 0])
    assert whole.actions is not None and len(whole.actions) == 7
    assert joined([parts[0], replace(parts[1], actions=None)]).actions is None


def test_a_seeded_lane_plays_its_seeds_and_then_rests() -> None:
    env = Seeded(reference("cartpole").make(), lane=1, lanes=2)
    native = make("cartpole")
    for _ in range(2):  # a second call begins anew
        for episode, options in ((1, {"seeds": [7, 8, 9], "episodes": 4}), (3, None)):
            observation, _ = env.reset(options=options)
            wanted, _ = native.reset(seed=[7, 8, 9][episode % 3])
            assert observation.tobytes() == wanted.tobytes()
            assert env.step(1)[0].tobytes() == native.step(1)[0].tobytes()
        observation, _ = env.reset()
        assert observation.dtype == np.float32 and not observation.any()
        observation, reward, terminated, truncated, _ = env.step(0)
        assert (observation.any(), reward, terminated, truncated) == (False, 0.0, False, False)


# --- real episodes


def evaluated_by(name: str, task: Task, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
    with open_backend(name, task) as backend:
        return backend.evaluate(weights, seeds)


@pytest.mark.parametrize("env", ["cartpole", "pendulum", "snake"])
def test_gymnasium_async_plays_the_seeds_own_episodes(env: str) -> None:
    """Fewer episodes than lanes, then more; each return and length is the engine's, or rounding explains it."""
    entry = resolve(env)
    task = Task(entry.id, entry.default_policy, 1)
    policy = Policy(task.policy)
    weights = policy.init(5, seed=4)
    with open_backend("gymnasium-async", task) as backend:
        for individuals, seeds in ((1, [5]), (5, [11, 3, 11])):
            asked = np.array(seeds, np.uint64)
            evaluated = backend.evaluate(weights[:individuals], asked)
            result = evaluate(entry.id, weights[:individuals], policy, seeds=asked)
            engine = Evaluated(result.returns, result.lengths)
            assert evaluated.returns.shape == (individuals, len(seeds))
            found = compare(entry.id, policy, weights, asked, engine, [evaluated])
            assert found.explained == found.differing, found.notes
            changed = evaluated.returns.copy()
            changed[0, 0] = np.nextafter(changed[0, 0], np.inf)
            wrong = compare(entry.id, policy, weights, asked, engine, [replace(evaluated, returns=changed)])
            assert 0 in set(wrong.differing) - set(wrong.explained)


@pytest.mark.parametrize("name", [GYMNASIUM_VECTOR, ENVPOOL, GYMNAX])
def test_a_policy_that_always_pushes_left_falls_as_it_does_here(name: str) -> None:
    """And one that pushes to where the pole falls does not: so each individual has its own weights."""
    policy = Policy("mlp:4-2")
    left = [0.0] * 8 + [1.0, 0.0]
    follow = [0.0, -0.1, -1.0, -1.0, 0.0, 0.1, 1.0, 1.0, 0.0, 0.0]
    weights = np.array([left, follow] * 20, np.float32)
    seeds = np.arange(3, dtype=np.uint64)
    engine = evaluate("CartPole-v1", weights[:2], policy, episodes=10_000)
    possible = [set(lengths.tolist()) for lengths in engine.lengths]
    assert possible[0] == {8, 9, 10, 11} and min(possible[1]) > 300
    evaluated = evaluated_by(name, Task("CartPole-v1", str(policy), 2), weights, seeds)
    assert evaluated.lengths.shape == (40, 3)
    assert set(evaluated.lengths[::2].reshape(-1).tolist()) <= possible[0]
    # Other starts than those of the 10,000 may fall a little sooner than any of them, but nowhere near as soon as left.
    assert evaluated.lengths[1::2].min() > 200 and evaluated.lengths.max() <= 500
    np.testing.assert_array_equal(evaluated.returns, evaluated.lengths)
    assert evaluated.actions is None


@pytest.mark.parametrize(
    ("name", "env"),
    [
        pytest.param("envpool", "pendulum", marks=needs("envpool")),
        pytest.param("envpool", "acrobot", marks=needs("envpool")),
        pytest.param("envpool", "lunarlander", marks=needs("envpool")),
        pytest.param("gymnax", "pendulum", marks=needs("gymnax")),
        pytest.param("gymnax", "acrobot", marks=needs("gymnax")),
    ],
)
def test_trained_policies_earn_what_they_earn_here(name: str, env: str) -> None:
    """The means differ by at most six of their standard errors: with equal distributions, once in 500 million runs."""
    entry = resolve(env)
    workload = replace(workloads.workload("trained", entry), population=1, episodes=200)
    weights = np.repeat(workload.weights(), 2, axis=0)
    theirs = evaluated_by(name, Task(entry.id, workload.policy, 2), weights, workload.seeds())
    ours = evaluate(entry.id, workload.weights(), workload.policy, episodes=2000)
    assert theirs.returns.shape == (2, 200)
    assert theirs.lengths.min() >= 1 and theirs.lengths.max() <= (entry.max_episode_steps or 0)
    if env == "pendulum":
        assert set(theirs.lengths.reshape(-1).tolist()) == {200}
    for one, other in ((theirs.returns, ours.returns), (theirs.lengths, ours.lengths)):
        error = np.sqrt(one.var() / one.size + other.var() / other.size)
        assert abs(one.mean() - other.mean()) <= 6 * error, (one.mean(), other.mean(), error)


@needs("envpool")
def test_envpool_drives() -> None:
    """Images and a Box: one CNN episode of CarRacing, to its end."""
    entry = resolve("carracing")
    weights = Policy(entry.default_policy).init(1, seed=0)
    evaluated = evaluated_by("envpool", Task(entry.id, entry.default_policy, 1), weights, np.zeros(1, np.uint64))
    assert 1 <= evaluated.steps <= 1000
    assert np.isfinite(evaluated.returns).all()


@pytest.mark.parametrize("env", ["cartpole", "snake"])
def test_pytorch_counts_forwards(env: str) -> None:
    entry = resolve(env)
    task = Task(entry.id, entry.default_policy, 2)
    weights = Policy(task.policy).init(5, seed=0)
    evaluated = evaluated_by("pytorch", task, weights, np.arange(3, dtype=np.uint64))
    assert evaluated.steps == 5 * 3 * STEPS
    assert np.isnan(evaluated.returns).all() and evaluated.returns.shape == (5, 3)


def test_pytorchs_observations_are_recorded() -> None:
    policy = Policy("mlp:4-8-2")
    inputs = recorded_inputs(Task("CartPole-v1", str(policy), 1), seed=3)
    assert inputs.shape == (RECORDED, 4) and inputs.dtype == np.float32
    env = make("cartpole")
    first, _ = env.reset(seed=3)
    np.testing.assert_array_equal(inputs[0], policy_inputs(policy, first[np.newaxis])[0])
    assert len(np.unique(inputs, axis=0)) == RECORDED


# --- what is said of them


def test_backends_say_what_their_rows_mean() -> None:
    task = Task("CartPole-v1", "mlp:4-64-2", 1)
    same = {name for name in MODULES if plays_same_episodes(name, task)}
    neat = {"neat-python", "neat-python-parallel"}
    assert same == {"rust", "multiprocessing", "multiprocessing-tuned", "gymnasium-async", *neat}
    for name in MODULES:
        note = backend_note(name, task)
        assert (note == "") == (name in same)
        assert "\n" not in note and backend_version(name)


def test_sizes_are_prepared_before_the_time_is_taken() -> None:
    log: list[tuple[Any, ...]] = []

    class Sized:
        def __enter__(self) -> Sized:
            return self

        def __exit__(self, *exception: object) -> None:
            pass

        def least_individuals(self, episodes: int) -> int:
            return 15 // episodes

        def prepare_for(self, individuals: int, episodes: int) -> None:
            log.append(("prepared", individuals, episodes))

        def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
            log.append(("played", len(weights), len(seeds)))
            return Evaluated(np.zeros((len(weights), len(seeds))), np.ones((len(weights), len(seeds)), np.int64))

    backend = Sized()
    assert isinstance(backend, SizedBackend)
    prefix = prefix_for(backend, np.zeros((64, 1), np.float32), np.zeros(5, np.uint64), seconds=1e-9, workers=2)
    assert prefix == 6  # a multiple of the 3 that fill the lanes and of the 2 workers
    assert log == [("prepared", 6, 5), ("played", 6, 5), ("prepared", 6, 5)]

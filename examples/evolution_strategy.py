"""An evolution strategy for the walkers (OpenAI-ES): antithetic pairs, ranks, Adam. NumPy only; evalengine evaluates.

    python examples/evolution_strategy.py --seed 0 --out walker.npy
    python examples/evolution_strategy.py --env bipedalwalkerhardcore --start walker.npy --out hardcore.npy

First it walks with a linear policy, which starts at zero and has few weights to explore: standing still is the best
that it finds for a while, so that falls cost little at first and episodes are short. Then the policy's hidden layer
takes the linear one in, beside units with random inputs that nothing listens to yet, and all weights go on together for
the true return. With `--start` the second part begins with the weights of a file.

Observations are normalised by the mean and standard deviation of what was seen. In the end that becomes part of the
first layer: what is saved is a plain policy. Everything random comes from `--seed`: the same command on the same
machine ends at the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalengine import Normalization, ObservationStatistics, Policy, evaluate, load_weights
from evalengine.environments.registry import resolve
from evalengine.errors import EvalEngineError, InputError
from evalengine.files.whole import check_writable

Vector = NDArray[np.float64]

LEAST_STD = 0.05
"""Observations that vary less are divided by this."""

LINEAR_SCALE = 0.3
"""The linear policy's logits enter tanh units times this, where tanh is nearly straight, and leave them over this."""

FORGIVEN = 90.0
"""Of the 100 that a fall costs, while the linear policy learns to walk."""

FIRST_LIMIT, LIMIT_GROWTH = 300, 3.25
"""Steps of an episode in the first generation of the linear policy, and how many more in each after it."""

TEST_EVERY, TEST_EPISODES, FRESH_EPISODES = 20, 50, 100
"""Generations between tests of the centre; the episodes of each, and those of the last one."""


@dataclass
class Adam:
    """Adam's step upwards (Kingma and Ba, 2015)."""

    rate: float
    first: Vector
    second: Vector
    count: int = 0

    def step(self, gradient: Vector) -> Vector:
        """What to add to the weights."""
        self.count += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.99 * self.second + 0.01 * gradient**2
        first, second = self.first / (1.0 - 0.9**self.count), self.second / (1.0 - 0.99**self.count)
        return self.rate * first / (np.sqrt(second) + 1e-8)


@dataclass
class Search:
    """Where the search is.

    Attributes:
        env_id: the environment.
        policy: of the centre.
        centre: (D,), for normalised observations.
        seen: what all policies have seen; None at first.
        is_learning_to_see: whether the statistics still grow.
    """

    env_id: str
    policy: Policy
    centre: Vector
    seen: ObservationStatistics | None
    is_learning_to_see: bool

    @property
    def normalization(self) -> Normalization | None:
        """What policies see."""
        return None if self.seen is None else self.seen.normalization(least_std=LEAST_STD)

    def folded(self) -> NDArray[np.float32]:
        """(D,): the plain policy, whose first layer normalises."""
        seen = self.normalization
        weights = (
            self.centre if seen is None else moved(self.policy, self.centre, 1.0 / seen.std, -seen.mean / seen.std)
        )
        return weights.astype(np.float32)


def moved(policy: Policy, weights: Vector, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> Vector:
    """Weights (D,) that do with x what `weights` do with `scale * x + shift`."""
    result = weights.copy()
    first, bias = first_layer(policy, result)
    bias += first @ shift
    first *= scale
    return result


def first_layer(policy: Policy, weights: Vector) -> tuple[Vector, Vector]:
    """Views of the first layer's weights (units, inputs) and biases (units,)."""
    inputs, units = policy.n_inputs, policy.sizes[0]
    return weights[: units * inputs].reshape(units, inputs), weights[units * inputs : units * (inputs + 1)]


def ascend(
    search: Search, rng: np.random.Generator, options: argparse.Namespace, *, rate: float, sigma: float, learns: bool
) -> Iterator[float]:
    """Generations without end: moves the centre, yields the mean score.

    Everybody plays the same new seeds. `learns`: falls cost little, and episodes are short at first.
    """
    size = search.policy.n_params
    adam = Adam(rate, np.zeros(size), np.zeros(size))
    last_limit = resolve(search.env_id).max_episode_steps or 1000
    generation = 0
    while True:
        generation += 1
        noise = rng.standard_normal((options.pairs, size)).astype(np.float32)
        centre, step = search.centre.astype(np.float32), np.float32(sigma) * noise
        limit = min(last_limit, int(FIRST_LIMIT + LIMIT_GROWTH * generation)) if learns else last_limit
        played = evaluate(
            search.env_id,
            np.concatenate([centre + step, centre - step]),
            search.policy,
            seeds=rng.integers(2**31, size=options.episodes, dtype=np.uint64),
            max_episode_steps=limit,
            normalize=search.normalization,
            collect_statistics=search.is_learning_to_see,
            descriptors=["sum(fallen)"],
            threads=options.threads,
        )
        if search.is_learning_to_see:
            search.seen = played.statistics if search.seen is None else search.seen + played.statistics
        assert played.descriptors is not None
        falls = played.descriptors[:, :, 0]
        score = (played.returns + (FORGIVEN * falls if learns else 0.0)).mean(axis=1)
        shaped = ranks(score)
        gradient = (shaped[: options.pairs] - shaped[options.pairs :]) @ noise / options.pairs
        search.centre = search.centre + adam.step(gradient)
        yield float(score.mean())


def ranks(score: Vector) -> Vector:
    """(P,): from -0.5 for the least to 0.5 for the greatest."""
    return np.asarray(np.argsort(np.argsort(score, kind="stable")) / (len(score) - 1) - 0.5)


def taken_in(policy: Policy, linear: Vector, rng: np.random.Generator) -> Vector:
    """Weights (D,) of an mlp with one hidden layer of tanh that does nearly what the linear policy does."""
    inputs, units, outputs = policy.n_inputs, policy.sizes[0], policy.n_outputs
    weights = np.zeros(policy.n_params)
    first, bias = first_layer(policy, weights)
    first[:] = rng.standard_normal(first.shape) / np.sqrt(inputs)
    first[:outputs] = LINEAR_SCALE * linear[: outputs * inputs].reshape(outputs, inputs)
    bias[:outputs] = LINEAR_SCALE * linear[outputs * inputs :]
    last = weights[first.size + bias.size :][: outputs * units].reshape(outputs, units)
    last[np.arange(outputs), np.arange(outputs)] = 1.0 / LINEAR_SCALE
    return weights


def learn_linear(policy: Policy, rng: np.random.Generator, options: argparse.Namespace) -> Search:
    """The first part: from zero weights to a linear policy that walks, taken into a network."""
    linear = Policy(f"mlp:{policy.n_inputs}-{policy.n_outputs}")
    search = Search(options.env, linear, np.zeros(linear.n_params), None, is_learning_to_see=True)
    generations = ascend(search, rng, options, rate=options.linear_rate, sigma=options.linear_sigma, learns=True)
    for number, score in zip(range(1, options.linear + 1), generations, strict=False):
        if number % TEST_EVERY == 0:
            print(f"linear {number:4}  mean score {score:8.2f}", flush=True)
    return Search(options.env, policy, taken_in(policy, search.centre, rng), search.seen, is_learning_to_see=False)


def start_from(path: Path, policy: Policy, options: argparse.Namespace) -> Search:
    """Another environment's policy: it plays once, to see what is to be seen, and is then one of what is normalised."""
    weights = load_weights(path).weights[0]
    if len(weights) != policy.n_params:
        raise InputError(f"--start: expected {policy.n_params} weights for {policy}, got {len(weights)}")
    played = evaluate(
        options.env, weights, policy, episodes=FRESH_EPISODES, collect_statistics=True, threads=options.threads
    )
    seen = played.statistics.normalization(least_std=LEAST_STD)
    centre = moved(policy, weights.astype(np.float64), seen.std, seen.mean)
    return Search(options.env, policy, centre, played.statistics, is_learning_to_see=False)


def tested(search: Search, weights: NDArray[np.float32], seed: int, episodes: int, threads: int | None) -> float:
    """Mean return of a plain policy over episodes that no training has seen."""
    seeds = np.random.default_rng(seed).integers(2**31, 2**32, size=episodes, dtype=np.uint64)
    return float(evaluate(search.env_id, weights, search.policy, seeds=seeds, threads=threads).fitness[0])


def run(options: argparse.Namespace) -> None:
    """Search, keep the best of the tested centres, save it."""
    start = time.monotonic()
    entry = resolve(options.env)
    policy = Policy(options.policy or entry.default_policy)
    policy.check_fits(entry)
    if "fallen" not in entry.event_fields or policy.arch != "mlp" or len(policy.sizes) != 2:
        raise InputError("expected one of the walkers, and a policy with one hidden layer, such as mlp:24-64-4")
    if options.out is not None:
        check_writable(options.out)
    rng = np.random.default_rng(options.seed)
    search = learn_linear(policy, rng, options) if options.start is None else start_from(options.start, policy, options)
    best = search.folded()
    best_mean = tested(search, best, options.seed, TEST_EPISODES, options.threads)
    print(f"network    0  test {best_mean:8.2f}", flush=True)
    generations = ascend(search, rng, options, rate=options.rate, sigma=options.sigma, learns=False)
    for number, score in zip(range(1, options.generations + 1), generations, strict=False):
        if number % TEST_EVERY == 0:
            mean = tested(search, search.folded(), options.seed, TEST_EPISODES, options.threads)
            print(f"network {number:4}  mean score {score:8.2f}  test {mean:8.2f}", flush=True)
            if mean > best_mean:
                best, best_mean = search.folded(), mean
                if options.out is not None:
                    policy.save(options.out, best, entry.id)
    if options.out is not None:
        policy.save(options.out, best, entry.id)
    fresh = tested(search, best, options.seed + 1, FRESH_EPISODES, options.threads)
    print(f"the best: mean {fresh:.2f} over {FRESH_EPISODES} fresh seeds")
    print(f"{time.monotonic() - start:.1f} s", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, choose the exit code."""
    parser = argparse.ArgumentParser(description="An evolution strategy for BipedalWalker.")
    parser.add_argument("--env", default="bipedalwalker", help="short name or full id (default: bipedalwalker)")
    parser.add_argument("--policy", help="with one hidden layer of tanh (default: the environment's)")
    parser.add_argument("--start", type=Path, help="file whose first individual is where the search begins")
    parser.add_argument("--linear", type=int, default=220, help="generations of the linear policy (default: 220)")
    parser.add_argument("--linear-sigma", type=float, default=0.1, help="its noise (default: 0.1)")
    parser.add_argument("--linear-rate", type=float, default=0.02, help="its rate of learning (default: 0.02)")
    parser.add_argument("--generations", type=int, default=40, help="of the network (default: 40)")
    parser.add_argument("--sigma", type=float, default=0.03, help="its noise (default: 0.03)")
    parser.add_argument("--rate", type=float, default=0.005, help="its rate of learning (default: 0.005)")
    parser.add_argument("--pairs", type=int, default=32, help="individuals are twice as many (default: 32)")
    parser.add_argument("--episodes", type=int, default=1, help="per individual and generation (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--threads", type=int, help="(default: all cores)")
    parser.add_argument("--out", type=Path, help="write the best to this .npy, .npz or .safetensors file")
    try:
        run(parser.parse_args(arguments))
    except EvalEngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

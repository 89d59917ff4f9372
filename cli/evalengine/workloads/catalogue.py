"""The fixed workloads: what is evaluated when a number of steps per second is claimed.

Per environment a random and a trained population, because they measure different things: random CartPole episodes
last some 20 steps and are mostly resets, trained ones last 500; random Acrobot episodes last 500 and trained ones some
80, Pendulum's always last 200; random LunarLander episodes fall for some 90 steps and crash, trained ones spend a third
of theirs on the ground; random walkers fall or stand still, trained ones walk to the end; random CarRacing drivers turn
in circles or stand still, trained ones follow the road at speed until the time limit; random Snake players die young or
walk in circles until theirs, trained ones grow long.

- **random**: `Policy.init(population, seed)`.
- **trained**: individual 0 is the example policy that the package ships (in `weights/`; how it was made is written in
  examples/README.md); the others are copies of it with a little Gaussian noise, as in a late generation of an
  evolution.

An environment may have both for several policies; the first is what is measured if nobody asks for another. Policies
that are not listed here have a random workload too, but nothing trained.

Every individual plays the same seeds, `first_seed` ... `first_seed + episodes - 1`. A backend evaluates a prefix of the
population that is long enough for its rounds; so all backends share their first individuals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.messages import shown
from evalengine.policies.graph_form import is_spelling
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import as_policy
from evalengine.policies.loading import load_weights
from evalengine.policies.policy import Policy
from evalengine.workloads.graphs import CONNECTIONS, EPISODES, NODES, POPULATION, graphs_of

NAMES = ("random", "trained")


@dataclass(frozen=True)
class Workload:
    """One population and its seeds.

    Attributes:
        name: "random" or "trained".
        env_id: full id of the environment.
        policy: spelling of the policy.
        population: individuals at most; each backend takes a prefix.
        episodes: episodes per individual.
        seed: seed of the population (random) or of its noise (trained).
        weights_file: the trained individual, among the shipped weights; None for a random population.
        noise: standard deviation of the noise around the trained individual.
        first_seed: the first episode's seed.
    """

    name: str
    env_id: str
    policy: str
    population: int
    episodes: int
    seed: int
    weights_file: str | None = None
    noise: float = 0.0
    first_seed: int = 0

    def weights(self) -> Any:
        """float32 (population, D), or `Graphs`."""
        policy = as_policy(self.policy)
        if isinstance(policy, GraphPolicy):
            return graphs_of(policy, self.population, self.seed, trained=self.name == "trained")
        if self.weights_file is None:
            return policy.init(self.population, self.seed)
        noise = np.random.default_rng(self.seed).standard_normal((self.population, policy.n_params), np.float32)
        noise *= np.float32(self.noise)
        noise[0] = 0.0
        noise += shipped_weights(self.weights_file)
        return noise

    def seeds(self) -> NDArray[np.uint64]:
        """uint64 (episodes,)."""
        return np.arange(self.first_seed, self.first_seed + self.episodes, dtype=np.uint64)


_SNAKE_POLICY = "cnn:5x12x12-16k3-32k3-64-4"
_CARRACING_POLICY = "cnn:3x96x96-16k8s4-32k4s2-64-3"

# By environment, the default policy first. After the policy come population and episodes: populations are large enough
# to keep the engine busy for about a round, episodes few enough that the slowest baseline finishes some tens of
# individuals in one.
_WORKLOADS = {
    "Acrobot-v1": (
        Workload("random", "Acrobot-v1", "mlp:6-64-3", 4096, 4, seed=1),
        Workload("trained", "Acrobot-v1", "mlp:6-64-3", 16384, 4, seed=2, weights_file="acrobot.npy", noise=0.002),
    ),
    "Pendulum-v1": (
        Workload("random", "Pendulum-v1", "mlp:3-64-1", 16384, 4, seed=1),
        Workload("trained", "Pendulum-v1", "mlp:3-64-1", 16384, 4, seed=2, weights_file="pendulum.npy", noise=0.002),
    ),
    "MountainCar-v0": (
        Workload("random", "MountainCar-v0", "mlp:2-64-3", 16384, 4, seed=1),
        Workload(
            "trained", "MountainCar-v0", "mlp:2-64-3", 16384, 4, seed=2, weights_file="mountaincar.npy", noise=0.002
        ),
    ),
    "MountainCarContinuous-v0": (
        Workload("random", "MountainCarContinuous-v0", "mlp:2-64-1", 8192, 4, seed=1),
        Workload(
            "trained",
            "MountainCarContinuous-v0",
            "mlp:2-64-1",
            8192,
            4,
            seed=2,
            weights_file="mountaincarcontinuous.npy",
            noise=0.002,
        ),
    ),
    "BipedalWalker-v3": (
        Workload("random", "BipedalWalker-v3", "mlp:24-64-4", 2048, 4, seed=1),
        Workload(
            "trained",
            "BipedalWalker-v3",
            "mlp:24-64-4",
            1024,
            4,
            seed=2,
            weights_file="bipedalwalker.npy",
            noise=0.002,
        ),
    ),
    "BipedalWalkerHardcore-v3": (
        Workload("random", "BipedalWalkerHardcore-v3", "mlp:24-64-4", 2048, 4, seed=1),
        Workload(
            "trained",
            "BipedalWalkerHardcore-v3",
            "mlp:24-64-4",
            1024,
            4,
            seed=2,
            weights_file="bipedalwalkerhardcore.npy",
            noise=0.002,
        ),
    ),
    "LunarLander-v3": (
        Workload("random", "LunarLander-v3", "mlp:8-64-4", 8192, 4, seed=1),
        Workload(
            "trained", "LunarLander-v3", "mlp:8-64-4", 4096, 4, seed=2, weights_file="lunarlander.npy", noise=0.002
        ),
    ),
    "CarRacing-v3": (
        Workload("random", "CarRacing-v3", _CARRACING_POLICY, 256, 2, seed=1),
        Workload(
            "trained", "CarRacing-v3", _CARRACING_POLICY, 64, 1, seed=2, weights_file="carracing.npy", noise=0.001
        ),
        # Linear: nearly all the time goes into the physics and the picture.
        Workload("random", "CarRacing-v3", "mlp:27648-3", 256, 2, seed=1),
        Workload(
            "trained", "CarRacing-v3", "mlp:27648-3", 64, 1, seed=2, weights_file="carracing-linear.npy", noise=0.001
        ),
    ),
    "CartPole-v1": (
        Workload("random", "CartPole-v1", "mlp:4-64-2", 65536, 16, seed=1),
        Workload("trained", "CartPole-v1", "mlp:4-64-2", 8192, 4, seed=2, weights_file="cartpole.npy", noise=0.002),
        Workload("random", "CartPole-v1", "mlp:4-16-2", 262144, 16, seed=1),
        Workload("trained", "CartPole-v1", "mlp:4-16-2", 65536, 4, seed=2, weights_file="cartpole-16.npy", noise=0.002),
    ),
    # Variants, for those who ask for them by name.
    "CartPole-v0": (
        Workload("random", "CartPole-v0", "mlp:4-64-2", 65536, 16, seed=1),
        Workload("trained", "CartPole-v0", "mlp:4-64-2", 8192, 4, seed=2, weights_file="cartpole.npy", noise=0.002),
    ),
    "LunarLanderContinuous-v3": (Workload("random", "LunarLanderContinuous-v3", "mlp:8-64-2", 8192, 4, seed=1),),
    "evalengine/Snake-v0": (
        Workload("random", "evalengine/Snake-v0", _SNAKE_POLICY, 2048, 4, seed=1),
        Workload(
            "trained", "evalengine/Snake-v0", _SNAKE_POLICY, 512, 4, seed=2, weights_file="snake.npy", noise=0.001
        ),
    ),
}


def policies(entry: EnvironmentEntry) -> tuple[str, ...]:
    """The policies of an environment that have both workloads, the default one first.

    Raises:
        InputError: none for this environment.
    """
    if entry.id not in _WORKLOADS:
        raise InputError(f"environment: {entry.id} has no workloads; expected one of {', '.join(_WORKLOADS)}")
    return tuple(dict.fromkeys(workload.policy for workload in _WORKLOADS[entry.id]))


HIDDEN_LAYERS = ((16,), (32,), (64,), (128,), (256,), (512,), (64, 64), (256, 256))
"""Sizes of the hidden layers where growth with the policy is measured."""

# By environment that shows images: what is measured instead of hidden layers, the smallest first.
_NETWORKS = {
    "CarRacing-v3": ("mlp:27648-3", _CARRACING_POLICY, "cnn:3x96x96-32k8s4-64k4s2-64k3-512-3"),
    "evalengine/Snake-v0": ("cnn:5x12x12-8k3-16k3-32-4", _SNAKE_POLICY, "cnn:5x12x12-32k3-64k3-128-4"),
}


def policy_sizes(entry: EnvironmentEntry) -> tuple[str, ...]:
    """Spellings of the policies, the smallest first, that growth with the policy is measured with."""
    if entry.image_shape is not None:
        return _NETWORKS.get(entry.id, (entry.default_policy,))
    networks = [(entry.n_inputs, *hidden, entry.n_outputs) for hidden in HIDDEN_LAYERS]
    networks.sort(key=lambda sizes: sum(inputs * outputs for inputs, outputs in pairwise(sizes)))
    return tuple(f"mlp:{'-'.join(map(str, sizes))}" for sizes in networks)


def workload(name: str, entry: EnvironmentEntry, policy: str | None = None) -> Workload:
    """The workload called `name` of an environment.

    Args:
        name: "random" or "trained".
        entry: the environment.
        policy: canonical spec of a policy that fits it; None means the first of `policies`. One that is not among
            them is given the random workload of the first.

    Raises:
        InputError: no such workload, none for this environment, or nothing was trained for this policy.
    """
    if name not in NAMES:
        raise InputError(f"workload: expected one of {', '.join(NAMES)}, got {shown(name)}")
    if name not in names(entry):
        raise InputError(f"workload: expected one of {', '.join(names(entry))} for {entry.id}, got {shown(name)}")
    listed = policies(entry)
    wanted = listed[0] if policy is None else policy
    for candidate in _WORKLOADS[entry.id]:
        if (candidate.name, candidate.policy) == (name, wanted):
            return candidate
    if is_spelling(wanted):
        graphs_of(GraphPolicy(wanted), 1, 0, trained=name == "trained")  # refuses what was not trained
        return Workload(name, entry.id, wanted, POPULATION, EPISODES, seed=1 + (name == "trained"))
    if name == "trained":
        raise InputError(f"policy: the trained workload's weights are for {' or '.join(listed)}, got {wanted}")
    return replace(workload(name, entry), policy=wanted)


def bytes_of(policy: str) -> int:
    """About how many bytes of numbers an individual is."""
    return 8 * (2 * NODES + CONNECTIONS) if is_spelling(policy) else 4 * Policy(policy).n_params


def names(entry: EnvironmentEntry) -> tuple[str, ...]:
    """The workloads of an environment; not every one has a trained population.

    Raises:
        InputError: the environment has none.
    """
    policies(entry)
    return tuple(dict.fromkeys(workload.name for workload in _WORKLOADS[entry.id]))


def shipped_weights(file: str) -> NDArray[np.float32]:
    """float32 (D,): the example policy in one of the package's weight files."""
    population = load_weights(Path(__file__).parent / "weights" / file).weights
    assert not isinstance(population, Graphs)
    individual: NDArray[np.float32] = population[0]
    return individual

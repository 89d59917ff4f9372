"""The fixed workloads: what is evaluated when a number of steps per second is claimed.

Per environment a random and a trained population, because they measure different things: random CartPole episodes
last some 20 steps and are mostly resets, trained ones last 500; random Acrobot episodes last 500 and trained ones some
80, Pendulum's always last 200; random LunarLander episodes fall for some 90 steps and crash, trained ones spend a third
of theirs on the ground; random Snake players die young or walk in circles
until the time limit, trained ones grow long.

- **random**: `Policy.init(population, seed)`.
- **trained**: individual 0 is the example policy that the package ships (`weights/<short name>.npy`, how it was made
  is written in examples/README.md); the others are copies of it with a little Gaussian noise, as in a late generation
  of an evolution.

Every individual plays the same seeds, `first_seed` ... `first_seed + episodes - 1`. A backend evaluates a prefix of the
population that is long enough for its rounds; so all backends share their first individuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError
from evalengine.policy import Policy
from evalengine.registry import EnvironmentEntry
from evalengine.weights import load_weights

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
        noise: standard deviation of the noise around the trained individual.
        first_seed: the first episode's seed.
    """

    name: str
    env_id: str
    policy: str
    population: int
    episodes: int
    seed: int
    noise: float = 0.0
    first_seed: int = 0

    def weights(self) -> NDArray[np.float32]:
        """float32 (population, D)."""
        policy = Policy(self.policy)
        if self.name == "random":
            return policy.init(self.population, self.seed)
        noise = np.random.default_rng(self.seed).standard_normal((self.population, policy.n_params), np.float32)
        noise *= np.float32(self.noise)
        noise[0] = 0.0
        noise += trained_weights(self.env_id)
        return noise

    def seeds(self) -> NDArray[np.uint64]:
        """uint64 (episodes,)."""
        return np.arange(self.first_seed, self.first_seed + self.episodes, dtype=np.uint64)


# Populations are large enough to keep the engine busy for about a round, episodes few enough that the slowest baseline
# finishes some tens of individuals in one.
_WORKLOADS = {
    "Acrobot-v1": (
        Workload("random", "Acrobot-v1", "mlp:6-64-3", population=4096, episodes=4, seed=1),
        Workload("trained", "Acrobot-v1", "mlp:6-64-3", population=16384, episodes=4, seed=2, noise=0.002),
    ),
    "Pendulum-v1": (
        Workload("random", "Pendulum-v1", "mlp:3-64-1", population=16384, episodes=4, seed=1),
        Workload("trained", "Pendulum-v1", "mlp:3-64-1", population=16384, episodes=4, seed=2, noise=0.002),
    ),
    "LunarLander-v3": (
        Workload("random", "LunarLander-v3", "mlp:8-64-4", population=4096, episodes=4, seed=1),
        Workload("trained", "LunarLander-v3", "mlp:8-64-4", population=1024, episodes=4, seed=2, noise=0.002),
    ),
    "CartPole-v1": (
        Workload("random", "CartPole-v1", "mlp:4-64-2", population=65536, episodes=16, seed=1),
        Workload("trained", "CartPole-v1", "mlp:4-64-2", population=8192, episodes=4, seed=2, noise=0.002),
    ),
    "evalengine/Snake-v0": (
        Workload("random", "evalengine/Snake-v0", "cnn:5x12x12-16k3-32k3-64-4", population=2048, episodes=4, seed=1),
        Workload(
            "trained",
            "evalengine/Snake-v0",
            "cnn:5x12x12-16k3-32k3-64-4",
            population=512,
            episodes=4,
            seed=2,
            noise=0.001,
        ),
    ),
}

_WEIGHT_FILES = {
    "Acrobot-v1": "acrobot.npy",
    "CartPole-v1": "cartpole.npy",
    "LunarLander-v3": "lunarlander.npy",
    "Pendulum-v1": "pendulum.npy",
    "evalengine/Snake-v0": "snake.npy",
}


def workload(name: str, entry: EnvironmentEntry) -> Workload:
    """The workload called `name` of an environment.

    Raises:
        InputError: no such workload, or none for this environment.
    """
    if name not in NAMES:
        raise InputError(f"workload: expected one of {', '.join(NAMES)}, got {name!r}")
    if entry.id not in _WORKLOADS:
        raise InputError(f"environment: {entry.id} has no workloads; expected one of {', '.join(_WORKLOADS)}")
    return _WORKLOADS[entry.id][NAMES.index(name)]


def trained_weights(env_id: str) -> NDArray[np.float32]:
    """float32 (D,): the shipped example policy of an environment."""
    population = load_weights(Path(__file__).parent / "weights" / _WEIGHT_FILES[env_id]).weights
    individual: NDArray[np.float32] = population[0]
    return individual

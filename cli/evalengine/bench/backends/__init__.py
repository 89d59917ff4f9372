"""The ways of evaluating a population that are compared: one file each, all behind `Backend`.

A backend is opened once (processes started, packages imported, caches warm) and then given prefixes of a population.
Wherever that is possible they evaluate each individual on the same seeds and report every episode, so that results can
be compared bit for bit; `plays_same_episodes` says where it is, and `backend_note` what else is to be known of a row.

The module of a backend has `version()`, `open_backend(task)`, `note(task)` and `same_episodes(task)`.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.errors import InputError, MissingDependencyError, UnsupportedError
from evalengine.evaluation.provenance import package_version
from evalengine.messages import shown
from evalengine.policies.graph_form import is_spelling
from evalengine.policies.policy import Policy
from evalengine.policies.tokens import Convolution

MODULES = {
    "rust": "rust",
    "multiprocessing": "multiprocessing_naive",
    "multiprocessing-tuned": "multiprocessing_tuned",
    "gymnasium-async": "gymnasium_async",
    "gymnasium-vector": "gymnasium_vector",
    "envpool": "envpool",
    "gymnax": "gymnax",
    "pytorch": "pytorch",
    "neat-python": "neat_serial",
    "neat-python-parallel": "neat_parallel",
}
"""Backends by name, in the order in which they take turns; the values are modules of this package."""


OF_GRAPHS = ("rust", "neat-python", "neat-python-parallel")
"""Those that play graphs; networks are played by all but the last two of them."""


APART = {"rust-apart": "rust_apart"}
"""The engine in calls that have nothing to do with each other, which only `Measure.scaling` takes, by name."""

CLUSTERS = {"process-pool": "process_pool", "dask": "dask_cluster", "ray": "ray_cluster"}
"""The engine on executors and clusters of this machine, which only `Measure.machines` takes unless they are named."""

NAMED = MODULES | APART | CLUSTERS
"""All that can be asked for by name."""


@dataclass(frozen=True)
class Evaluated:
    """Every episode of a prefix of a population.

    Attributes:
        returns: float64 (P, E), the sum of each episode's rewards, first to last.
        lengths: int64 (P, E), steps.
        actions: the actions of each episode, as `Head.encoded` gives them, as `actions[individual][episode]`; None
            from the engine, which keeps none, and from backends that play other episodes.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    actions: list[list[bytes]] | None = None

    @property
    def steps(self) -> int:
        """Environment steps that were really executed."""
        return int(self.lengths.sum())

    @property
    def fitness(self) -> NDArray[np.float32]:
        """float32 (P,): the float64 sum of each individual's returns, first to last, divided by their number."""
        sums = np.cumsum(self.returns, axis=1)[:, -1]  # np.sum adds pairwise
        fitness: NDArray[np.float32] = (sums / self.returns.shape[1]).astype(np.float32)
        return fitness


class Backend(Protocol):
    """One way of evaluating a population; a context manager that sets up on entry and tears down on exit."""

    def __enter__(self) -> Self:
        """Start workers and warm them up; not timed."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Stop workers, at once and also in the middle of a call."""
        ...

    def evaluate(self, weights: NDArray[np.float32], seeds: NDArray[np.uint64]) -> Evaluated:
        """Run one episode for each individual of `weights` (P, D) and each of `seeds` (E,)."""
        ...


@runtime_checkable
class SizedBackend(Protocol):
    """A backend that evaluates many episodes at once: small calls leave its lanes empty, and each size needs set-up."""

    def least_individuals(self, episodes: int) -> int:
        """How many individuals with so many episodes fill all lanes."""
        ...

    def prepare_for(self, individuals: int, episodes: int) -> None:
        """Make now what `evaluate` will need for this many individuals and seeds, unless that is done."""
        ...


@dataclass(frozen=True)
class Task:
    """What a backend is opened for.

    Attributes:
        env_id: full id.
        policy: spelling of the policy.
        threads: threads of the engine, processes of a baseline.
        max_episode_steps: where episodes end, for the engine (also in `CLUSTERS`); None is the environment's own limit.
        observation: spelling of the observation options, for `rust`; None are none.
    """

    env_id: str
    policy: str
    threads: int
    max_episode_steps: int | None = None
    observation: str | None = None


REMEMBERING = ("rust", "rust-apart", "multiprocessing", "multiprocessing-tuned", *CLUSTERS)
"""Backends that play policies with recurrent cells."""


def plays_kind(name: str, policy: str) -> bool:
    """Whether the backend called `name` plays policies of this one's kind: networks, or graphs."""
    return name in OF_GRAPHS if is_spelling(policy) else name not in OF_GRAPHS[1:]


def open_backend(name: str, task: Task) -> Backend:
    """The backend called `name`, not yet entered.

    Raises:
        InputError: no such backend.
        UnsupportedError: it has no such environment, or cannot evaluate such a policy.
        MissingDependencyError: it needs a package that is not installed.
    """
    module = _module(name)
    plays_graphs = is_spelling(task.policy)
    if not plays_kind(name, task.policy):
        kind = "networks such as mlp:4-64-2" if plays_graphs else "graphs such as neat:4-2"
        raise UnsupportedError(f"plays {kind}, got {task.policy}")
    if task.observation is not None and name != "rust":
        raise UnsupportedError(f"{name} has no observation options, got {task.observation}")
    if name not in REMEMBERING and not plays_graphs and any(Policy(task.policy).cells):
        raise UnsupportedError(f"{name} has no recurrent cells, got {task.policy}")
    backend: Backend = module.open_backend(task)
    return backend


def check_side_by_side(task: Task) -> None:
    """Check that a policy is one that `torch_population` and JAX evaluate for many individuals at once.

    Raises:
        UnsupportedError: it has other layers than plain convolutions and fully connected ones, with activations.
    """
    policy = Policy(task.policy)
    for token in policy.chain:
        is_plain = isinstance(token, Convolution) and (token.dilation, token.groups) == ((1, 1), 1)
        if not (isinstance(token, int) or is_plain):
            raise UnsupportedError(
                "many individuals at once are measured with plain convolutions and fully connected layers, not with "
                f"{policy}"
            )


def available_threads() -> int:
    """The cores that this process may use."""
    return _engine.available_threads()


def backend_version(name: str) -> str:
    """The version of the software that `name` measures: "evalengine 0.1.0" or "torch 2.13.0"."""
    version: str = _module(name).version()
    return version


def backend_note(name: str, task: Task) -> str:
    """What the backend called `name` says of its episodes of `task`, in one line; "" where there is nothing to say."""
    note: str = _module(name).note(task)
    return note


def plays_same_episodes(name: str, task: Task) -> bool:
    """Whether `name` plays the very episodes that the seeds name, so that its returns can be compared bit for bit."""
    same: bool = _module(name).same_episodes(task)
    return same


def _module(name: str) -> ModuleType:
    modules = NAMED
    if name not in modules:
        raise InputError(f"backends: expected some of {', '.join(modules)}, got {shown(name)}")
    return importlib.import_module(f"{__name__}.{modules[name]}")


def require_packages(extra: str, *packages: str) -> None:
    """Refuse to go on without packages that an extra brings.

    Raises:
        MissingDependencyError: names the first missing package and the extra.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError.of(package, extra=extra)


def versions(*packages: str) -> str:
    """Names and versions of what a backend stands on."""
    return " ".join(f"{package} {package_version(package)}" for package in packages)


def require_baseline() -> None:
    """Refuse to go on without PyTorch and Gymnasium.

    Raises:
        MissingDependencyError: names the missing package and the extra that brings it.
    """
    require_packages("bench", "torch", "gymnasium")


def baseline_version() -> str:
    """Versions of what a baseline stands on."""
    return versions("torch", "gymnasium")


def no_note(task: Task) -> str:
    """The `note` of a backend that plays each episode from its seed to its end, and nothing else."""
    return ""


def every_episode(task: Task) -> bool:
    """The `same_episodes` of a backend that plays what the seeds name."""
    return True


def no_episode(task: Task) -> bool:
    """The `same_episodes` of a backend that draws its own seeds, or plays no episodes."""
    return False


@dataclass(frozen=True)
class Episode:
    """What a worker reports of one episode.

    Attributes:
        total: the sum of its rewards, first to last.
        steps: its length.
        actions: as `Head.encoded` gives them.
    """

    total: float
    steps: int
    actions: bytes


def collect(individuals: list[list[Episode]]) -> Evaluated:
    """What workers return, by individual and episode, as arrays."""
    return Evaluated(
        returns=np.array([[episode.total for episode in episodes] for episodes in individuals], np.float64),
        lengths=np.array([[episode.steps for episode in episodes] for episodes in individuals], np.int64),
        actions=[[episode.actions for episode in episodes] for episodes in individuals],
    )

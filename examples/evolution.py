"""A small neuroevolution: mutation, speciation by weight distance, selection. NumPy only; the backend evaluates.

    python examples/evolution.py --out best.npy         # LunarLander: one or two minutes on two cores
    python examples/evolution.py --env cartpole --generations 30
    python examples/evolution.py --env cartpole --generations 30 --backend multiprocessing
    python examples/evolution.py --env cartpole --observation keep=0/2 --policy mlp:2-gru8-2   # no velocities: memory
    python examples/evolution.py --env mountaincarcontinuous --scale 10   # weak pushes never meet the flag

Each generation is a line: its best and its mean return, and those of the ten generations up to it, which show what is
learnt, since new seeds make every generation luckier or less so than the one before. On a terminal a bar says how far
it is. Seeds are drawn from `--seed` as everything else is, and the last two commands above print the same lines: only
the time on stderr differs. PyTorch may settle a near-tie of two logits differently than the engine,
though. The runs with a baseline therefore check every episode against the engine: an episode that differs is
explained by the margins of its actions and goes on with the engine's result, or the run stops with exit code 1 (see
evalengine.bench.explain).
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evalengine import Policy
from evalengine.bench.backends import MODULES, OF_GRAPHS, Backend, Evaluated, Task, available_threads, open_backend
from evalengine.bench.compare import compare
from evalengine.environments.registry import describe
from evalengine.errors import EvalEngineError, InputError, MissingDependencyError
from evalengine.files.whole import check_writable

Weights = NDArray[np.float32]
Fitness = NDArray[np.float32]

BACKENDS = [name for name in MODULES if name not in ("pytorch", *OF_GRAPHS[1:])]
"""Those that play episodes of networks."""

SOLVED = {"CartPole-v1": 500.0, "LunarLander-v3": 200.0}
"""Mean return over `TEST_EPISODES` fresh seeds at which a run ends early."""


class Size(NamedTuple):
    """How large a run is."""

    generations: int
    population: int
    episodes: int


SIZES = {"LunarLander-v3": Size(generations=300, population=256, episodes=8)}
"""Where the usual size is too small: terrain and first push decide much of a return, so few episodes rank by luck."""

USUAL_SIZE = Size(generations=50, population=64, episodes=4)

TEST_EPISODES = 100

LATEST = 10
"""Over how many generations a line's averages are."""

WEIGHT_FILES = (".npy", ".npz", ".safetensors")

MUTATION = 0.1
"""Standard deviation of the noise on each weight, relative to the root mean square of the first population's
weights."""

PARENTS = 0.3
"""Share of each species that may have offspring."""

WANTED_SPECIES = 6
"""The distance within which individuals are of one species follows, so that there are about as many."""


class Generation(NamedTuple):
    """What one generation came to."""

    number: int
    best: Weights
    best_fitness: float
    mean_fitness: float
    species: int


@dataclass
class Species:
    """Individuals near a representative: the best of the species' last generation."""

    representative: Weights
    members: list[int] = field(default_factory=list)


class Mismatch(Exception):
    """An episode differs from the engine's and rounding does not explain it."""


class Evaluator:
    """Fitness by the chosen backend, each baseline episode checked against the engine."""

    def __init__(self, env_id: str, policy: Policy, backend: str, threads: int, observation: str | None = None) -> None:
        """Nothing is started until the block is entered."""
        self._env_id = env_id
        self._policy = policy
        task = Task(env_id, str(policy), threads, observation=observation)
        self._backend = open_backend(backend, task)
        self._engine: Backend | None = None if backend == "rust" else open_backend("rust", task)
        self.seconds = 0.0

    def __enter__(self) -> Evaluator:
        self._running = ExitStack()
        self._running.enter_context(self._backend)
        return self

    def __exit__(self, *exception: object) -> None:
        self._running.close()

    def fitness(self, population: Weights, seeds: NDArray[np.uint64]) -> Fitness:
        """float32 (P,): mean return of each individual over the seeds."""
        start = time.perf_counter()
        evaluated = self._backend.evaluate(population, seeds)
        self.seconds += time.perf_counter() - start
        if self._engine is None:
            return evaluated.fitness
        return self._checked(evaluated, self._engine.evaluate(population, seeds), population, seeds)

    def _checked(
        self, evaluated: Evaluated, engine: Evaluated, population: Weights, seeds: NDArray[np.uint64]
    ) -> Fitness:
        shared = compare(self._env_id, self._policy, population, seeds, engine, [evaluated])
        for line in shared.notes:
            print(f"differs: {line}", file=sys.stderr)
        if shared.differing != shared.explained:
            unexplained = len(shared.differing) - len(shared.explained)
            raise Mismatch(
                f"{unexplained} individual{'s differ' if unexplained > 1 else ' differs'} without explanation"
            )
        return engine.fitness


def evolve(
    evaluator: Evaluator, policy: Policy, population: int, episodes: int, seed: int, scale: float = 1.0
) -> Iterator[Generation]:
    """Generations without end."""
    weights = policy.init(population, seed) * np.float32(scale)
    random = np.random.default_rng(seed)
    sigma = np.float32(MUTATION * math.sqrt(float(np.mean(np.square(weights, dtype=np.float64)))))
    species: list[Species] = []
    radius = distance(weights[0], weights[-1])  # Random individuals are about equally far from each other.
    number = 0
    while True:
        number += 1
        fitness = evaluator.fitness(weights, episode_seeds(seed, number, episodes))
        best = int(fitness.argmax())
        species = speciate(weights, species, radius)
        yield Generation(number, weights[best].copy(), float(fitness[best]), float(fitness.mean()), len(species))
        radius *= 1.1 if len(species) > WANTED_SPECIES else 0.9
        weights = offspring(weights, fitness, species, sigma, random)


def episode_seeds(seed: int, generation: int, episodes: int, *, is_test: bool = False) -> NDArray[np.uint64]:
    """uint64 (E,): new seeds for each generation, and other ones for a test after it."""
    stream = np.random.default_rng([seed, generation, int(is_test)])
    return stream.integers(2**63, size=episodes, dtype=np.uint64)


def distance(first: Weights, second: Weights) -> float:
    """The root mean square of the differences of two individuals' weights."""
    return math.sqrt(float(np.mean(np.square(first - second))))


def speciate(weights: Weights, before: list[Species], radius: float) -> list[Species]:
    """Give each individual to the first species whose representative is within `radius`, or found a new one.

    Species that nobody joins die out.
    """
    species = [Species(kind.representative) for kind in before]
    for individual, vector in enumerate(weights):
        for kind in species:
            if distance(vector, kind.representative) < radius:
                kind.members.append(individual)
                break
        else:
            species.append(Species(vector, [individual]))
    return [kind for kind in species if kind.members]


def offspring(
    weights: Weights, fitness: Fitness, species: list[Species], sigma: np.float32, random: np.random.Generator
) -> Weights:
    """The next population, of the same size; moves each species' representative to its best member.

    A species gets places in proportion to its mean fitness above the worst individual's. Its best member lives on, and
    mutants of its better members fill the rest.
    """
    population = len(weights)
    floor = float(fitness.min())
    shares = np.array([float(fitness[kind.members].mean()) - floor + 1e-6 for kind in species])
    places = np.floor(shares / shares.sum() * population).astype(int)
    places[int(shares.argmax())] += population - places.sum()
    following = []
    for kind, count in zip(species, places, strict=True):
        ranked = sorted(kind.members, key=lambda individual: (-float(fitness[individual]), individual))
        kind.representative = weights[ranked[0]]
        if count == 0:
            continue
        parents = ranked[: max(1, math.ceil(PARENTS * len(ranked)))]
        chosen = weights[random.choice(parents, size=count - 1)]
        mutants = chosen + sigma * random.standard_normal(chosen.shape, dtype=np.float32)
        following += [weights[ranked[:1]], mutants]
    return np.concatenate(following)


@contextmanager
def generation_bar(generations: int) -> Iterator[Callable[[int, float], None]]:
    """Show on a terminal how many generations are done and how good the latest were; yields what takes both."""
    if not sys.stderr.isatty():
        yield lambda done, mean: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("generations, mean {task.fields[mean]:.1f}, left"))
    # What is printed goes above the bar, but only where it is the terminal that both are on.
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as bar:
        task = bar.add_task("", total=generations, mean=math.nan)
        yield lambda done, mean: bar.update(task, completed=done, mean=mean)


def run(options: argparse.Namespace) -> int:
    """Evolve until solved or out of generations; prints results on stdout, times on stderr."""
    entry = describe(options.env, observation=options.observation)
    policy = Policy(options.policy or entry.default_policy)
    policy.check_fits(entry)
    if options.out is not None:
        if options.out.suffix not in WEIGHT_FILES:
            raise InputError(f"--out: expected a name ending in {', '.join(WEIGHT_FILES)}, got {options.out}")
        check_writable(options.out)
    usual = SIZES.get(entry.id, USUAL_SIZE)
    size = Size(
        options.generations or usual.generations,
        options.population or usual.population,
        options.episodes or usual.episodes,
    )
    target = SOLVED.get(entry.id, math.inf) if options.target is None else options.target
    start = time.perf_counter()
    with (
        Evaluator(entry.id, policy, options.backend, options.threads, options.observation) as evaluator,
        generation_bar(size.generations) as show,
    ):
        generations = evolve(evaluator, policy, size.population, size.episodes, options.seed, options.scale)
        latest: deque[Generation] = deque(maxlen=LATEST)
        for generation in itertools.islice(generations, size.generations):
            champion = generation.best
            latest.append(generation)
            mean = statistics.fmean(one.mean_fitness for one in latest)
            show(generation.number, mean)
            print(
                f"generation {generation.number:3}  best {generation.best_fitness:7.1f}  "
                f"mean {generation.mean_fitness:7.1f}  last {len(latest):2}: "
                f"{statistics.fmean(one.best_fitness for one in latest):6.1f}  {mean:6.1f}  "
                f"species {generation.species}",
                flush=True,
            )
            is_last = generation.number == size.generations
            if is_last or generation.best_fitness >= target:
                fresh = episode_seeds(options.seed, generation.number, TEST_EPISODES, is_test=True)
                mean = float(evaluator.fitness(champion[np.newaxis], fresh)[0])
                print(f"the best of generation {generation.number}: mean {mean:.3f} over {TEST_EPISODES} fresh seeds")
                if mean >= target:
                    print("solved")
                    break
        print(
            f"{evaluator.seconds:.2f} s in {options.backend}, {time.perf_counter() - start:.2f} s in all",
            file=sys.stderr,
        )
        if options.out is not None:
            policy.save(options.out, champion, entry.id, observation=options.observation)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, choose the exit code: 1 a mismatch, 2 bad input, 3 a package is missing."""
    parser = argparse.ArgumentParser(description="A small neuroevolution.")
    parser.add_argument("--env", default="lunarlander", help="short name or full id (default: lunarlander)")
    parser.add_argument("--backend", default="rust", choices=BACKENDS, help="who evaluates (default: rust)")
    lander = SIZES["LunarLander-v3"]
    for name, meaning in (
        ("generations", "at most"),
        ("population", "individuals"),
        ("episodes", "per individual and generation"),
    ):
        usual = f"default: {getattr(USUAL_SIZE, name)}, LunarLander {getattr(lander, name)}"
        parser.add_argument(f"--{name}", type=positive, help=f"{meaning} ({usual})")
    parser.add_argument("--target", type=float, help="mean return on fresh seeds that ends a run (default: solved)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor on the first population's weights (default: 1)"
    )
    parser.add_argument("--policy", help="such as mlp:4-64-2 (default: the environment's)")
    parser.add_argument("--observation", help="what is seen, such as keep=0/2: CartPole without velocities (rust only)")
    parser.add_argument(
        "--threads", type=positive, default=available_threads(), help="or processes (default: all cores)"
    )
    parser.add_argument("--out", type=Path, help="write the best individual to this .npy, .npz or .safetensors file")
    try:
        return run(parser.parse_args(arguments))
    except Mismatch as error:
        print(f"mismatch: {error}", file=sys.stderr)
        return 1
    except MissingDependencyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except EvalEngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head`: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def positive(text: str) -> int:
    """An integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())

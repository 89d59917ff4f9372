"""`neat-python-parallel`: its `ParallelEvaluator`, whose workers keep their environment.

Genome and configuration travel with every call, as `ParallelEvaluator.evaluate` sends them.
"""

from __future__ import annotations

import signal
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evalengine.bench.backends import Evaluated, Task, every_episode, no_note, require_packages
from evalengine.bench.backends.neat_serial import Player, collect, version
from evalengine.references.neat_genomes import Genomes

__all__ = ["ParallelBackend", "note", "open_backend", "same_episodes", "version"]

note = no_note
same_episodes = every_episode


def open_backend(task: Task) -> ParallelBackend:
    """The backend for `task`, not yet entered.

    Raises:
        MissingDependencyError: neat-python or Gymnasium is not installed.
    """
    require_packages("neat", "neat")
    require_packages("gymnasium", "gymnasium")
    return ParallelBackend(task)


class _Worker:
    """What a worker process keeps."""

    player: Player


def _prepare(task: Task) -> None:
    # Forked: what the command does about signals is not this process's; it ends when it is told to, without a word.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker.player = Player(task)


class Episodes:
    """What `ParallelEvaluator` calls for each genome: its episodes on these seeds, instead of their mean alone."""

    def __init__(self, seeds: list[int]) -> None:
        self._seeds = seeds

    def __call__(self, genome: Any, config: Any) -> list[tuple[float, int]]:
        """Play them in a worker."""
        return _Worker.player.play(genome, self._seeds)


class ParallelBackend:
    """A pool that is handed one genome after the other."""

    def __init__(self, task: Task) -> None:
        """Nothing is started yet."""
        self._task, self._genomes = task, Genomes()

    def __enter__(self) -> Self:
        """Start the workers, each with its environment."""
        from neat import parallel

        parallel.tqdm = lambda jobs, total=None: jobs  # its bar, where tqdm is there, would be in our lines
        self._config = Player(self._task).config
        self._evaluator = parallel.ParallelEvaluator(
            self._task.threads, Episodes([]), initializer=_prepare, initargs=(self._task,)
        )
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop them at once."""
        pool, self._evaluator.pool = self._evaluator.pool, None
        pool.terminate()
        pool.join()

    def evaluate(self, weights: Any, seeds: NDArray[np.uint64]) -> Evaluated:
        """See `Backend.evaluate`; `weights` are graphs."""
        genomes = self._genomes.of(weights)
        self._evaluator.eval_function = Episodes(seeds.tolist())
        self._evaluator.evaluate(list(enumerate(genomes)), self._config)
        return collect([genome.fitness for genome in genomes])

"""What `evalengine evaluate` does with one file: the individuals, their policy, and what they play in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.errors import InputError, NonFiniteError
from evalengine.messages import named
from evalengine.policies.individuals import Individuals
from evalengine.policies.setting import SettingOptions
from evalengine.progress import Progress
from evalengine.terminal.evaluate.result import EvaluateConfig


@dataclass(frozen=True)
class Task:
    """What is evaluated.

    Attributes:
        config: what was asked for.
        env_id: full id of the environment.
        policy: canonical spec.
        setting: what it plays in, the file's and what was asked for.
        weights: (P, D) float32, perhaps a memory map; or graphs.
        individuals: (P,) int64, their positions in the file.
        provenance: of this process.
    """

    config: EvaluateConfig
    env_id: str
    policy: str
    setting: SettingOptions
    weights: Individuals
    individuals: NDArray[np.int64]
    provenance: dict[str, str | int]


def n_individuals(tasks: Sequence[Task]) -> int:
    """Return how many individuals the files have together."""
    return sum(len(task.weights) for task in tasks)


@contextmanager
def told_apart(task: Task, tasks: Sequence[Task]) -> Iterator[None]:
    """Let an error that is raised meanwhile begin with the file's name, where there are several."""
    try:
        yield
    except (InputError, NonFiniteError) as error:
        if len(tasks) == 1:
            raise
        raise type(error)(f"{named(task.config.weights)}: {error}") from None


def shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return a progress function for a part that reports for the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)

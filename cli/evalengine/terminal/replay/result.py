"""What `evalengine replay` is asked for, and what it answers.

ReplayConfig ──► run ──► ReplayResult ──► table, JSON
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalengine.references.divergence import Divergence
from evalengine.terminal.weights_file import EpisodesConfig

if TYPE_CHECKING:
    from evalengine.playback.player import Played


@dataclass(frozen=True)
class ReplayConfig(EpisodesConfig):
    """What to play, and where to show it: what `EpisodesConfig` says, and the following; threads choose the best.

    Attributes:
        index: the individual, counted from 0, or "best": the highest mean return over the episodes that are played.
        video: a .mp4 or .gif file for all episodes, one after the other; None records nothing.
        render: "human" opens Gymnasium's window, "none" does not.
    """

    default_episodes = 1

    index: int | Literal["best"] = "best"
    video: Path | None = None
    render: str = "none"


@dataclass(frozen=True)
class EpisodeReplay:
    """One episode on both sides.

    Attributes:
        seed: of its reset.
        evaluated: its return as `evaluate` gave it, float64.
        evaluated_length: its steps there.
        evaluated_ends: (terminated, truncated) there.
        played: what Gymnasium gave.
    """

    seed: int
    evaluated: float
    evaluated_length: int
    evaluated_ends: tuple[bool, bool]
    played: Played

    @property
    def ok(self) -> bool:
        """Whether return, length and end are the same in every bit, and so is every step.

        A sum can hide what differs: 5.0 + 1.0 and 5.0 + 1.0000000000000002 are both 6.0.
        """
        ends = (self.played.terminated, self.played.truncated)
        is_equal = np.float64(self.evaluated).tobytes() == np.float64(self.played.total).tobytes()
        is_equal &= self.evaluated_length == self.played.length and self.evaluated_ends == ends
        return is_equal and self.divergence is None

    @property
    def divergence(self) -> Divergence | None:
        """The first step at which Gymnasium and the native environment differ; None if none does."""
        return self.played.divergence

    def to_json(self) -> dict[str, object]:
        """Return the episode's part of `--json`."""
        return {
            "seed": self.seed,
            "ok": self.ok,
            "evaluated_return": self.evaluated,
            "return": self.played.total,
            "evaluated_length": self.evaluated_length,
            "length": self.played.length,
            "evaluated_terminated": self.evaluated_ends[0],
            "evaluated_truncated": self.evaluated_ends[1],
            "terminated": self.played.terminated,
            "truncated": self.played.truncated,
            "first_divergence": None if self.divergence is None else self.divergence.to_json(),
        }


@dataclass(frozen=True)
class ReplayResult:
    """What was played and whether it is what was evaluated.

    Attributes:
        config: what was asked for.
        env_id: full id.
        policy: canonical spelling.
        individual: its position in the file.
        population: how many individuals the file has.
        episodes: in the order in which they were played.
        frames: of the video; 0 without one.
        fps: frames per second of the video.
        unproven: why a difference would break no claim here, such as a documented one of versions; "" if it would.
    """

    config: ReplayConfig
    env_id: str
    policy: str
    individual: int
    population: int
    episodes: tuple[EpisodeReplay, ...]
    frames: int
    fps: float
    unproven: str

    @property
    def ok(self) -> bool:
        """Whether every episode is the one that `evaluate` played."""
        return all(episode.ok for episode in self.episodes)

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`."""
        return {
            "env": self.env_id,
            "policy": self.policy,
            "weights": str(self.config.weights),
            "individual": self.individual,
            "population": self.population,
            "ok": self.ok,
            "video": None if self.config.video is None else str(self.config.video),
            "frames": self.frames,
            "fps": self.fps,
            "unproven": self.unproven,
            "episodes": [episode.to_json() for episode in self.episodes],
        }

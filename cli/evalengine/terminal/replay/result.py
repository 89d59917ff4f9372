"""What `evalengine replay` is asked for, and what it answers.

ReplayConfig ──► run ──► ReplayResult ──► table, JSON
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evalengine.playback.outcome import Replay
from evalengine.terminal.weights_file import EpisodesConfig


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
class ReplayResult:
    """What was played and whether it is what was evaluated.

    Attributes:
        config: what was asked for.
        env_id: full id.
        policy: canonical spec.
        population: how many individuals the file has.
        replay: who was played, and what it gave.
    """

    config: ReplayConfig
    env_id: str
    policy: str
    population: int
    replay: Replay

    @property
    def ok(self) -> bool:
        """Whether every episode is the one that `evaluate` played."""
        return self.replay.ok

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`."""
        return {
            "env": self.env_id,
            "policy": self.policy,
            "weights": str(self.config.weights),
            "individual": self.replay.individual,
            "population": self.population,
            "ok": self.ok,
            "video": None if self.config.video is None else str(self.config.video),
            "frames": self.replay.frames,
            "fps": self.replay.fps,
            "unproven": self.replay.unproven,
            "episodes": [episode.to_json() for episode in self.replay.episodes],
        }

"""What a replay gave: each episode on both sides, and whether they are the same in every bit.

    Played, Evaluation ──► EpisodeReplay ──► Replay

Importing this module imports no Gymnasium. Depends on the divergence of two sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalengine.playback.player import Played
    from evalengine.references.divergence import Divergence


@dataclass(frozen=True)
class EpisodeReplay:
    """One episode on both sides.

    Attributes:
        seed: of its reset.
        evaluated: its return as `evaluate` gave it, float64.
        evaluated_length: its steps there.
        evaluated_ends: (terminated, truncated) there.
        played: what Gymnasium gave: `total`, `length`, `terminated`, `truncated`, `divergence`.
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


@dataclass(frozen=True, repr=False)
class Replay:
    """The result of `replay`.

    Attributes:
        video: the file with all episodes, one after the other; None if none was asked for.
        individual: the position of the individual that was played.
        episodes: in the order in which they were played.
        frames: of the video; 0 without one.
        fps: frames per second of the video.
        unproven: why a difference would break no claim here, such as a documented one of versions; "" if it would.
    """

    video: Path | None
    individual: int
    episodes: tuple[EpisodeReplay, ...]
    frames: int
    fps: float
    unproven: str

    @property
    def ok(self) -> bool:
        """Whether every bit agreed: each step, return, length and end is the one that `evaluate` gives."""
        return all(episode.ok for episode in self.episodes)

    @property
    def returns(self) -> tuple[float, ...]:
        """The return of each episode in Gymnasium: float64 sums of its rewards, first to last."""
        return tuple(episode.played.total for episode in self.episodes)

    def __repr__(self) -> str:
        """One line: who was played, what it got, whether every bit agreed, and where the video lies."""
        returns = ", ".join(f"{total:.6g}" for total in self.returns[:4]) + (", ..." if len(self.returns) > 4 else "")
        verdict = "every bit agrees" if self.ok else "DIFFERS from evaluate"
        video = "" if self.video is None else f", {str(self.video)!r}"
        return f"Replay(individual {self.individual}: {returns}; {verdict}{video})"

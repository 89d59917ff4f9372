"""What a parity run finds: sections, each about one claim, and the first step at which a claim breaks.

    comparers ──► Section ... ──► Report ──► tables (rich, CSV), to_json

A claim is EXACT, every bit, or there is none, and a line says why. Nothing is compared or printed here. Depends on
`divergence`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.references.divergence import Divergence


class Claim(StrEnum):
    """What a section claims."""

    EXACT = "EXACT"
    """Every bit is equal."""
    NONE = "none"
    """Nothing; the section's note says why."""


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNPROVEN = "unproven"
    """Not compared; or different by what is documented of a version, or of PyTorch's sums on this machine."""
    NOT_CLAIMED = "not claimed"


@dataclass(frozen=True)
class Section:
    """One comparison and what it found.

    Attributes:
        name: what was compared, unique within a report: "cartpole open loop, random".
        claim: EXACT, or NONE.
        steps: how many were compared: environment steps, or rows (observations) of forward passes.
        episodes: how many of them were finished; 0 where there are none.
        mismatches: how many steps (or rows) break the claim.
        first_divergence: the first of these; None if there is none.
        worst_error: our largest absolute difference from the reference; None where nothing was measured.
        notes: lines for people: what was compared, or why nothing is claimed.
        events: how often what was reached: rare branches of an environment, kinds of shapes.
        columns: the step-by-step difference, one entry per step and column, for the CSV; None for none.
        picture: (height, width, 3), what the first divergence looks like where observations are images; in no JSON.
        unproven: why nothing was proven ("torch is not installed: ..."), even if nothing differs; "" if it was.
    """

    name: str
    claim: Claim
    steps: int
    episodes: int = 0
    mismatches: int = 0
    first_divergence: Divergence | None = None
    worst_error: float | None = None
    notes: tuple[str, ...] = ()
    events: Mapping[str, int] = dataclasses.field(default_factory=dict)
    columns: Mapping[str, NDArray[np.generic]] | None = None
    unproven: str = ""
    picture: NDArray[np.uint8] | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds; where it cannot be judged here, a mismatch does not break it."""
        if self.claim is Claim.NONE:
            return Verdict.NOT_CLAIMED
        if self.unproven:
            return Verdict.UNPROVEN
        return Verdict.BROKEN if self.mismatches else Verdict.HOLDS

    @classmethod
    def merged(cls, parts: Sequence[Section]) -> Section:
        """Return the parts of one comparison, run apart, as one section: the first's name and claim."""
        totals: Counter[str] = Counter()
        for part in parts:
            totals.update(part.events)
        # What is broken stays broken, whatever of the rest was not compared.
        is_broken = any(part.verdict is Verdict.BROKEN for part in parts)
        reasons = dict.fromkeys(part.unproven for part in parts if part.unproven)
        with_columns = [part.columns for part in parts if part.columns is not None]
        return cls(
            name=parts[0].name,
            claim=parts[0].claim,
            steps=sum(part.steps for part in parts),
            episodes=sum(part.episodes for part in parts),
            mismatches=sum(part.mismatches for part in parts),
            first_divergence=next((part.first_divergence for part in parts if part.first_divergence), None),
            worst_error=max((part.worst_error for part in parts if part.worst_error is not None), default=None),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            events=dict(totals),
            columns=_joined(with_columns) if with_columns else None,
            unproven="" if is_broken else "; ".join(reasons),
            picture=next((part.picture for part in parts if part.first_divergence), None),
        )

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Section:
        """Return the section that `to_json` wrote, without columns."""
        first = document["first_divergence"]
        return cls(
            name=document["name"],
            claim=Claim(document["claim"]),
            steps=document["steps"],
            episodes=document["episodes"],
            mismatches=document["mismatches"],
            first_divergence=None if first is None else Divergence.from_json(first),
            worst_error=document["worst_error"],
            notes=tuple(document["notes"]),
            events=document["events"],
            unproven=document["unproven"] or "",
        )

    def to_json(self) -> dict[str, object]:
        """Return the section's part of the document of `--json`."""
        return {
            "name": self.name,
            "claim": str(self.claim),
            "verdict": str(self.verdict),
            "steps": self.steps,
            "episodes": self.episodes,
            "mismatches": self.mismatches,
            "first_divergence": None if self.first_divergence is None else self.first_divergence.to_json(),
            "worst_error": self.worst_error,
            "notes": list(self.notes),
            "events": dict(self.events),
            "unproven": self.unproven or None,
        }


@dataclass(frozen=True)
class Report:
    """Everything that one parity run found.

    Attributes:
        sections: in the order in which they ran.
        versions: package -> version, of both sides.
        seconds: the wall time of the run.
    """

    sections: Sequence[Section]
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst of the sections': one broken claim breaks the report, one unproven leaves it unproven."""
        verdicts = {section.verdict for section in self.sections}
        if Verdict.BROKEN in verdicts:
            return Verdict.BROKEN
        return Verdict.HOLDS if Verdict.HOLDS in verdicts and Verdict.UNPROVEN not in verdicts else Verdict.UNPROVEN

    def to_json(self) -> dict[str, object]:
        """Return the document of `--json`."""
        return {
            "verdict": str(self.verdict),
            "sections": [section.to_json() for section in self.sections],
            "versions": dict(self.versions),
            "seconds": self.seconds,
        }


def _joined(parts: Sequence[Mapping[str, NDArray[np.generic]]]) -> Mapping[str, NDArray[np.generic]]:
    """Return the columns of all parts one after the other; all parts have the same."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

"""What many comparisons of logits come to: each tally becomes one section of the report.

A tally of equal bits (EXACT) counts rows of a layer's outputs that differ; a tally of errors (BOUNDED) measures both
sides against float64 and counts the rows that exceed a bound. Depends on the report's types and NumPy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalengine.parity.report import Claim, Section
from evalengine.references.divergence import Divergence, differing_bits


@dataclass
class BitTally:
    """Outputs that must be PyTorch's to the bit; two NaNs are equal, whatever their bits.

    Attributes:
        rows: compared.
        values: compared, all rows together.
        finite: how many of PyTorch's values are.
        mismatches: rows with a value that differs.
        differing: values that differ.
        first: the first of them.
        events: what was met how often.
    """

    rows: int = 0
    values: int = 0
    finite: int = 0
    mismatches: int = 0
    differing: int = 0
    first: Divergence | None = None
    events: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        ours: NDArray[np.float32],
        theirs: NDArray[np.float32],
        *,
        name: str,
        case: str,
        versions: Mapping[str, str],
        seed: int | None = None,
    ) -> bool:
        """Compare (B, N) outputs; say whether all bits are equal.

        Args:
            ours: the engine's.
            theirs: PyTorch's.
            name: what they are, for the divergence.
            case: of which network.
            versions: of both sides.
            seed: from which the case was drawn.
        """
        differing = differing_bits(ours, theirs, any_nan=True)
        rows = np.asarray(differing.any(axis=1))
        self.rows += len(rows)
        self.values += theirs.size
        self.finite += int(np.isfinite(theirs).sum())
        self.mismatches += int(rows.sum())
        self.differing += int(differing.sum())
        if self.first is None and rows.any():
            row = int(rows.argmax())
            case = f"{case}, row {row}"
            self.first = Divergence.between(
                name, ours[row], theirs[row], seed=seed, case=case, versions=versions, any_nan=True
            )
        return not rows.any()

    def section(self, name: str, *, unproven: str, notes: Iterable[str] = ()) -> Section:
        """Return the tally as a section that claims equal bits."""
        counted = f"{self.differing:,} of {self.values:,} values differ ({self.finite:,} are finite)"
        return Section(
            name=name,
            claim=Claim.EXACT,
            steps=self.rows,
            mismatches=self.mismatches,
            first_divergence=self.first,
            notes=(*notes, counted),
            events=dict(sorted(self.events.items())),
            unproven=unproven,
        )


@dataclass(frozen=True)
class Errors:
    """Distances from float64: the largest, the sum of squares, and how many."""

    worst: float = 0.0
    squares: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, computed: NDArray[np.float32], exact: NDArray[np.float64]) -> Errors:
        """Measure what is finite on both sides; NaN and infinities have no distance."""
        with np.errstate(invalid="ignore"):
            distances = np.abs(computed.astype(np.float64) - exact)
        distances = distances[np.isfinite(distances)]
        return cls(float(distances.max(initial=0.0)), float(np.square(distances).sum()), distances.size)

    def __add__(self, other: Errors) -> Errors:
        return Errors(max(self.worst, other.worst), self.squares + other.squares, self.count + other.count)

    @property
    def rms(self) -> float:
        """The root-mean-square distance; 0 where nothing was measured."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0


@dataclass
class ErrorTally:
    """Outputs that stay within a bound of float64.

    Attributes:
        rows: measured.
        mismatches: rows that exceed the bound.
        ours: our errors.
        theirs: PyTorch's, on the same inputs.
        worst_ratio: the largest ratio of our root-mean-square error to PyTorch's in one network; 0 if none was formed.
        first: the first row that exceeds the bound.
        notes: what there is to say.
    """

    rows: int = 0
    mismatches: int = 0
    ours: Errors = Errors()
    theirs: Errors = Errors()
    worst_ratio: float = 0.0
    first: Divergence | None = None
    notes: list[str] = field(default_factory=list)

    def measure(self, ours: NDArray[np.float32], theirs: NDArray[np.float32], exact: NDArray[np.float64]) -> None:
        """Add the errors of (B, N) outputs."""
        self.rows += len(exact)
        self.ours += Errors.of(ours, exact)
        self.theirs += Errors.of(theirs, exact)

    def refuse(
        self,
        rows: NDArray[np.bool_],
        ours: NDArray[np.float32],
        reference: NDArray[np.float32],
        *,
        name: str,
        case: str,
        versions: Mapping[str, str],
    ) -> None:
        """Count the rows (B,) that exceed the bound, and keep the first one beside the reference's."""
        self.mismatches += int(rows.sum())
        shown = rows & differing_bits(ours, reference, any_nan=True).any(axis=1)
        if self.first is None and shown.any():
            row = int(shown.argmax())
            case = f"{case}, row {row}"
            self.first = Divergence.between(name, ours[row], reference[row], case=case, versions=versions, any_nan=True)

    def section(self, name: str, *, unproven: str, notes: Iterable[str] = ()) -> Section:
        """Return the tally as a section that claims a bound."""
        measured = f"root-mean-square error {self.ours.rms:.3g}, PyTorch's {self.theirs.rms:.3g}"
        if self.worst_ratio:
            measured += f"; in one network at most {self.worst_ratio:.3f} times PyTorch's"
        return Section(
            name=name,
            claim=Claim.BOUNDED,
            steps=self.rows,
            mismatches=self.mismatches,
            first_divergence=self.first,
            worst_error=self.ours.worst,
            torch_worst_error=self.theirs.worst,
            notes=(*notes, measured, *self.notes),
            unproven=unproven,
        )

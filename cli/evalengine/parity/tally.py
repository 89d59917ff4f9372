"""What many comparisons of a layer's outputs come to: a tally becomes one section of the report.

Depends on the report's types and NumPy.
"""

from __future__ import annotations

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

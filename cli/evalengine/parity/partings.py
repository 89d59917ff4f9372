"""Where the two sides of a closed loop choose different actions, and whether rounding alone can be the reason.

Each is judged on the observation that both acted on. Discrete actions a, b: with z the logits in exact arithmetic,
|z[a] - z[b]| <= bound[a] + bound[b] (`logits_and_bounds`). Box: in each dimension |a - b| <= `Head.difference_bound`;
only the first step of an episode at which they differ is judged, because afterwards the sides see different things.
Depends on traces, heads and bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.parity.trace import Trace
from evalengine.policies.heads import Head
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.policies.rounding import logits_and_bounds
from evalengine.references.divergence import differing_bits


@dataclass(frozen=True)
class Parting:
    """A step at which the two sides chose different actions.

    Attributes:
        row: of the trace.
        place: where, for people.
        what: what `margin` is, for people.
        margin: the difference of the actions' logits in exact arithmetic, or of the actions of a Box.
        bound: what rounding can do to it.
        saw_the_same: whether both acted on the same observation, bit by bit.
    """

    row: int
    place: str
    what: str
    margin: float
    bound: float
    saw_the_same: bool

    @property
    def is_tie(self) -> bool:
        """Whether rounding alone can have made the difference."""
        return self.saw_the_same and self.margin <= self.bound

    def __str__(self) -> str:
        """Return the line of the report."""
        relation = "within" if self.margin <= self.bound else "ABOVE"
        return f"{self.place}: {self.what} {self.margin:.3g} {relation} the bound {self.bound:.3g}"


def differing_actions(ours: Trace, reference: Trace) -> NDArray[np.intp]:
    """Return the rows whose actions differ in any bit."""
    differing = differing_bits(ours.action, reference.action).reshape(len(ours.step), -1)
    return np.flatnonzero(differing.any(axis=1))


def find_partings(
    head: Head, policy: Policy, weights: NDArray[np.float32], ours: Trace, reference: Trace
) -> list[Parting]:
    """Return the steps at which the actions differ; of each episode with Box actions, the first."""
    rows = differing_actions(ours, reference)
    if not head.is_discrete:
        rows = rows[np.unique(reference.episode[rows], return_index=True)[1]]
    return [_parting(head, policy, weights, ours, reference, row) for row in rows.tolist()]


def excused_rows(head: Head, partings: list[Parting], reference: Trace) -> NDArray[np.bool_]:
    """Return the rows (N,) that are not compared: ties, and with Box actions whatever follows a parting."""
    excused = np.zeros(len(reference.step), np.bool_)
    for parting in partings:
        if not head.is_discrete:
            excused[parting.row + 1 :] |= reference.episode[parting.row + 1 :] == reference.episode[parting.row]
        excused[parting.row] = parting.is_tie
    return excused


def notes_of(head: Head, partings: list[Parting]) -> list[str]:
    """Return the lines of the report: every parting of discrete actions; of a Box, what is wrong, and the largest."""
    if head.is_discrete:
        return [str(parting) for parting in partings]
    lines = [str(parting) for parting in partings if not parting.is_tie]
    ties = [parting for parting in partings if parting.is_tie]
    if ties:
        first = min(ties, key=lambda parting: parting.row)
        largest = max(ties, key=lambda parting: parting.margin)
        lines.append(f"{len(ties)} episodes part, the first at {first}; the largest difference, at {largest}")
    return lines


def _parting(
    head: Head, policy: Policy, weights: NDArray[np.float32], ours: Trace, reference: Trace, row: int
) -> Parting:
    seen = reference.observation[row - 1]
    exact, bounds = logits_and_bounds(policy, weights, policy_inputs(policy, seen[np.newaxis])[0])
    mine, theirs = ours.action[row], reference.action[row]
    if head.is_discrete:
        what = f"action {mine} or {theirs}, logit margin"
        margin, bound = float(abs(exact[mine] - exact[theirs])), float(bounds[mine] + bounds[theirs])
    else:
        what = "actions differ by"
        margin, bound = head.difference(mine, theirs, bounds)
    return Parting(
        row=row,
        place=f"seed {reference.seed[row]}, episode {reference.episode[row]}, step {reference.step[row]}",
        what=what,
        margin=margin,
        bound=bound,
        saw_the_same=ours.observation[row - 1].tobytes() == seen.tobytes(),
    )

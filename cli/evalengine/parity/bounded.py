"""Logits that cannot be PyTorch's to the bit, held against float64.

Two bounds, by what the network is made of:

- With tanh and layers whose sums are PyTorch's: the root-mean-square error of the logits is at most `RMS_FACTOR` times
  PyTorch's own on the same inputs. That says something from `LEAST_VALUES` logits on.
- Otherwise, row by row: what any order of summation can lose (`rounding.logits_and_bounds`).

Where the two sides choose different actions, both can be right. Each such action is listed with the margin of the two
logits in float64, and breaks the claim if the margin is more than rounding explains. Depends on TorchPolicy, tallies
and rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.parity.layers import placed_layers
from evalengine.parity.layerwise import is_outside
from evalengine.parity.tally import Errors, ErrorTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy
from evalengine.policies.rounding import logits_and_bounds
from evalengine.references.divergence import differing_bits

RMS_FACTOR = 1.25
"""How much larger than PyTorch's own the root-mean-square error of logits may be."""

LEAST_VALUES = 512
"""Logits from which on a root-mean-square error says something; fewer are held against the bound of any order."""

MEASURED_ROWS = 4096
"""The most rows of one network that are computed in float64, evenly spread."""

BOUNDED_ROWS = 64
"""The most rows that are held against the bound of any order, which takes them one by one."""

LISTED_ACTIONS = 10
"""The most differing actions that are listed for one network; all are counted and judged."""


def bound_of(policy: Policy) -> str:
    """Return the bound of a network's logits, for people."""
    return f"bound: {_rms_bound()}" if _sums_are_known(policy) else "bound: what any order of summation can lose"


def _rms_bound() -> str:
    return f"root-mean-square error at most {RMS_FACTOR} times PyTorch's"


def judge_logits(
    policy: Policy,
    weights: NDArray[np.float32],
    observations: NDArray[np.float32],
    torch_policy: TorchPolicy,
    tally: ErrorTally,
    *,
    case: str,
    versions: Mapping[str, str],
) -> None:
    """Add the logits of one individual to a tally.

    Args:
        policy: the architecture.
        weights: float32 (D,).
        observations: float32 (B, n_inputs).
        torch_policy: the other side.
        tally: receives what is found.
        case: the network, for divergences.
        versions: of both sides.
    """
    ours = policy.network.logits(weights, observations)
    theirs = torch_policy.logits(policy, weights, observations)
    measured = spread_rows(len(ours), MEASURED_ROWS)
    (exact,) = torch_policy.outputs(policy.input_shape, policy.layers, weights, observations[measured], dtype="float64")
    both = _Logits(policy, weights, observations, ours, theirs)
    beyond = both.differing_non_finite()
    if _sums_are_known(policy) and exact.size >= LEAST_VALUES:
        ratio = _rms_ratio(ours[measured], theirs[measured], exact)
        tally.worst_ratio = max(tally.worst_ratio, ratio)
        if ratio > RMS_FACTOR:
            beyond[measured[_worst_row(ours[measured], theirs[measured], exact)]] = True
    else:
        beyond |= both.beyond_any_order()
    parted, notes = both.parted_actions()
    tally.measure(ours[measured], theirs[measured], exact)
    tally.rows += len(ours) - len(measured)
    tally.refuse(beyond | parted, ours, theirs, name="logits", case=case, versions=versions)
    tally.notes += [f"{case}: {note}" for note in notes]


def spread_rows(rows: int, most: int) -> NDArray[np.intp]:
    """Return the indices of at most `most` rows, evenly spread over all."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.intp))


def _sums_are_known(policy: Policy) -> bool:
    """Whether it is only tanh that keeps the logits from being PyTorch's."""
    return not any(is_outside(place) for place in placed_layers(policy.input_shape, policy.layers))


def _rms_ratio(ours: NDArray[np.float32], theirs: NDArray[np.float32], exact: NDArray[np.float64]) -> float:
    """Return how many times PyTorch's root-mean-square error ours is."""
    mine, reference = Errors.of(ours, exact).rms, Errors.of(theirs, exact).rms
    if reference == 0.0:
        return 1.0 if mine == 0.0 else math.inf
    return mine / reference


def _worst_row(ours: NDArray[np.float32], theirs: NDArray[np.float32], exact: NDArray[np.float64]) -> int:
    """Return the row with the value that makes our error exceed PyTorch's most."""
    with np.errstate(invalid="ignore"):
        excess = np.square(ours - exact) - np.square(theirs - exact)
    return int(np.nan_to_num(excess).max(axis=1).argmax())


@dataclass(frozen=True, eq=False)
class _Logits:
    """The logits of both sides, (B, n_outputs), and what they were computed from."""

    policy: Policy
    weights: NDArray[np.float32]
    observations: NDArray[np.float32]
    ours: NDArray[np.float32]
    theirs: NDArray[np.float32]

    def differing_non_finite(self) -> NDArray[np.bool_]:
        """Return the rows in which one side has a NaN or an infinity that the other has not."""
        finite = np.isfinite(self.ours) & np.isfinite(self.theirs)
        return np.asarray((differing_bits(self.ours, self.theirs, any_nan=True) & ~finite).any(axis=1))

    def beyond_any_order(self) -> NDArray[np.bool_]:
        """Return the rows, of those looked at, that are farther from float64 than any order of summation can bring."""
        beyond = np.zeros(len(self.ours), np.bool_)
        for row in spread_rows(len(self.ours), BOUNDED_ROWS):
            exact, bounds = self._exact(int(row))
            within = np.abs(self.ours[row] - exact) <= bounds
            beyond[row] = not (within | ~np.isfinite(self.ours[row])).all()
        return beyond

    def parted_actions(self) -> tuple[NDArray[np.bool_], list[str]]:
        """Return the rows whose actions differ for another reason than rounding, and a line for each that differs."""
        chosen, reference = self.ours.argmax(axis=1), self.theirs.argmax(axis=1)
        parted = np.flatnonzero(chosen != reference)
        wrong = np.zeros(len(self.ours), np.bool_)
        lines = []
        for row in parted:
            ours, theirs = int(chosen[row]), int(reference[row])
            exact, bounds = self._exact(int(row))
            margin, bound = abs(float(exact[ours] - exact[theirs])), float(bounds[ours] + bounds[theirs])
            wrong[row] = not margin <= bound
            judged = "ABOVE" if wrong[row] else "within"
            actions = f"row {row}: action {ours}, PyTorch's {theirs}"
            lines.append(f"{actions}: logit margin {margin:.3g} {judged} the bound {bound:.3g}")
        if len(lines) > LISTED_ACTIONS:
            lines[LISTED_ACTIONS:] = [f"and {len(lines) - LISTED_ACTIONS} more differing actions"]
        return wrong, lines

    def _exact(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        observation = self.observations[row].reshape(self.policy.input_shape)
        with np.errstate(all="ignore"):
            return logits_and_bounds(self.policy, self.weights, observation)

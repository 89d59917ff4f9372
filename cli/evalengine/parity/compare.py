"""Two traces, bit by bit: which rows differ, where first, and by how much.

    Trace (ours), Trace (the reference's) ──► compare_traces ──► Comparison ──► Section

A row is equal if every number in it has the same bits (and the same type and shape), rewards and flags included. So a
NaN of an observation, a reward or a state must have the reference's sign and payload. Logits alone may be any NaN where
the other side's are NaN: they are sums, and which of two NaNs a sum keeps is specified by nobody; PyTorch's own kernels
differ in it. Distances (`worst_error`) are of values: two NaNs are 0 apart there. Depends on traces and the report's
types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.parity.pictures import are_pictures, differing_pixels, side_by_side
from evalengine.parity.trace import Trace
from evalengine.references import Region
from evalengine.references.divergence import Divergence, differing_bits

FIELDS = ("logits", "action", "state", "observation", "reward", "terminated", "truncated")
"""In the order in which a step produces them, so that the first that differs is the cause: an observation is computed
from the state."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What differs between two traces of the same episodes.

    Attributes:
        steps: how many steps both have.
        episodes: how many the reference finished.
        mismatches: how many rows differ in any bit: steps, and resets too.
        first_divergence: the first of them; None if there is none.
        worst_error: the largest absolute difference of an observation, a reward or a logit; infinite if one of two
            numbers is NaN or their shapes differ.
        differing: (N,) bool, row by row.
        columns: the step-by-step difference, (N,) each.
        fields: those of `FIELDS` that differ in some row.
        picture: where images differ, the first pair of them and their difference, side by side (see `pictures`).
    """

    steps: int
    episodes: int
    mismatches: int
    first_divergence: Divergence | None
    worst_error: float
    differing: NDArray[np.bool_]
    columns: Mapping[str, NDArray[np.generic]]
    fields: tuple[str, ...] = ()
    picture: NDArray[np.uint8] | None = None


def compare_traces(
    ours: Trace,
    reference: Trace,
    *,
    case: str = "",
    versions: Mapping[str, str] | None = None,
    regions: Mapping[str, Region] | None = None,
) -> Comparison:
    """Compare two traces row by row.

    Args:
        ours: the engine's.
        reference: of the same episodes and steps.
        case: what the divergence says about the circumstances.
        versions: what it says about versions.
        regions: parts of an image by name, for which the divergence counts differing pixels.

    Raises:
        ValueError: the traces are not of the same episodes and steps.
    """
    for name in ("seed", "episode", "step"):
        if not np.array_equal(getattr(ours, name), getattr(reference, name)):
            raise ValueError(f"traces: expected the same {name} in every row")
    by_field = _differing_rows(ours, reference)
    differing = np.logical_or.reduce(list(by_field.values()))
    first, picture = None, None
    if differing.any():
        row = int(differing.argmax())
        name = next(name for name, rows in by_field.items() if rows[row])
        first = _divergence(name, row, ours, reference, case, versions or {})
        pair = ours.observation[row], reference.observation[row]
        if name == "observation" and are_pictures(*pair):
            picture = side_by_side(*pair)
            first = replace(first, comparison=f"{first.comparison}\n{differing_pixels(*pair, regions or {})}")
    errors = _row_errors(ours, reference)
    return Comparison(
        steps=reference.steps,
        episodes=reference.episodes,
        mismatches=int(differing.sum()),
        first_divergence=first,
        worst_error=float(errors.max(initial=0.0)),
        differing=differing,
        columns=_columns(ours, reference, errors, differing),
        fields=tuple(name for name, rows in by_field.items() if rows.any()),
        picture=picture,
    )


def _values(trace: Trace, name: str) -> NDArray[np.generic]:
    """One row of each field as a flat row of numbers."""
    values: NDArray[np.generic] = getattr(trace, name)
    return values.reshape(len(values), -1)


def _differing_rows(ours: Trace, reference: Trace) -> dict[str, NDArray[np.bool_]]:
    rows: dict[str, NDArray[np.bool_]] = {}
    for name in FIELDS:
        if name == "logits" and (ours.logits is None or reference.logits is None):
            continue
        mine, theirs = getattr(ours, name), getattr(reference, name)
        if (mine.dtype, mine.shape) != (theirs.dtype, theirs.shape):
            rows[name] = np.ones(len(theirs), np.bool_)
            continue
        differing = differing_bits(_values(ours, name), _values(reference, name), any_nan=name == "logits")
        rows[name] = np.asarray(differing.any(axis=1))
    return rows


def _divergence(
    name: str, row: int, ours: Trace, reference: Trace, case: str, versions: Mapping[str, str]
) -> Divergence:
    step = int(reference.step[row])
    before = reference.episode == reference.episode[row] - 1
    if (reference.seed[before] == reference.seed[row]).any():
        case = ", ".join(part for part in (case, "going on with the random stream of the episode before") if part)
    field, mine, theirs = _differing_values(name, row, ours, reference)
    return Divergence.between(
        field,
        mine,
        theirs,
        seed=int(reference.seed[row]),
        episode=int(reference.episode[row]),
        step=step,
        actions=None if step == 0 else (_plain(ours.action[row]), _plain(reference.action[row])),
        case=case,
        versions=versions,
        any_nan=name == "logits",
    )


def _differing_values(name: str, row: int, ours: Trace, reference: Trace) -> tuple[str, Any, Any]:
    """What differs in a row, for people, and both sides' values of it; of a state the first part that differs."""
    mine, theirs = getattr(ours, name)[row], getattr(reference, name)[row]
    if name == "state" and mine.shape == theirs.shape:
        start = 0
        for part, count in ours.state_parts or reference.state_parts:
            columns = slice(start, start + count)
            if differing_bits(mine[columns], theirs[columns]).any():
                return f"state {part}", mine[columns], theirs[columns]
            start += count
    return name, mine, theirs


def _plain(action: NDArray[np.generic]) -> object:
    """An action as Python prints it."""
    return np.asarray(action).tolist()


def _row_errors(ours: Trace, reference: Trace) -> NDArray[np.float64]:
    """(N,) the largest absolute difference in each row."""
    errors = np.zeros(len(reference.step))
    for name in ("reward", "observation", "logits"):
        mine, theirs = getattr(ours, name), getattr(reference, name)
        if mine is None or theirs is None:
            continue
        if mine.shape != theirs.shape:
            return np.full(len(errors), np.inf)
        unequal = (mine != theirs).reshape(len(errors), -1).any(axis=1)
        if unequal.any():
            errors[unequal] = np.maximum(errors[unequal], _largest_differences(mine[unequal], theirs[unequal]))
    return errors


def _largest_differences(ours: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float64]:
    """(N,) the largest absolute difference in each row; two NaNs, and equal infinities, differ by 0."""
    largest = np.zeros(len(ours))
    # Row by row: images as float64 would take gigabytes.
    for row, pair in enumerate(zip(ours, reference, strict=True)):
        mine, theirs = (np.asarray(values).astype(np.float64) for values in pair)
        with np.errstate(invalid="ignore"):
            differences = np.asarray(np.abs(mine - theirs))
        differences[(mine == theirs) | (np.isnan(mine) & np.isnan(theirs))] = 0.0
        differences[np.isnan(differences)] = np.inf
        largest[row] = differences.max(initial=0.0)
    return largest


def _columns(
    ours: Trace, reference: Trace, errors: NDArray[np.float64], differing: NDArray[np.bool_]
) -> dict[str, NDArray[np.generic]]:
    """The step-by-step difference for a CSV; arrays are reduced to how many of their numbers differ."""
    columns: dict[str, NDArray[np.generic]] = {name: getattr(reference, name) for name in ("seed", "episode", "step")}
    for name in ("action", "reward", "terminated", "truncated"):
        for side, trace in (("ours", ours), ("reference", reference)):
            values = getattr(trace, name)
            texts = [" ".join(map(repr, row)) for row in values.tolist()] if values.ndim > 1 else values
            columns[f"{name}_{side}"] = np.asarray(texts)
    for name in ("observation", "state", "logits"):
        mine, theirs = getattr(ours, name), getattr(reference, name)
        if mine is not None and theirs is not None and mine.shape == theirs.shape and mine.dtype == theirs.dtype:
            differs = differing_bits(_values(ours, name), _values(reference, name), any_nan=name == "logits")
            columns[f"{name}_differing"] = differs.sum(axis=1)
    columns["largest_difference"] = errors
    columns["equal"] = ~differing
    return columns

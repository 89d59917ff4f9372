"""Open loop: the same seeds and actions on both sides, which run freely; every bit of what they return is compared.

    reference, driver ──► Trace ──► actions ──► native environment ──► Trace ──► Section

Depends on traces, comparers and drivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.native import make
from evalengine.environments.registry import describe
from evalengine.errors import ReferenceFailedError
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import player
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import (
    PIECE,
    PIECE_BYTES,
    VISITED_BYTES,
    VISITED_ROWS,
    Trace,
    make_reference,
    record,
    replay,
    rows_within,
    spread_rows,
)
from evalengine.references import Player, Reference, Variant
from evalengine.references.versions import standing

CLAIM = Claim.EXACT
"""Of every environment; there is no other kind."""


def open_loop(
    reference: Reference, variant: Variant, players: Mapping[str, Player], *, name: str, seed: int, steps: int
) -> tuple[Section, NDArray[Any]]:
    """Run the reference with players that take turns, replay it natively, and compare.

    Args:
        reference: the environment.
        variant: how it is set up.
        players: name -> driver.
        name: the section's.
        seed: of the first episode.
        steps: how many.

    Returns:
        The section, and some of the reference's observations, evenly spread. Where the reference raises an exception,
        the section has what came before, and is unproven.
    """
    parts: list[Section] = []
    visited: list[NDArray[Any]] = []
    entry = describe(reference.env_id, variant.kwargs)
    piece = min(PIECE, rows_within(PIECE_BYTES, entry))
    kept = min(VISITED_ROWS, rows_within(VISITED_BYTES, entry))
    first_episode = 0
    for start in range(0, steps, piece):
        share = min(piece, steps - start)
        try:
            theirs, events = record(reference, variant, players, seed=seed, steps=share, first_episode=first_episode)
        except ReferenceFailedError as error:
            parts.append(Section(name=name, claim=CLAIM, steps=0, unproven=str(error)))
            break
        parts.append(_compared(reference, variant, players, theirs, name, events))
        visited.append(theirs.observation[spread_rows(len(theirs.step), kept)])
        first_episode = int(theirs.episode[-1]) + 1
    nothing = np.empty((0, *entry.observation_shape), entry.observation_dtype)
    return Section.merged(parts), np.concatenate([nothing, *visited])


def _compared(
    reference: Reference,
    variant: Variant,
    players: Iterable[str],
    theirs: Trace,
    name: str,
    events: Mapping[str, int],
) -> Section:
    ours = native_replay(reference, variant, theirs)
    standings = standing(*reference.packages)
    case = ", ".join(part for part in (f"driver {' or '.join(players)}", str(variant)) if part)
    comparison = compare_traces(ours, theirs, case=case, versions=standings.versions, regions=reference.regions)
    return Section(
        name=name,
        claim=CLAIM,
        steps=comparison.steps,
        episodes=comparison.episodes,
        mismatches=comparison.mismatches,
        first_divergence=comparison.first_divergence,
        worst_error=comparison.worst_error,
        events=events,
        columns=comparison.columns,
        picture=comparison.picture,
        unproven=standings.unproven or reference.documented(comparison.fields),
    )


def variants_section(reference: Reference, drivers: Sequence[str], *, name: str, seed: int, steps: int) -> Section:
    """Compare all variants of an environment, which share the steps.

    Args:
        reference: an environment with variants.
        drivers: names, which take turns; never "policy", since variants have other shapes.
        name: the section's.
        seed: of the first episode of each variant.
        steps: in all; if there are fewer than variants, the last ones are left out.
    """
    variants = reference.variants
    parts = []
    for index, variant in enumerate(variants):
        share = steps // len(variants) + (index < steps % len(variants))
        if share:
            players = variant_players(reference, variant, drivers)
            parts.append(open_loop(reference, variant, players, name=name, seed=seed, steps=share)[0])
    return Section.merged(parts)


def variant_players(reference: Reference, variant: Variant, drivers: Sequence[str]) -> dict[str, Player]:
    """Return the drivers of these names, but "policy", for a variant."""
    entry = describe(reference.env_id, variant.kwargs)
    return {driver: player(driver, entry, reference.drivers) for driver in drivers}


def native_replay(reference: Reference, variant: Variant, trace: Trace) -> Trace:
    """Run our environment with the seeds and actions of a trace of the reference."""
    env = make(reference.env_id, observation=None, max_episode_steps=variant.max_episode_steps, **variant.kwargs)
    return replay(env, trace, variant.options, state_names(reference, variant))


def state_names(reference: Reference, variant: Variant) -> tuple[str, ...]:
    """Return the parts of the state that the adapter reads off its environment after a reset."""
    if reference.state is None:
        return ()
    env = make_reference(reference, variant)
    env.reset(seed=0)
    return tuple(reference.state(env.unwrapped))

"""Observation options against Gymnasium's wrappers: the same episodes on both sides, every bit of what is seen.

    ObservationOptions ──► make(..., observation=options), wrapped(reference, options) ──► the same actions ──► Section

Each episode has a fresh wrapped reference: MaxAndSkipObservation keeps its frames from one episode to the next. Depends
on the references' wrappers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from evalengine.environments.native import Environment, make
from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import MissingDependencyError, ReferenceFailedError
from evalengine.parity.report import Claim, Section
from evalengine.parity.watched import Watched
from evalengine.references import Reference
from evalengine.references.divergence import Divergence, first_difference
from evalengine.references.versions import standing
from evalengine.references.wrappers import wrapped

IMAGES = (
    "skip=4,gray,resize=84x84,stack=4",
    "skip=2,crop=1/13/5/6,subsample=4x3,channel=1,stack=3,padding=zero",
    "skip=3,crop=0/12/6/6,resize=42x42,stack=2,scale",
    "crop=0/12/0/0,gray,resize=100x40,scale",
)
"""Of environments with coloured images."""

VECTORS = ("skip=4", "skip=3,stack=4,clip=-0.5/0.75", "stack=3,padding=zero,keep=0/1", "clip=-0.05/0.25")
"""Of environments with vectors, of two values at least."""


def options_for(entry: EnvironmentEntry) -> tuple[str, ...]:
    """Return the specs that are compared in an environment; none where there are no options."""
    if entry.observation_dtype == "uint8":
        return IMAGES
    return VECTORS if len(entry.observation_shape) == 1 else ()


def observed_section(reference: Reference, entry: EnvironmentEntry, spelling: str, *, seed: int, steps: int) -> Section:
    """Compare episodes of random actions, until there are as many steps of the environment.

    Args:
        reference: the environment.
        entry: the same, without options.
        spelling: of the options.
        seed: of the first episode, and of the actions.
        steps: of the environment, the last episode being cut off.
    """
    options = ObservationOptions.of(spelling)
    skip = 1 if options is None or options.skip is None else options.skip
    standings = standing(*reference.packages)
    rng = np.random.default_rng(seed)
    ours = make(entry.id, observation=options)
    done = episodes = mismatches = 0
    first: Divergence | None = None
    unproven = standings.unproven
    while done < steps:
        try:
            for difference, has_ended in _episode(reference, entry, ours, options, (seed + episodes) % 2**64, rng):
                mismatches += difference is not None
                first = first or difference
                done, episodes = done + skip, episodes + has_ended
                if done >= steps:
                    break
        except (MissingDependencyError, ReferenceFailedError) as error:
            unproven = unproven or str(error)
            break
    return Section(
        name=f"{entry.short_name} observed, {spelling}",
        claim=Claim.EXACT,
        steps=done,
        episodes=episodes,
        mismatches=mismatches,
        first_divergence=first,
        unproven=unproven or reference.documented([first.field] if first else []),
    )


def _episode(
    reference: Reference,
    entry: EnvironmentEntry,
    ours: Environment,
    options: ObservationOptions | None,
    seed: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Divergence | None, bool]]:
    """Play an episode on both sides; yield what first differs up to each step, and whether the episode has ended."""
    with warnings.catch_warnings():
        # Of versions that Gymnasium advises against, which are chosen on purpose.
        warnings.simplefilter("ignore")
        env = wrapped(reference.make(disable_env_checker=True), options)
    theirs = Watched(env, f"{reference.package} {reference.version()}: {reference.env_id}")
    try:
        shown, seen = theirs.reset(seed=seed)[0], ours.reset(seed=seed)[0]
        difference = first_difference((seen,), (shown,), seed=seed, step=0, action=None)
        has_ended, step = False, 0
        while not has_ended:
            action = _random_action(entry, rng)
            shown, reward, terminated, truncated, _ = theirs.step(action)
            step, has_ended = step + 1, bool(terminated or truncated)
            returned = (shown, float(reward), bool(terminated), bool(truncated))
            ends = first_difference(ours.step(action)[:4], returned, seed=seed, step=step, action=action)
            yield difference or ends, has_ended
            difference = None
    finally:
        env.close()


def _random_action(entry: EnvironmentEntry, rng: np.random.Generator) -> Any:
    if entry.n_actions is not None:
        return int(rng.integers(entry.n_actions))
    low, high = np.array(entry.action_low, np.float32), np.array(entry.action_high, np.float32)
    return rng.uniform(low, high).astype(np.float32)

"""Open loop: the same seeds and actions on both sides, which run freely; every bit of what they return is compared.

    reference, driver ──► Trace ──► actions ──► native environment ──► Trace ──► Section

Depends on traces, comparers and drivers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalengine.environment import make
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import player
from evalengine.parity.references import Player, Reference, Variant
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import Trace, make_reference, record, replay
from evalengine.parity.versions import standing
from evalengine.policy import Policy
from evalengine.registry import describe


@dataclass(frozen=True, eq=False)
class OpenLoop:
    """What to run.

    Attributes:
        reference: the environment.
        policy: of the policy driver, with its individuals.
        individuals: weight vectors (D,).
        seed: of the first episode.
        steps: how many steps.
    """

    reference: Reference
    policy: Policy
    individuals: Sequence[NDArray[np.float32]]
    seed: int
    steps: int

    def section(self, name: str, drivers: Sequence[str], variant: Variant) -> tuple[Section, NDArray[np.generic]]:
        """Compare one variant with drivers that take turns; return the observations of the reference too.

        Args:
            name: the section's.
            drivers: names; the policy driver fits only variants that leave the shapes as they are.
            variant: how the environment is set up.
        """
        entry = describe(self.reference.env_id, variant.kwargs)
        own = self.reference.drivers
        players = {driver: player(driver, entry, own, self.policy, self.individuals) for driver in drivers}
        return compare_with_players(self.reference, variant, players, name=name, seed=self.seed, steps=self.steps)


def compare_with_players(
    reference: Reference, variant: Variant, players: Mapping[str, Player], *, name: str, seed: int, steps: int
) -> tuple[Section, NDArray[np.generic]]:
    """Run the reference with players that take turns, replay it natively, and compare; see `OpenLoop.section`."""
    theirs, events = record(reference, variant, players, seed=seed, steps=steps)
    ours = native_replay(reference, variant, theirs)
    standings = standing(*reference.packages)
    case = ", ".join(part for part in (f"driver {' and '.join(players)}", str(variant)) if part)
    comparison = compare_traces(ours, theirs, case=case, versions=standings.versions)
    section = Section(
        name=name,
        claim=Claim.EXACT,
        steps=comparison.steps,
        episodes=comparison.episodes,
        mismatches=comparison.mismatches,
        first_divergence=comparison.first_divergence,
        worst_error=comparison.worst_error,
        events=events,
        columns=comparison.columns,
        unproven=standings.unproven,
    )
    return section, theirs.observation


def native_replay(reference: Reference, variant: Variant, trace: Trace) -> Trace:
    """Run our environment with the seeds and actions of a trace of the reference."""
    env = make(reference.env_id, max_episode_steps=variant.max_episode_steps, **variant.kwargs)
    return replay(env, trace, variant.options, state_names(reference, variant))


def state_names(reference: Reference, variant: Variant) -> tuple[str, ...]:
    """Return the parts of the state that the adapter reads off its environment after a reset."""
    if reference.state is None:
        return ()
    env = make_reference(reference, variant)
    env.reset(seed=0)
    return tuple(reference.state(env.unwrapped))

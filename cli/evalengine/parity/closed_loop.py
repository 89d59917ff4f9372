"""Closed loop: each side acts on its own logits, from the same seeds and weights, and nothing is handed over.

    ours:   native environment ◄─► Policy.logits          theirs:   Gymnasium ◄─► PyTorch in a process of its own
                          └──────────► Trace ──► Section ◄── Trace ◄──────────┘

Where the policy's claim is EXACT, every bit is compared, logits included. Where it is BOUNDED, two sides may choose
different actions, and both be right: discrete ones where logits nearly tie, those of a Box anywhere, by an ulp or two
(`partings`). Everything before is compared bit by bit, and the first difference is judged by its bound. With discrete
actions each is reported, and the episode ends there on both sides; with a Box both run on freely, and the first and
the largest are reported. Depends on traces, comparers and the native side; PyTorch is what the caller hands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import SEED_LIMIT
from evalengine.environments.native import make
from evalengine.environments.registry import resolve
from evalengine.errors import ReferenceFailedError
from evalengine.parity.compare import compare_traces
from evalengine.parity.partings import Parting, differing_actions, excused_rows, find_partings, notes_of
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import (
    PIECE,
    PIECE_BYTES,
    VISITED_BYTES,
    VISITED_ROWS,
    Trace,
    TraceRows,
    make_reference,
    no_state,
    rows_within,
    spread_rows,
)
from evalengine.policies.heads import Head, plain_action
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import Reference, Variant
from evalengine.references.versions import standing


class LogitsSource(Protocol):
    """Whoever computes the reference's logits: `TorchPolicy`."""

    def logits(
        self, policy: Policy, weights: NDArray[np.float32], observations: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return (B, n_outputs) for weights (D,) and observations (B, ...) as `Policy.logits` takes them."""

    def tanh(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the tanh (B, n) of values (B, n)."""


def claim_of(policy: Policy, head: Head | None = None) -> tuple[Claim, str]:
    """Return what is claimed of a policy's logits, or of its actions by a head, and why it is not EXACT, else ""."""
    reason = policy.network.exactness
    if reason is None and head is not None and head.kind == "tanh":
        reason = "actions are scaled by tanh"
    return (Claim.EXACT, "") if reason is None else (Claim.BOUNDED, reason)


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """What to run.

    Attributes:
        reference: the environment.
        policy: the architecture.
        claim: what is claimed of its logits and actions.
        seed: of the first episode of each individual.
    """

    reference: Reference
    policy: Policy
    claim: Claim
    seed: int

    @cached_property
    def head(self) -> Head:
        """How logits become actions."""
        return Head.of(self.policy, resolve(self.reference.env_id))

    def section(
        self, name: str, individuals: Sequence[NDArray[np.float32]], steps: int, theirs: LogitsSource
    ) -> tuple[Section, NDArray[np.float32]]:
        """Compare both sides; return some of the reference's observations too, evenly spread.

        Args:
            name: the section's.
            individuals: weight vectors (D,), which share the steps.
            steps: in all.
            theirs: the reference's side of the logits.
        """
        parts, visited = [], []
        entry = resolve(self.reference.env_id)
        piece = min(PIECE, rows_within(PIECE_BYTES, entry))
        kept = min(VISITED_ROWS, rows_within(VISITED_BYTES, entry))
        for index, weights in enumerate(individuals):
            share = steps // len(individuals) + (index < steps % len(individuals))
            first_episode = 0
            for start in range(0, share, piece):
                try:
                    ours, reference = self._traces(weights, min(piece, share - start), first_episode, theirs)
                except ReferenceFailedError as error:
                    parts.append(Section(name=name, claim=self.claim, steps=0, unproven=str(error)))
                    break
                parts.append(self._compared(name, index, weights, ours, reference))
                visited.append(reference.observation[spread_rows(len(reference.step), kept)])
                first_episode = int(reference.episode[-1]) + 1
        nothing = np.empty((0, *entry.observation_shape), entry.observation_dtype)
        return Section.merged(parts), np.concatenate([nothing, *visited])

    def _compared(self, name: str, index: int, weights: NDArray[np.float32], ours: Trace, reference: Trace) -> Section:
        standings = standing("torch", *self.reference.packages)
        is_exact = self.claim is Claim.EXACT
        partings = [] if is_exact else find_partings(self.head, self.policy, weights, ours, reference)
        comparison = compare_traces(
            ours,
            reference,
            case=f"individual {index} of {self.policy}",
            versions=standings.versions,
            excused=excused_rows(self.head, partings, reference),
            logits_are_claimed=is_exact,
            regions=self.reference.regions,
        )
        first = comparison.first_divergence
        return Section(
            name=name,
            claim=self.claim,
            steps=comparison.steps,
            episodes=comparison.episodes,
            mismatches=comparison.mismatches,
            first_divergence=first,
            worst_error=comparison.worst_error,
            notes=tuple(f"individual {index}: {line}" for line in notes_of(self.head, partings)),
            events=_events(ours, reference),
            columns=_with_margins(comparison.columns, partings),
            picture=comparison.picture,
            # Once an observation differs, both sides choose for themselves: the first difference tells.
            unproven=standings.unproven or self.reference.documented(first.field.split()[:1] if first else []),
        )

    def _traces(
        self, weights: NDArray[np.float32], steps: int, first_episode: int, theirs: LogitsSource
    ) -> tuple[Trace, Trace]:
        """Run both sides step by step; an episode ends where either side's does, or where discrete actions differ."""
        native, gym = make(self.reference.env_id), make_reference(self.reference, Variant())
        read_state = self.reference.state or no_state
        our_rows, their_rows = TraceRows(), TraceRows()
        for episode in count(first_episode):
            if steps == 0:
                break
            seed = (self.seed + episode) % SEED_LIMIT
            our_observation, _ = native.reset(seed=seed)
            their_observation, _ = gym.reset(seed=seed)
            their_state = read_state(gym.unwrapped)
            our_rows.add_reset(seed, episode, our_observation, _ours(native, their_state))
            their_rows.add_reset(seed, episode, their_observation, their_state)
            ended = False
            while steps > 0 and not ended:
                our_logits = self.policy.logits(weights, self._inputs(our_observation))[0]
                their_logits = theirs.logits(self.policy, weights, self._inputs(their_observation))[0]
                our_action = plain_action(self.head.actions(our_logits[np.newaxis])[0])
                their_action = plain_action(self.head.actions_with(theirs.tanh, their_logits[np.newaxis])[0])
                our_step, their_step = native.step(our_action), gym.step(their_action)
                their_state = read_state(gym.unwrapped)
                our_rows.add_step(our_action, our_step, _ours(native, their_state), our_logits)
                their_rows.add_step(their_action, their_step, their_state, their_logits)
                our_observation, their_observation = our_step[0], their_step[0]
                ended = any((*our_step[2:4], *their_step[2:4]))
                ended |= self.head.is_discrete and our_action != their_action
                steps -= 1
        return our_rows.trace(), their_rows.trace()

    def _inputs(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        return policy_inputs(self.policy, observation[np.newaxis])


def _ours(native: Any, their_state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same parts of our state as the adapter gives of the reference's."""
    if not their_state:
        return {}
    state = native.state()
    return {name: state[name] for name in their_state}


def _events(ours: Trace, reference: Trace) -> dict[str, int]:
    counts = {
        "terminated": int(reference.terminated.sum()),
        "time limit": int(reference.truncated.sum()),
        "actions parted": len(differing_actions(ours, reference)),
    }
    return {name: count for name, count in counts.items() if count}


def _with_margins(
    columns: Mapping[str, NDArray[np.generic]], partings: Sequence[Parting]
) -> dict[str, NDArray[np.generic]]:
    """Add the margins of the steps at which actions differ; NaN elsewhere."""
    margins, bounds = (np.full(len(columns["step"]), np.nan) for _ in range(2))
    for parting in partings:
        margins[parting.row], bounds[parting.row] = parting.margin, parting.bound
    return {**columns, "logit_margin": margins, "margin_bound": bounds}

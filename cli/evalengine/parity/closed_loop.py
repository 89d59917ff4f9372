"""Closed loop: each side acts on its own logits, from the same seeds and weights, and nothing is handed over.

    ours:   native environment ◄─► Policy.logits          theirs:   Gymnasium ◄─► PyTorch in a process of its own
                          └──────────► Trace ──► Section ◄── Trace ◄──────────┘

Where the policy's claim is EXACT, every bit is compared, logits included. Where it is BOUNDED, two sides may choose
different actions where logits nearly tie, and both be right: with z the logits in exact arithmetic and a, b the two
actions, |z[a] - z[b]| <= bound[a] + bound[b] (`logits_and_bounds`). Every such step is reported with its margin, the
episode ends there on both sides, and everything before it is compared bit by bit. Depends on traces, comparers and the
native side; PyTorch is what the caller hands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import SEED_LIMIT
from evalengine.bench.backends import policy_inputs
from evalengine.environment import make
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import discrete_action
from evalengine.parity.references import Reference, Variant
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import PIECE, VISITED_ROWS, Trace, TraceRows, make_reference, no_state, spread_rows
from evalengine.parity.versions import standing
from evalengine.policy import Policy
from evalengine.rounding import logits_and_bounds


class LogitsSource(Protocol):
    """Whoever computes the reference's logits: `TorchPolicy`."""

    def logits(
        self, policy: Policy, weights: NDArray[np.float32], observations: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return (B, n_outputs) for weights (D,) and observations (B, ...) as `Policy.logits` takes them."""


def claim_of(policy: Policy) -> tuple[Claim, str]:
    """Return what is claimed of a policy's logits, and why it is not EXACT; "" if it is."""
    reason = policy.network.exactness
    return (Claim.EXACT, "") if reason is None else (Claim.BOUNDED, reason)


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """What to run.

    Attributes:
        reference: the environment, with discrete actions.
        policy: the architecture.
        claim: what is claimed of its logits.
        seed: of the first episode of each individual.
    """

    reference: Reference
    policy: Policy
    claim: Claim
    seed: int

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
        for index, weights in enumerate(individuals):
            share = steps // len(individuals) + (index < steps % len(individuals))
            first_episode = 0
            for start in range(0, share, PIECE):
                ours, reference = self._traces(weights, min(PIECE, share - start), first_episode, theirs)
                parts.append(self._compared(name, index, weights, ours, reference))
                visited.append(reference.observation[spread_rows(len(reference.step), VISITED_ROWS)])
                first_episode = int(reference.episode[-1]) + 1
        return Section.merged(parts), np.concatenate(visited)

    def _compared(self, name: str, index: int, weights: NDArray[np.float32], ours: Trace, reference: Trace) -> Section:
        standings = standing("torch", *self.reference.packages)
        partings = [] if self.claim is Claim.EXACT else self._partings(weights, ours, reference)
        excused = np.zeros(len(ours.step), np.bool_)
        excused[[parting.row for parting in partings if parting.is_tie]] = True
        comparison = compare_traces(
            ours,
            reference,
            case=f"individual {index} of {self.policy}",
            versions=standings.versions,
            excused=excused,
            logits_are_claimed=self.claim is Claim.EXACT,
        )
        return Section(
            name=name,
            claim=self.claim,
            steps=comparison.steps,
            episodes=comparison.episodes,
            mismatches=comparison.mismatches,
            first_divergence=comparison.first_divergence,
            worst_error=comparison.worst_error,
            notes=tuple(f"individual {index}: {parting}" for parting in partings),
            events=_events(ours, reference),
            columns=_with_margins(comparison.columns, partings),
            unproven=standings.unproven,
        )

    def _traces(
        self, weights: NDArray[np.float32], steps: int, first_episode: int, theirs: LogitsSource
    ) -> tuple[Trace, Trace]:
        """Run both sides step by step; an episode ends where either side's does, or where their actions differ."""
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
                our_action, their_action = discrete_action(our_logits), discrete_action(their_logits)
                our_step, their_step = native.step(our_action), gym.step(their_action)
                their_state = read_state(gym.unwrapped)
                our_rows.add_step(our_action, our_step, _ours(native, their_state), our_logits)
                their_rows.add_step(their_action, their_step, their_state, their_logits)
                our_observation, their_observation = our_step[0], their_step[0]
                ended = our_action != their_action or any((*our_step[2:4], *their_step[2:4]))
                steps -= 1
        return our_rows.trace(), their_rows.trace()

    def _inputs(self, observation: NDArray[Any]) -> NDArray[np.float32]:
        return policy_inputs(self.policy, observation[np.newaxis])

    def _partings(self, weights: NDArray[np.float32], ours: Trace, reference: Trace) -> list[Parting]:
        """The steps at which the actions differ, each judged on the observation that both acted on."""
        partings = []
        for row in np.flatnonzero(ours.action != reference.action).tolist():
            exact, bounds = logits_and_bounds(self.policy, weights, self._inputs(reference.observation[row - 1])[0])
            actions = int(ours.action[row]), int(reference.action[row])
            partings.append(
                Parting(
                    row=row,
                    place=f"seed {reference.seed[row]}, episode {reference.episode[row]}, step {reference.step[row]}",
                    actions=actions,
                    margin=float(abs(exact[actions[0]] - exact[actions[1]])),
                    bound=float(bounds[actions[0]] + bounds[actions[1]]),
                    saw_the_same=ours.observation[row - 1].tobytes() == reference.observation[row - 1].tobytes(),
                )
            )
        return partings


@dataclass(frozen=True)
class Parting:
    """A step at which the two sides chose different actions.

    Attributes:
        row: of the trace.
        place: where, for people.
        actions: (ours, the reference's).
        margin: the difference of their logits in exact arithmetic.
        bound: the sum of the bounds on their errors.
        saw_the_same: whether both acted on the same observation, bit by bit.
    """

    row: int
    place: str
    actions: tuple[int, int]
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
        return (
            f"{self.place}: action {self.actions[0]} or {self.actions[1]}, logit margin {self.margin:.3g} "
            f"{relation} the bound {self.bound:.3g}"
        )


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
        "actions parted": int((ours.action != reference.action).sum()),
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

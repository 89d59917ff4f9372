"""Closed loop: each side acts on its own logits, from the same seeds and weights, and nothing is handed over.

    ours:   native environments ◄─► Policy.logits          theirs:   Gymnasium ◄─► PyTorch in a process of its own
                          └──────────► Trace ──► Section ◄── Trace ◄──────────┘

Every bit is compared: logits, actions, observations, rewards and ends. Episodes of one individual run side by side, so
that PyTorch is asked once for a step of all of them; rows of a batch have no influence on each other. Each side keeps
what recurrent cells remember for itself. A policy with a
layer whose order of summation in PyTorch is not known (`Network.exactness`) has no closed loop: nothing is claimed of
its logits. Depends on traces, comparers and the native side; PyTorch is what the caller hands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import SEED_LIMIT
from evalengine.environments.native import make
from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.errors import ReferenceFailedError
from evalengine.parity.compare import compare_traces
from evalengine.parity.report import Claim, Section
from evalengine.parity.trace import (
    PIECE,
    PIECE_BYTES,
    VISITED_BYTES,
    VISITED_ROWS,
    Trace,
    TraceRows,
    joined,
    make_reference,
    rows_within,
    spread_rows,
)
from evalengine.policies.heads import ENGINE, ActionStream, Functions, Head, chosen_actions
from evalengine.policies.inputs import policy_inputs
from evalengine.policies.policy import Policy
from evalengine.references import Reference, Variant
from evalengine.references.versions import standing

SIDE_BY_SIDE = 32
"""The most episodes that run side by side."""

_SHORT_EPISODE = 100
"""Steps that every one of these has at least, where there is no time limit."""


class LogitsSource(Functions, Protocol):
    """Whoever computes the reference's logits, and what heads make of them: `TorchPolicy`."""

    def logits(
        self, policy: Policy, weights: NDArray[np.float32], observations: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return (B, n_outputs) for weights (D,) and observations (B, ...) as `Policy.logits` takes them."""

    def step(
        self,
        policy: Policy,
        weights: NDArray[np.float32],
        observations: NDArray[np.float32],
        states: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the same after the steps that recurrent cells remember as (B, n_state), and what they do then."""


@dataclass(frozen=True, eq=False)
class ClosedLoop:
    """What to run.

    Attributes:
        reference: the environment.
        policy: the architecture; every bit of its logits is claimed.
        seed: of the first episode of each individual.
        variant: how the environment is set up.
    """

    reference: Reference
    policy: Policy
    seed: int
    variant: Variant = field(default_factory=Variant)

    @cached_property
    def entry(self) -> EnvironmentEntry:
        """The environment as the variant sets it up."""
        return describe(self.reference.env_id, self.variant.kwargs)

    @property
    def name(self) -> str:
        """Of the section: "lunarlander closed loop", and what is not as it is by default."""
        parts = [f"{self.entry.short_name} closed loop", str(self.variant)]
        if str(self.policy) != self.entry.default_policy:
            parts.append(str(self.policy))
        return ", ".join(part for part in parts if part)

    @cached_property
    def head(self) -> Head:
        """How logits become actions."""
        return Head.of(self.policy, self.entry)

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
        piece = min(PIECE, rows_within(PIECE_BYTES, self.entry))
        kept = min(VISITED_ROWS, rows_within(VISITED_BYTES, self.entry))
        for index, weights in enumerate(individuals):
            share = steps // len(individuals) + (index < steps % len(individuals))
            first_episode = 0
            for start in range(0, share, piece):
                try:
                    ours, reference = self._traces(weights, min(piece, share - start), first_episode, theirs)
                except ReferenceFailedError as error:
                    parts.append(Section(name=name, claim=Claim.EXACT, steps=0, unproven=str(error)))
                    break
                parts.append(self._compared(name, index, ours, reference))
                visited.append(reference.observation[spread_rows(len(reference.step), kept)])
                first_episode = int(reference.episode[-1]) + 1
        nothing = np.empty((0, *self.entry.observation_shape), self.entry.observation_dtype)
        return Section.merged(parts), np.concatenate([nothing, *visited])

    def _compared(self, name: str, index: int, ours: Trace, reference: Trace) -> Section:
        standings = standing("torch", *self.reference.packages)
        comparison = compare_traces(
            ours,
            reference,
            case=", ".join(part for part in (f"individual {index} of {self.policy}", str(self.variant)) if part),
            versions=standings.versions,
            regions=self.reference.regions,
        )
        first = comparison.first_divergence
        ends = {"terminated": int(reference.terminated.sum()), "time limit": int(reference.truncated.sum())}
        return Section(
            name=name,
            claim=Claim.EXACT,
            steps=comparison.steps,
            episodes=comparison.episodes,
            mismatches=comparison.mismatches,
            first_divergence=first,
            worst_error=comparison.worst_error,
            events={end: number for end, number in ends.items() if number},
            columns=comparison.columns,
            picture=comparison.picture,
            # Once an observation differs, both sides choose for themselves: the first difference tells.
            unproven=standings.unproven or self.reference.documented(first.field.split()[:1] if first else []),
        )

    def _traces(
        self, weights: NDArray[np.float32], steps: int, first_episode: int, theirs: LogitsSource
    ) -> tuple[Trace, Trace]:
        """Run both sides step by step; an episode ends where either side's does."""
        episodes = count(first_episode)
        # As many as leave each time for a whole episode.
        log_std, _ = self.policy.split(weights)
        lanes = [_Lane(self, log_std, theirs) for _ in range(min(SIDE_BY_SIDE, max(1, steps // self._longest)))]
        while steps > 0:
            playing = lanes[:steps]
            for lane in playing:
                if lane.has_ended:
                    lane.reset(next(episodes))
            our_logits = self._our_logits(weights, playing)
            their_logits = self._their_logits(theirs, weights, playing)
            our_actions = chosen_actions([lane.our_actions for lane in playing], our_logits)
            their_actions = chosen_actions([lane.their_actions for lane in playing], their_logits)
            for lane, *chosen in zip(playing, our_actions, our_logits, their_actions, their_logits, strict=True):
                lane.step(*chosen)
            steps -= len(playing)
        return joined([lane.ours.trace() for lane in lanes]), joined([lane.theirs.trace() for lane in lanes])

    def _our_logits(self, weights: NDArray[np.float32], playing: Sequence[_Lane]) -> NDArray[np.float32]:
        inputs = self._inputs([lane.ours for lane in playing])
        logits, after = self.policy.step(weights, inputs, np.stack([lane.our_state for lane in playing]))
        for lane, state in zip(playing, after, strict=True):
            lane.our_state = state
        return logits

    def _their_logits(
        self, theirs: LogitsSource, weights: NDArray[np.float32], playing: Sequence[_Lane]
    ) -> NDArray[np.float32]:
        inputs = self._inputs([lane.theirs for lane in playing])
        if self.policy.n_state == 0:
            return theirs.logits(self.policy, weights, inputs)
        states = np.stack([lane.their_state for lane in playing])
        logits, after = theirs.step(self.policy, weights, inputs, states)
        for lane, state in zip(playing, after, strict=True):
            lane.their_state = state
        return logits

    @property
    def _longest(self) -> int:
        return self.variant.max_episode_steps or self.entry.max_episode_steps or _SHORT_EPISODE

    def _inputs(self, rows: Sequence[TraceRows]) -> NDArray[np.float32]:
        return policy_inputs(self.policy, np.stack([side.observation[-1] for side in rows]))


class _Lane:
    """The environment on both sides, what each side's policy remembers, and the rows of its episodes in turn."""

    our_actions: ActionStream
    their_actions: ActionStream

    def __init__(self, loop: ClosedLoop, log_std: NDArray[np.float32], theirs: Functions) -> None:
        variant = loop.variant
        self._head, self._log_std, self._functions = loop.head, log_std, (ENGINE, theirs)
        self._seed, self._options = loop.seed, variant.options
        limit = variant.max_episode_steps
        self._native = make(loop.reference.env_id, observation=None, max_episode_steps=limit, **variant.kwargs)
        self._gym = make_reference(loop.reference, variant)
        self.ours, self.theirs = TraceRows(), TraceRows()
        self._no_state = np.zeros(loop.policy.n_state, np.float32)
        self.our_state = self.their_state = self._no_state
        self.has_ended = True

    def reset(self, episode: int) -> None:
        """Begin an episode; its seed is the first one counted on."""
        seed = (self._seed + episode) % SEED_LIMIT
        options = None if self._options is None else dict(self._options)
        self.ours.add_reset(seed, episode, self._native.reset(seed=seed, options=options)[0], {})
        self.theirs.add_reset(seed, episode, self._gym.reset(seed=seed, options=options)[0], {})
        self.our_actions, self.their_actions = (
            ActionStream(self._head, seed, log_std=self._log_std, functions=functions) for functions in self._functions
        )
        self.our_state = self.their_state = self._no_state
        self.has_ended = False

    def step(
        self,
        mine: Any,
        our_logits: NDArray[np.float32],
        reference: Any,
        their_logits: NDArray[np.float32],
    ) -> None:
        """Take a step on both sides, each with its own action."""
        our_step, their_step = self._native.step(mine), self._gym.step(reference)
        self.ours.add_step(mine, our_step, {}, our_logits)
        self.theirs.add_step(reference, their_step, {}, their_logits)
        self.has_ended = any((*our_step[2:4], *their_step[2:4]))

"""The closed loop: both sides agree when each acts on its own logits, and wrong logits or actions are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy
from evalengine.environments.registry import entries, resolve
from evalengine.parity import closed_loop
from evalengine.parity.closed_loop import ClosedLoop, claim_of
from evalengine.parity.compare import compare_traces
from evalengine.parity.drivers import policy_player
from evalengine.parity.partings import excused_rows, find_partings
from evalengine.parity.report import Claim, Section, Verdict
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import record
from evalengine.policies.heads import Head
from evalengine.references import Variant, reference
from evalengine.workloads.individuals import individuals

Array = NDArray[np.float32]
LINEAR = Policy("mlp:4-2")
"""No hidden layer: 4 products and a bias for each logit, EXACT."""

TANH = Policy("mlp:4-64-2")


class StandIn:
    """A reference's side that is computed by a function of (weights, observations)."""

    def __init__(self, function: Callable[[Array, Array], Array], tanh: Callable[[Array], Array] = np.tanh) -> None:
        self.function = function
        self._tanh = tanh

    def logits(self, policy: Policy, weights: Array, observations: Array) -> Array:
        return self.function(weights, observations)

    def tanh(self, values: Array) -> Array:
        return self._tanh(values)


def cartpole(policy: Policy, theirs: TorchPolicy | StandIn, weights: Array | None = None, steps: int = 200) -> Section:
    vectors = list(policy.init(2, 1)) if weights is None else [weights]
    loop = ClosedLoop(reference("cartpole"), policy, claim_of(policy)[0], seed=9)
    section, observations = loop.section("closed loop", vectors, steps, theirs)
    assert len(observations) >= min(steps, 1000)
    return section


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("name", [entry.short_name for entry in entries()])
def test_every_environment_with_its_default_policy_equals_gymnasium_with_torch(
    name: str, torch_policy: TorchPolicy
) -> None:
    entry = resolve(name)
    policy = Policy(entry.default_policy)
    claim, reason = claim_of(policy, Head.of(policy, entry))
    assert (claim is Claim.EXACT) == (reason == "")
    loop = ClosedLoop(reference(name), policy, claim, seed=0)
    section, _ = loop.section("closed loop", individuals(entry, policy, 4, 0), 200, torch_policy)
    assert (section.verdict, section.steps, section.claim) == (Verdict.HOLDS, 200, claim)
    assert section.columns is not None and len(section.columns["equal"]) > 200
    if claim is Claim.EXACT:
        assert section.worst_error == 0.0


def test_a_linear_policy_is_exact(torch_policy: TorchPolicy) -> None:
    section = cartpole(LINEAR, torch_policy)
    assert (section.claim, section.verdict, section.worst_error) == (Claim.EXACT, Verdict.HOLDS, 0.0)


def test_fewer_steps_than_individuals_are_fine(torch_policy: TorchPolicy) -> None:
    assert cartpole(LINEAR, torch_policy, steps=1).steps == 1


def test_a_long_run_is_made_of_pieces_that_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def ours(weights: Array, observations: Array) -> Array:
        return LINEAR.logits(weights, observations)

    monkeypatch.setattr(closed_loop, "PIECE", 40)
    section = cartpole(LINEAR, StandIn(ours), LINEAR.init(1, 0)[0], steps=100)
    assert (section.verdict, section.steps) == (Verdict.HOLDS, 100)
    columns = section.columns
    assert columns is not None
    starts = columns["step"] == 0
    episodes = columns["episode"][starts].tolist()
    assert episodes == list(range(len(episodes)))
    assert columns["seed"][starts].tolist() == [9 + episode for episode in episodes]


# --- teeth


def summed(weights: Array, observations: Array, fused: bool) -> Array:
    """The logits of `LINEAR`, product after product; with the third one fused into its sum if asked."""
    matrix, bias = weights[:8].reshape(2, 4), weights[8:]
    total = observations[:, :1] * matrix[:, 0]
    for index in range(1, 4):
        product = observations[:, index : index + 1].astype(np.float64) * matrix[:, index]
        if fused and index == 2:
            total = (total.astype(np.float64) + product).astype(np.float32)
        else:
            total = total + product.astype(np.float32)
    return np.asarray(bias + total, np.float32)


def test_a_fused_product_is_found_and_the_same_sum_without_it_passes() -> None:
    plain = cartpole(LINEAR, StandIn(lambda weights, rows: summed(weights, rows, fused=False)))
    assert (plain.verdict, plain.mismatches) == (Verdict.HOLDS, 0)
    fused = cartpole(LINEAR, StandIn(lambda weights, rows: summed(weights, rows, fused=True)), steps=1000)
    assert fused.verdict is Verdict.BROKEN and fused.mismatches > 5
    assert fused.first_divergence is not None and fused.first_divergence.field == "logits"
    assert fused.worst_error is not None and 0 < fused.worst_error < 1e-6


@pytest.mark.parametrize("policy", [LINEAR, TANH])
def test_a_swapped_weight_is_found(policy: Policy) -> None:
    def swapped(weights: Array, observations: Array) -> Array:
        order = np.arange(len(weights))
        order[[1, 2]] = order[[2, 1]]
        return policy.logits(weights[order], observations)

    section = cartpole(policy, StandIn(swapped), steps=2000)
    assert section.verdict is Verdict.BROKEN
    if policy is TANH:
        assert any("ABOVE the bound" in note for note in section.notes)


def test_one_ulp_in_one_logit_is_found() -> None:
    def raised(weights: Array, observations: Array) -> Array:
        logits = LINEAR.logits(weights, observations)
        logits[0, 1] = np.nextafter(logits[0, 1], np.float32(np.inf))
        return logits

    section = cartpole(LINEAR, StandIn(raised))
    assert section.mismatches >= section.steps


def test_nan_logits_are_equal_whatever_their_bits() -> None:
    weights = LINEAR.init(1, 0)[0]
    weights[0] = np.nan

    def negated(weights: Array, observations: Array) -> Array:
        logits = LINEAR.logits(weights, observations)
        return np.where(np.isnan(logits), -logits, logits)

    assert cartpole(LINEAR, StandIn(negated), weights).verdict is Verdict.HOLDS


# --- where both sides can be right


def tie(weights: Array, observations: Array) -> Array:
    """Logits that are all equal in exact arithmetic, and come out in favour of the second action."""
    return np.tile(np.array([0.0, 1e-30], np.float32), (len(observations), 1))


def test_a_tie_is_reported_with_its_margin_and_ends_the_episode() -> None:
    section = cartpole(TANH, StandIn(tie), np.zeros(TANH.n_params, np.float32), steps=5)
    assert (section.claim, section.verdict, section.mismatches) == (Claim.BOUNDED, Verdict.HOLDS, 0)
    assert section.events["actions parted"] == 5
    assert section.notes[0].startswith("individual 0: seed 9, episode 0, step 1: action 0 or 1, logit margin 0 within")
    assert len(section.notes) == 5
    columns = section.columns
    assert columns is not None
    assert columns["episode"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert np.isnan(columns["logit_margin"][::2]).all() and (columns["logit_margin"][1::2] == 0).all()


def test_a_difference_beyond_the_bound_is_a_mismatch() -> None:
    weights = np.zeros(TANH.n_params, np.float32)
    weights[-2] = 1e-3  # the bias of the first logit
    section = cartpole(TANH, StandIn(tie), weights, steps=5)
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 5)
    assert section.first_divergence is not None and section.first_divergence.field == "action"
    assert "logit margin 0.001 ABOVE the bound" in section.notes[0]


def test_an_exact_claim_excuses_no_tie() -> None:
    section = cartpole(LINEAR, StandIn(tie), np.zeros(LINEAR.n_params, np.float32), steps=5)
    assert section.verdict is Verdict.BROKEN


# --- Box actions


SQUASHED = Policy("mlp:3-64-1")
CLIPPED = Policy("mlp:3-64-1,act=relu,head=clip")


def pendulum(policy: Policy, theirs: TorchPolicy | StandIn, steps: int = 500) -> Section:
    found = reference("pendulum")
    claim, _ = claim_of(policy, Head.of(policy, resolve("pendulum")))
    loop = ClosedLoop(found, policy, claim, seed=9)
    return loop.section("closed loop", list(policy.init(1, 1)), steps, theirs)[0]


def own_logits(policy: Policy) -> Callable[[Array, Array], Array]:
    return policy.logits


@pytest.mark.usefixtures("known_order")
def test_clipped_logits_of_exact_layers_are_exact_actions(torch_policy: TorchPolicy) -> None:
    section = pendulum(CLIPPED, torch_policy)
    assert (section.claim, section.verdict, section.worst_error) == (Claim.EXACT, Verdict.HOLDS, 0.0)
    assert "actions parted" not in section.events


def test_a_tanh_head_is_bounded_whatever_the_layers() -> None:
    entry, relu = resolve("pendulum"), Policy("mlp:3-64-1,act=relu")
    assert claim_of(relu) == (Claim.EXACT, "")
    assert claim_of(relu, Head.of(relu, entry)) == (Claim.BOUNDED, "actions are scaled by tanh")
    assert claim_of(CLIPPED, Head.of(CLIPPED, entry)) == (Claim.EXACT, "")


def shifted_tanh(shift: float) -> Callable[[Array], Array]:
    return lambda values: np.asarray(np.tanh(values.astype(np.float64)) + shift, np.float32)


def test_actions_within_their_bound_part_once_and_run_on() -> None:
    section = pendulum(SQUASHED, StandIn(own_logits(SQUASHED), shifted_tanh(2e-7)))
    assert (section.claim, section.verdict, section.steps) == (Claim.BOUNDED, Verdict.HOLDS, 500)
    assert section.events["time limit"] == 2 and section.events["actions parted"] > 400
    (note,) = section.notes
    assert note.startswith("individual 0: 3 episodes part, the first at seed 9, episode 0, step 1: actions differ by")
    assert "within the bound" in note


def test_actions_beyond_their_bound_are_one_mismatch_an_episode() -> None:
    section = pendulum(SQUASHED, StandIn(own_logits(SQUASHED), shifted_tanh(1e-3)))
    assert (section.verdict, section.mismatches) == (Verdict.BROKEN, 3)
    assert section.first_divergence is not None and section.first_divergence.field == "action"
    assert len(section.notes) == 3 and all("ABOVE the bound" in note for note in section.notes)


def test_an_exact_claim_excuses_no_ulp_of_an_action() -> None:
    def raised(weights: Array, observations: Array) -> Array:
        return np.nextafter(CLIPPED.logits(weights, observations), np.float32(np.inf))

    assert pendulum(CLIPPED, StandIn(raised)).mismatches > 400


def test_actions_that_part_after_the_observations_are_not_excused() -> None:
    policy, weights = SQUASHED, SQUASHED.init(1, 1)[0]
    found = reference("pendulum")
    head = Head.of(policy, resolve("pendulum"))
    begin = policy_player(policy, head, [weights])
    theirs, _ = record(found, Variant(), {"policy": begin}, seed=0, steps=300)
    actions, observations = theirs.action.copy(), theirs.observation.copy()
    observations[5, 0] += np.float32(1e-6)
    actions[6:] += np.float32(1e-7)
    actions[theirs.step == 0] = 0.0
    ours = replace(theirs, action=actions, observation=observations)
    first, second = find_partings(head, policy, weights, ours, theirs)
    assert (first.row, first.is_tie) == (6, False)
    assert (second.row, second.is_tie) == (202, True)  # 201 rows of the first episode, then a reset
    excused = excused_rows(head, [first, second], theirs)
    assert not excused[:7].any() and excused[7:201].all() and not excused[201] and excused[202:].all()
    comparison = compare_traces(ours, theirs, excused=excused, logits_are_claimed=False)
    assert comparison.mismatches == 2  # the observation, and the action that it does not explain

"""The closed loop: both sides agree when each acts on its own logits, and wrong logits or actions are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import Policy, _engine
from evalengine.environments.registry import entries, resolve
from evalengine.parity import closed_loop
from evalengine.parity.closed_loop import ClosedLoop
from evalengine.parity.report import Claim, Section, Verdict
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.heads import ENGINE
from evalengine.references import reference
from evalengine.workloads.individuals import individuals

Array = NDArray[np.float32]
LINEAR = Policy("mlp:4-2")
"""No hidden layer: 4 products and a bias for each logit."""

TANH = Policy("mlp:4-64-2")


def our_tanh(values: Array) -> Array:
    return _engine.activation("tanh", [], values)


class StandIn:
    """A reference's side that is computed by a function of (weights, observations)."""

    def __init__(self, function: Callable[[Array, Array], Array], tanh: Callable[[Array], Array] = our_tanh) -> None:
        self.function = function
        self._tanh = tanh

    def logits(self, policy: Policy, weights: Array, observations: Array) -> Array:
        return self.function(weights, observations)

    def step(self, policy: Policy, weights: Array, observations: Array, states: Array) -> tuple[Array, Array]:
        return self.function(weights, observations), states

    def tanh(self, values: Array) -> Array:
        return self._tanh(values)

    def sigmoid(self, values: Array) -> Array:
        return ENGINE.sigmoid(values)

    def softmax(self, rows: Array) -> Array:
        return ENGINE.softmax(rows)


def cartpole(policy: Policy, theirs: TorchPolicy | StandIn, weights: Array | None = None, steps: int = 200) -> Section:
    vectors = list(policy.init(2, 1)) if weights is None else [weights]
    loop = ClosedLoop(reference("cartpole"), policy, seed=9)
    section, observations = loop.section("closed loop", vectors, steps, theirs)
    assert len(observations) >= min(steps, 1000)
    return section


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("name", [entry.short_name for entry in entries()])
def test_every_environment_with_its_default_policy_equals_gymnasium_with_torch(
    name: str, torch_policy: TorchPolicy
) -> None:
    found = reference(name)
    loops = [ClosedLoop(found, Policy(resolve(name).default_policy), seed=0)]
    loops += [ClosedLoop(found, Policy(spelling), 0, variant) for variant, spelling in found.closed_loops]
    assert len({loop.name for loop in loops}) == len(loops)
    for loop in loops:
        section, _ = loop.section(loop.name, individuals(loop.entry, loop.policy, 4, 0), 200, torch_policy)
        assert (section.verdict, section.steps, section.worst_error) == (Verdict.HOLDS, 200, 0.0), loop.name
        assert section.columns is not None and len(section.columns["equal"]) > 200


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


@pytest.mark.parametrize("policy", [LINEAR, TANH])
def test_one_ulp_in_one_logit_is_found(policy: Policy) -> None:
    def raised(weights: Array, observations: Array) -> Array:
        logits = policy.logits(weights, observations)
        logits[:, 1] = np.nextafter(logits[:, 1], np.float32(np.inf))
        return logits

    section = cartpole(policy, StandIn(raised))
    assert section.mismatches >= section.steps


def test_nan_logits_are_equal_whatever_their_bits() -> None:
    weights = LINEAR.init(1, 0)[0]
    weights[0] = np.nan

    def negated(weights: Array, observations: Array) -> Array:
        logits = LINEAR.logits(weights, observations)
        return np.where(np.isnan(logits), -logits, logits)

    assert cartpole(LINEAR, StandIn(negated), weights).verdict is Verdict.HOLDS


# --- Box actions


SQUASHED = Policy("mlp:3-64-1")
CLIPPED = Policy("mlp:3-64-1,act=relu,head=clip")


def pendulum(policy: Policy, theirs: TorchPolicy | StandIn, steps: int = 500) -> Section:
    loop = ClosedLoop(reference("pendulum"), policy, seed=9)
    return loop.section("closed loop", list(policy.init(1, 1)), steps, theirs)[0]


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("policy", [SQUASHED, CLIPPED])
def test_box_actions_are_exact(policy: Policy, torch_policy: TorchPolicy) -> None:
    section = pendulum(policy, torch_policy)
    assert (section.claim, section.verdict, section.worst_error) == (Claim.EXACT, Verdict.HOLDS, 0.0)
    assert section.events == {"time limit": 2}


def test_one_ulp_of_a_tanh_head_is_found() -> None:
    def raised(values: Array) -> Array:
        return np.nextafter(our_tanh(values), np.float32(np.inf))

    section = pendulum(SQUASHED, StandIn(SQUASHED.logits, raised))
    assert section.mismatches > 400
    assert section.first_divergence is not None and section.first_divergence.field == "action"
    assert pendulum(SQUASHED, StandIn(SQUASHED.logits)).verdict is Verdict.HOLDS


def test_another_tanh_is_found() -> None:
    """Correctly rounded; PyTorch's is not, for one argument in ten thousand."""

    def rounded(values: Array) -> Array:
        return np.asarray(np.tanh(values.astype(np.float64)), np.float32)

    assert pendulum(SQUASHED, StandIn(SQUASHED.logits, rounded), 20_000).verdict is Verdict.BROKEN


# --- side by side


class Counting(StandIn):
    """Ours, which remembers how many rows it is asked for at once."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy.logits)
        self.rows: list[int] = []

    def logits(self, policy: Policy, weights: Array, observations: Array) -> Array:
        self.rows.append(len(observations))
        return super().logits(policy, weights, observations)


def test_episodes_run_side_by_side_and_are_compared_in_order() -> None:
    counting = Counting(SQUASHED)
    section = pendulum(SQUASHED, counting, steps=1001)
    assert (section.verdict, section.steps, section.episodes) == (Verdict.HOLDS, 1001, 5)
    # Five episodes of 200 steps, then one step of a sixth.
    assert counting.rows == [5] * 200 + [1]
    columns = section.columns
    assert columns is not None
    assert columns["episode"].tolist() == [episode for episode in range(5) for _ in range(201)] + [5, 5]
    assert columns["step"].tolist() == [*range(201)] * 5 + [0, 1]
    assert columns["seed"].tolist() == [9 + episode for episode in columns["episode"].tolist()]

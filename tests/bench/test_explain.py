"""Explaining differing episodes: the error bounds hold and bite, and only near-ties are explained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evalengine import Policy, make
from evalengine.bench import explain
from evalengine.bench.backends import Evaluated
from evalengine.bench.compare import MAX_NOTES, compare, differing_episodes
from evalengine.bench.explain import difference_bound, explain_episode
from evalengine.bench.rounding import UNIT_ROUNDOFF, logits_and_bounds
from evalengine.environments.registry import resolve
from evalengine.policies.heads import EngineFunctions, Head

# Each with what its bounds stay below on the examples: a wider bound would excuse more.
POLICIES = {
    "mlp:4-64-2": 1e-5,
    "mlp:4-2": 5e-7,
    "mlp:7-300-33-5,act=relu": 2e-4,
    "mlp:3-16-16-4,bias=0": 5e-6,
    "cnn:5x12x12-16k3-32k3-64-4": 1e-2,
    "cnn:3x17x13-8k5x3s2x1p1x0-12k3p1-20-6": 2e-3,
    "cnn:2x9x9-4k3s2p2-3,act=tanh,bias=0": 5e-5,
}


def example(spelling: str, seed: int) -> tuple[Policy, NDArray[np.float32], NDArray[np.float32]]:
    """A policy, its weights and an observation."""
    policy = Policy(spelling)
    random = np.random.default_rng(seed)
    weights = policy.init(1, seed)[0]
    observation = 2 * random.random(policy.input_shape, np.float32) - 1
    observation[random.random(policy.input_shape) < 0.3] = 0.0
    return policy, weights, observation


@pytest.mark.parametrize("spelling", POLICIES)
@pytest.mark.parametrize("seed", range(5))
def test_the_engine_and_pytorch_stay_within_the_bounds(spelling: str, seed: int) -> None:
    policy, weights, observation = example(spelling, seed)
    exact, bounds = logits_and_bounds(policy, weights, observation)
    module = policy.to_torch(weights)
    with torch.no_grad():
        wide = module.double()(torch.from_numpy(observation[np.newaxis].astype(np.float64)))[0].numpy()
        theirs = module.float()(torch.from_numpy(observation[np.newaxis]))[0].numpy()
    ours = policy.logits(weights, observation[np.newaxis])[0]
    np.testing.assert_allclose(exact, wide, rtol=1e-12, atol=1e-13)
    assert np.all(np.abs(ours - exact) <= bounds)
    assert np.all(np.abs(theirs - exact) <= bounds)
    assert np.all(bounds < POLICIES[spelling])


@pytest.mark.parametrize("spelling", [spelling for spelling in POLICIES if "bias=0" not in spelling])
def test_a_wrong_bias_is_outside_the_bounds(spelling: str) -> None:
    policy, weights, observation = example(spelling, seed=0)
    exact, bounds = logits_and_bounds(policy, weights, observation)
    spoilt = weights.copy()
    spoilt[-1] += 3 * POLICIES[spelling]
    spoilt_exact, _ = logits_and_bounds(policy, spoilt, observation)
    assert np.any(np.abs(spoilt_exact - exact) > bounds)


def test_the_bound_of_a_sum_is_the_formulas() -> None:
    """One linear layer of three inputs: gamma_4 (|W| |x| + |b|) and what underflow can take."""
    policy = Policy("mlp:3-1")
    weights = np.array([1.0, -2.0, 0.5, 4.0], np.float32)
    exact, bounds = logits_and_bounds(policy, weights, np.array([1.0, 1.0, -2.0], np.float32))
    gamma = 4 * 2.0**-24 / (1 - 4 * 2.0**-24)
    assert exact.tolist() == [1.0 - 2.0 - 1.0 + 4.0]
    assert bounds[0] == pytest.approx(gamma * (1.0 + 2.0 + 1.0 + 4.0) + 4 * 2.0**-149, rel=2.0**-19)


# --- whole episodes: CartPole with a policy without hidden layers whose logits are its two biases


def constant_policy(first: float, second: float) -> NDArray[np.float32]:
    """Weights of mlp:4-2 with these logits everywhere."""
    return np.array([0.0] * 8 + [first, second], np.float32)


def played(seed: int, choose: Callable[[int], int], steps: int = 10_000) -> tuple[bytes, float]:
    """Actions and return of a native episode of CartPole."""
    env = make("CartPole-v1")
    env.reset(seed=seed)
    actions = bytearray()
    total = 0.0
    for step in range(steps):
        actions.append(choose(step))
        _, reward, terminated, truncated, _ = env.step(actions[-1])
        total += reward
        if terminated or truncated:
            break
    return bytes(actions), total


TIE = constant_policy(1.0, 1.0)
NEAR_TIE = constant_policy(1.0, 1.0 - 2.0**-24)
NO_TIE = constant_policy(1.0, 0.999)
POLICY = Policy("mlp:4-2")


@pytest.mark.parametrize(("weights", "margin"), [(TIE, 0.0), (NEAR_TIE, 2.0**-24)])
def test_other_choices_at_ties_are_explained(weights: NDArray[np.float32], margin: float) -> None:
    actions, total = played(3, lambda step: int(step % 3 == 2))
    found = explain_episode("CartPole-v1", POLICY, weights, 3, actions, total)
    assert found.explained
    assert (found.step, found.margin) == (2, margin)
    assert found.bound is not None and 0 < found.bound < 2e-6
    assert found.reason.startswith(f"step 2, action 0 or 1: logit margin {margin:.3g} within the bound")
    assert found.reason.endswith(f"(and {len(actions) // 3 - 1} later steps)")


def test_a_choice_against_a_clear_margin_is_a_mismatch() -> None:
    actions, total = played(3, lambda step: int(step == 2))
    found = explain_episode("CartPole-v1", POLICY, NO_TIE, 3, actions, total)
    assert not found.explained
    assert found.step == 2
    assert found.margin == pytest.approx(0.001, rel=1e-4)
    assert "step 2, action 0 or 1: logit margin 0.001 above the bound" in found.reason


def test_layers_without_a_bound_excuse_nothing() -> None:
    actions, total = played(3, lambda step: int(step % 3 == 2))
    found = explain_episode("CartPole-v1", Policy("mlp:4-2,out=silu"), TIE, 3, actions, total)
    assert (found.explained, found.step) == (False, 2)
    assert found.reason == "step 2, action 0 or 1: no bound is known of silu"
    with pytest.raises(ValueError, match="got silu"):
        logits_and_bounds(Policy("mlp:4-2,out=silu"), TIE, np.zeros(4, np.float32))


def test_a_tie_does_not_excuse_a_wrong_return() -> None:
    actions, total = played(3, lambda step: int(step == 2))
    found = explain_episode("CartPole-v1", POLICY, TIE, 3, actions, float(np.nextafter(total, np.inf)))
    assert not found.explained
    assert found.reason.startswith("the same actions return")


def test_a_tie_does_not_excuse_a_wrong_length() -> None:
    actions, total = played(3, lambda step: int(step == 2))
    shorter = explain_episode("CartPole-v1", POLICY, TIE, 3, actions[:-1], total - 1.0)
    longer = explain_episode("CartPole-v1", POLICY, TIE, 3, actions + b"\0", total)
    assert (shorter.explained, longer.explained) == (False, False)
    assert shorter.reason == f"after {len(actions) - 1} steps the baseline's episode ends, the native one does not"
    assert (
        longer.reason == f"the native episode ends after {len(actions)} steps, the baseline's after {len(actions) + 1}"
    )


def test_the_engines_own_actions_explain_nothing() -> None:
    actions, total = played(3, lambda _: 0)
    found = explain_episode("CartPole-v1", POLICY, TIE, 3, actions, total)
    assert not found.explained
    assert found.reason == "every action is the engine's own, but the results differ"


# --- whole episodes of Pendulum, with a constant action


BOX_POLICY = Policy("mlp:3-1,head=clip")
HALF = np.array([0.0, 0.0, 0.0, 0.5], np.float32)
"""Weights whose logit, and action, is 0.5 everywhere."""


def swung(seed: int, torques: Callable[[int], float]) -> tuple[bytes, float]:
    """Actions and return of a native episode of Pendulum."""
    env = make("Pendulum-v1")
    env.reset(seed=seed)
    actions = np.array([[torques(step)] for step in range(200)], np.float32)
    return actions.tobytes(), float(sum(env.step(action)[1] for action in actions))


def test_a_box_action_an_ulp_off_is_explained() -> None:
    ulp = float(np.spacing(np.float32(0.5)))
    actions, total = swung(3, lambda step: 0.5 + ulp * (step % 50 == 7))
    found = explain_episode("Pendulum-v1", BOX_POLICY, HALF, 3, actions, total)
    assert (found.explained, found.step, found.margin) == (True, 7, ulp)
    assert found.bound is not None and ulp < found.bound < 1e-6
    assert "action [0.5] or [0.50000006]: difference 5.96e-08 within the bound" in found.reason
    assert found.reason.endswith("(and 3 later steps)")


def test_a_box_action_beyond_its_bound_and_a_wrong_return_are_mismatches() -> None:
    far, far_total = swung(3, lambda step: 0.5 + 1e-5 * (step == 9))
    found = explain_episode("Pendulum-v1", BOX_POLICY, HALF, 3, far, far_total)
    assert (found.explained, found.step) == (False, 9)
    assert "above the bound" in found.reason
    near, total = swung(3, lambda step: 0.5 + 2.0**-24 * (step == 9))
    wrong = explain_episode("Pendulum-v1", BOX_POLICY, HALF, 3, near, float(np.nextafter(total, 0.0)))
    assert not wrong.explained and wrong.reason.startswith("the same actions return")
    short = explain_episode("Pendulum-v1", BOX_POLICY, HALF, 3, near[:-4], total)
    assert short.reason == "after 199 steps the baseline's episode ends, the native one does not"


# --- comparing populations


def evaluated(returns: list[list[float]], lengths: list[list[int]] | None = None) -> Evaluated:
    matrix = np.array(returns, np.float64)
    counts = matrix.astype(np.int64) if lengths is None else np.array(lengths, np.int64)
    return Evaluated(matrix, counts)


def test_one_ulp_of_return_and_one_step_are_differences() -> None:
    engine = evaluated([[9.0, 10.0], [11.0, 12.0], [13.0, 14.0]])
    same = evaluated([[9.0, 10.0], [11.0, 12.0]])
    assert differing_episodes(engine, same) == []
    assert differing_episodes(engine, evaluated([[9.0, 10.0], [11.0, float(np.nextafter(12.0, 13.0))]])) == [(1, 1)]
    assert differing_episodes(engine, evaluated([[9.0, 10.0]], [[9, 11]])) == [(0, 1)]
    assert differing_episodes(evaluated([[0.0]]), evaluated([[-0.0]])) == [(0, 0)]


def test_an_engine_that_contradicts_itself_is_a_mismatch() -> None:
    weights = POLICY.init(2, seed=0)
    seeds = np.arange(2, dtype=np.uint64)
    engine = evaluated([[9.0, 10.0], [11.0, 12.0]])
    later = evaluated([[9.0, 10.0], [11.0, 13.0]])
    found = compare("CartPole-v1", POLICY, weights, seeds, engine, [engine, later])
    assert (found.individuals, found.differing, found.explained) == (2, (1,), ())
    assert found.notes == ("individual 1, episode 1: the engine contradicts itself",)


def test_an_individual_is_explained_if_all_its_episodes_are() -> None:
    """Individual 0 is as the engine has it, 1 took other ways at ties, 2 also where there was none."""
    weights = np.stack([TIE, TIE, NO_TIE])
    seeds = np.array([3, 4], np.uint64)
    engine = evaluated([[played(int(seed), lambda _: 0)[1] for seed in seeds]] * 3)
    other = [played(int(seed), lambda step: step % 2) for seed in seeds]
    own = [played(int(seed), lambda _: 0) for seed in seeds]
    episodes = [own, other, other]
    baseline = Evaluated(
        np.array([[total for _, total in row] for row in episodes]),
        np.array([[len(actions) for actions, _ in row] for row in episodes]),
        [[actions for actions, _ in row] for row in episodes],
    )
    found = compare("CartPole-v1", POLICY, weights, seeds, engine, [baseline, baseline])
    assert (found.individuals, found.differing, found.explained) == (3, (1, 2), (1,))
    assert len(found.notes) == 4  # each differing episode once, mismatches first
    assert [note.split(",")[0] for note in found.notes] == ["individual 2"] * 2 + ["individual 1"] * 2


def test_notes_are_cut() -> None:
    weights = np.stack([TIE] * (MAX_NOTES + 5))
    seeds = np.array([3], np.uint64)
    engine = evaluated([[1.0]] * len(weights))
    found = compare("CartPole-v1", POLICY, weights, seeds, engine, [evaluated([[2.0]] * len(weights))])
    assert len(found.differing) == MAX_NOTES + 5
    assert len(found.notes) == MAX_NOTES


@pytest.mark.parametrize(
    ("native", "reported", "differs"),
    [
        (0.0, 0.0, False),
        (0.0, -0.0, True),
        (-0.0, 0.0, True),
        (np.nan, np.nan, False),
        (np.nan, -np.nan, True),
        (np.nan, 0.0, True),
    ],
)
def test_returns_are_compared_by_their_bits(
    native: float, reported: float, differs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum of rewards that a baseline adds in another order may be zero, too, but of another sign."""
    policy = Policy("mlp:4-2")
    actions = np.zeros(3, np.int64)
    observations = np.zeros((3, 4), np.float32)
    monkeypatch.setattr(explain, "_play_back", lambda env_id, seed, actions: (observations, native, 3))
    encoded = Head.of(policy, resolve("CartPole-v1")).encoded(list(actions))
    found = explain_episode("CartPole-v1", policy, np.zeros(10, np.float32), 0, encoded, reported)
    assert not found.explained
    expected = f"the same actions return {native!r} natively, not {reported!r}"
    assert found.reason == (expected if differs else "every action is the engine's own, but the results differ")


# --- how far two float32 evaluations of a Box action can be apart

BOX = Head("tanh", (-2.0, 0.0), (2.0, 5.0))


class ExactTanh(EngineFunctions):
    def tanh(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tanh(values.astype(np.float64)).astype(np.float32)


def test_actions_with_another_tanh_are_within_the_bound_and_not_far_below_it() -> None:
    logits = np.random.default_rng(0).normal(0.0, 1.5, (20_000, 2)).astype(np.float32)
    ours, others = BOX.actions(logits), BOX.actions_with(ExactTanh(), logits)
    largest = np.abs(ours.astype(np.float64) - others).max(axis=0)
    bound = difference_bound(BOX, np.zeros(2))
    assert (largest <= bound).all() and (largest > bound / 30).all()


def test_the_bounds_are_the_formulas() -> None:
    errors = np.array([1e-6, 2e-6])
    assert difference_bound(Head("clip", BOX.low, BOX.high), errors).tolist() == [2e-6, 4e-6]
    u = UNIT_ROUNDOFF
    expected = [2 * (2.0 * (1e-6 + 4 * u) + u * (8 + 2)), 2 * (2.5 * (2e-6 + 4 * u) + u * (10 + 5))]
    assert difference_bound(BOX, errors) == pytest.approx(expected, rel=2e-6)

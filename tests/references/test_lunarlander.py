"""LunarLander beyond what all environments share: arguments, odd actions, life after the end, the example weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import evaluate, load_weights, make
from evalengine.environments.registry import describe, resolve
from evalengine.errors import InputError
from evalengine.parity.open_loop import state_names
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import make_reference
from evalengine.references import Variant, lunarlander, reference

EXAMPLES = Path(__file__).parents[2] / "examples" / "weights"


def bits(value: Any) -> bytes:
    """The bits of a number or an array."""
    return np.asarray(value).tobytes()


# --- arguments


@pytest.mark.parametrize("gravity", [0.0, 1.0, -12.0, -20.5, float("nan")])
def test_gravity_has_gymnasiums_bounds_and_message(gravity: float) -> None:
    with pytest.raises(AssertionError) as theirs:
        gymnasium.make("LunarLander-v3", gravity=gravity)
    with pytest.raises(InputError) as ours:
        make("LunarLander-v3", gravity=gravity)
    # Rust spells it NaN.
    assert str(ours.value).lower() == f"lunarlander-v3: {str(theirs.value).lower()}"


@pytest.mark.parametrize("name", ["wind_power", "turbulence_power"])
@pytest.mark.parametrize(("power", "shown"), [(float("inf"), "inf"), (float("nan"), "NaN"), (-1.5e30, "-1.5e30")])
def test_a_wind_that_would_overflow_is_refused(name: str, power: float, shown: str) -> None:
    kwargs: dict[str, Any] = {name: power}
    with pytest.raises(InputError) as raised:
        make("LunarLander-v3", max_episode_steps=None, observation=None, **kwargs)
    assert str(raised.value) == (
        f"LunarLander-v3: keyword argument {name}: expected a number within +-1e30, got {shown}"
    )


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r'unknown keyword argument "gravty"; did you mean "gravity"\?'):
        make("LunarLander-v3", gravty=-9.0)


def test_the_default_policy_fits_the_action_space() -> None:
    assert resolve("lunarlander").default_policy == "mlp:8-64-4"
    continuous = describe("lunarlander", {"continuous": True})
    assert (continuous.action_low, continuous.action_high) == ((-1.0, -1.0), (1.0, 1.0))
    assert continuous.default_policy == "mlp:8-64-2"


def test_the_state_has_the_parts_that_are_compared() -> None:
    env = make("LunarLander-v3", enable_wind=True)
    env.reset(seed=0)
    assert set(state_names(reference(lunarlander.ENV_ID), Variant())) == set(env.state())


# --- play


def replay(kwargs: dict[str, Any], actions: list[Any], seed: int) -> list[tuple[bool, bool]]:
    """The same actions on both sides, whatever ends on the way; terminated and awake after each."""
    theirs = make_reference(reference("lunarlander"), Variant(kwargs)).unwrapped
    ours = make("LunarLander-v3", **kwargs)
    assert bits(theirs.reset(seed=seed)[0]) == bits(ours.reset(seed=seed)[0])
    seen = []
    for number, action in enumerate(actions):
        observation, reward, terminated, truncated, _ = theirs.step(action)
        found = ours.step(action)
        expected = (bits(observation), bits(np.float64(reward)), bool(terminated))
        assert (bits(found[0]), bits(np.float64(found[1])), found[2]) == expected, f"step {number}"
        assert truncated is False
        seen.append((bool(terminated), bool(ours.state()["lander_awake"][0])))
    return seen


@pytest.mark.parametrize("seed", range(6))
def test_past_the_end_everything_goes_on(seed: int) -> None:
    """A crashed lander falls asleep and an engine wakes it; it can leave the view, and the world."""
    actions = [0] * 400 + [2] * 30 + [0] * 200 + [1] * 100 + [3] * 100 + [2] * 300
    seen = replay({}, actions, seed)
    first = next(number for number, (terminated, _) in enumerate(seen) if terminated)
    assert first < 200
    awake = [is_awake for _, is_awake in seen[first:]]
    assert False in awake and True in awake[awake.index(False) :]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -0.0])
def test_odd_numbers_do_what_they_do_in_gymnasium(value: float) -> None:
    rng = np.random.default_rng(0)
    actions = [np.array(rng.permutation([value, number]), np.float32) for number in rng.uniform(-1.5, 1.5, 200)]
    replay({"continuous": True}, actions, seed=1)


@pytest.mark.parametrize("power", [1e3, 1e6, 1e30])
def test_a_storm_is_gymnasiums(power: float) -> None:
    replay({"enable_wind": True, "wind_power": power, "turbulence_power": -power}, [0, 2, 1, 3] * 40, seed=2)


# --- the example weights


@pytest.fixture(scope="module")
def torch_policy() -> Any:
    with TorchPolicy() as running:
        yield running


def test_evaluate_equals_gymnasium_played_by_pytorch(torch_policy: TorchPolicy) -> None:
    """Closed loop, from weights to fitness, with a relu policy: every bit of it."""
    loaded = load_weights(EXAMPLES / "lunarlander-relu.npy")
    assert loaded.policy is not None and str(loaded.policy) == "mlp:8-64-4,act=relu"
    weights: NDArray[np.float32] = loaded.weights[0]
    seeds = range(5_000, 5_010)
    ours = evaluate("LunarLander-v3", weights, loaded.policy, seeds=seeds, keep=("final_observation",))
    env = gymnasium.make("LunarLander-v3", disable_env_checker=True)
    returns = np.zeros(len(seeds))
    for episode, seed in enumerate(seeds):
        observation, _ = env.reset(seed=seed)
        terminated = truncated = False
        length = 0
        while not (terminated or truncated):
            logits = torch_policy.logits(loaded.policy, weights, observation[np.newaxis])
            observation, reward, terminated, truncated, _ = env.step(int(logits[0].argmax()))
            returns[episode] += float(reward)
            length += 1
        assert bits(ours.final_observation[0, episode]) == bits(observation)
        assert (ours.lengths[0, episode], ours.terminated[0, episode]) == (length, terminated)
    assert bits(ours.returns[0]) == bits(returns)
    total = 0.0
    for value in returns:
        total += value
    assert bits(ours.fitness[0]) == bits(np.float32(total / len(seeds)))
    assert ours.fitness[0] > 200.0


@pytest.mark.parametrize("name", ["lunarlander", "lunarlander-relu"])
def test_the_example_weights_solve_it(name: str) -> None:
    """What Gymnasium calls solved: at least 200 on average, over 100 seeds that no training has seen."""
    loaded = load_weights(EXAMPLES / f"{name}.npy")
    assert loaded.env_id == "LunarLander-v3" and loaded.policy is not None
    found = evaluate("LunarLander-v3", loaded.weights, loaded.policy, seeds=range(100))
    assert found.fitness[0] >= 200.0

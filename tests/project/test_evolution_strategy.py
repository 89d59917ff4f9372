"""examples/evolution_strategy.py: pieces that do what they say, and a run that can be repeated."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_modules import load_example
from numpy.typing import NDArray

from evalengine import Policy, load_weights

strategy = load_example("evolution_strategy")

POLICY = Policy("mlp:24-64-4")
SMALL = ["--linear", "2", "--generations", "2", "--pairs", "2", "--threads", "1"]


def logits(policy: Policy, weights: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, outputs): an mlp of tanh in float64."""
    values, position = inputs, 0
    sizes = (policy.n_inputs, *policy.sizes)
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        matrix = weights[position : position + before * after].reshape(after, before)
        bias = weights[position + before * after : position + (before + 1) * after]
        values = (np.tanh(values) if layer else values) @ matrix.T + bias
        position += (before + 1) * after
    return values


def test_ranks_go_from_the_least_to_the_greatest() -> None:
    np.testing.assert_array_equal(strategy.ranks(np.array([3.0, -7.0, 100.0])), [0.0, -0.5, 0.5])
    np.testing.assert_array_equal(strategy.ranks(np.array([1.0, 1.0, 0.0])), [0.0, 0.5, -0.5])


def test_normalisation_becomes_part_of_the_first_layer() -> None:
    rng = np.random.default_rng(0)
    weights, inputs = rng.standard_normal(POLICY.n_params), rng.standard_normal((5, 24))
    scale, shift = rng.uniform(0.5, 20.0, 24), rng.standard_normal(24)
    before = weights.copy()
    folded = strategy.moved(POLICY, weights, scale, shift)
    np.testing.assert_allclose(
        logits(POLICY, folded, inputs), logits(POLICY, weights, scale * inputs + shift), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_array_equal(weights, before)
    back = strategy.moved(POLICY, folded, 1.0 / scale, -shift / scale)
    np.testing.assert_allclose(back, weights, rtol=1e-9, atol=1e-9)


def test_a_network_takes_a_linear_policy_in() -> None:
    rng = np.random.default_rng(1)
    linear = Policy("mlp:24-4")
    weights, inputs = 0.1 * rng.standard_normal(linear.n_params), rng.standard_normal((20, 24))
    network = strategy.taken_in(POLICY, weights, rng)
    wanted = logits(linear, weights, inputs)
    # tanh(0.3 z) / 0.3 is z, less 0.03 z^3 at most.
    assert np.abs(logits(POLICY, network, inputs) - wanted).max() <= 0.031 * np.abs(wanted).max() ** 3
    assert np.count_nonzero(strategy.first_layer(POLICY, network)[0]) == 64 * 24


def test_adam_goes_up_by_its_rate_at_first() -> None:
    adam = strategy.Adam(0.25, np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(adam.step(np.array([4.0, -1e-3, 0.0])), [0.25, -0.25, 0.0], rtol=1e-4)


@pytest.fixture(autouse=True)
def short_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TEST_EVERY", 1), ("TEST_EPISODES", 2), ("FRESH_EPISODES", 2)):
        monkeypatch.setattr(strategy, name, value)


def test_a_run_can_be_repeated_and_gone_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, hard = (tmp_path / f"{name}.npy" for name in ("first", "second", "hard"))
    assert strategy.main([*SMALL, "--out", str(first)]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == ["linear"] * 2 + ["network"] * 3 + ["the"]
    assert strategy.main([*SMALL, "--out", str(second)]) == 0
    assert capsys.readouterr().out == printed
    assert first.read_bytes() == second.read_bytes()
    loaded = load_weights(first)
    assert (str(loaded.policy), loaded.env_id, loaded.weights.shape) == ("mlp:24-64-4", "BipedalWalker-v3", (1, 1860))
    arguments = ["--env", "bipedalwalkerhardcore", "--start", str(first), "--generations", "1", "--pairs", "2"]
    assert strategy.main([*arguments, "--out", str(hard)]) == 0
    assert load_weights(hard).env_id == "BipedalWalkerHardcore-v3"
    assert "linear" not in capsys.readouterr().out


def test_what_is_saved_plays_as_the_normalised_centre_does() -> None:
    """Up to the rounding of the first layer, which a few steps do not blow up."""
    options: Any = strategy.argparse.Namespace(
        env="bipedalwalker", linear=1, linear_rate=0.02, linear_sigma=0.1, pairs=2, episodes=1, threads=1
    )
    search = strategy.learn_linear(POLICY, np.random.default_rng(0), options)
    plain, normalised = search.folded(), search.centre.astype(np.float32)
    of_plain = strategy.evaluate("bipedalwalker", plain, POLICY, max_episode_steps=5)
    of_normalised = strategy.evaluate(
        "bipedalwalker", normalised, POLICY, max_episode_steps=5, normalize=search.normalization
    )
    np.testing.assert_allclose(of_plain.returns, of_normalised.returns, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "cartpole"], "expected one of the walkers, and a policy with one hidden layer"),
        (["--policy", "mlp:24-8-8-4"], "expected one of the walkers, and a policy with one hidden layer"),
        (["--start", "start.npy"], "--start: expected 1860 weights for mlp:24-64-4, got 100"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Policy("mlp:24-4").save("start.npy", np.zeros(100, np.float32), "bipedalwalker")
    assert strategy.main(arguments) == 2
    assert message in capsys.readouterr().err

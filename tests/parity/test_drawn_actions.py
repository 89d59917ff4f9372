"""Heads and what is drawn for actions against a plain loop over Gymnasium, PyTorch and NumPy, every bit compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("gymnasium")

from evalengine import evaluate
from evalengine.parity import drawn_actions
from evalengine.parity.drawn_actions import DRAWN, Drawn, drawn_section
from evalengine.parity.report import Verdict
from evalengine.parity.torch_policy import TorchPolicy

STEPS = {"carracing": 200, "bipedalwalker": 8_000, "lunarlander": 8_000}
"""Of each case; others are quicker. In all more than 200,000."""

MOST = 18_000


def test_all_cases_together_are_long() -> None:
    assert sum(STEPS.get(drawn.env, MOST) for drawn in DRAWN) > 200_000
    assert {word for drawn in DRAWN for word in ("epsilon", "sticky") if getattr(drawn, word)} == {"epsilon", "sticky"}


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("drawn", DRAWN, ids=str)
def test_every_head_equals_the_plain_loop(drawn: Drawn, torch_policy: TorchPolicy) -> None:
    section = drawn_section(drawn, seed=100, steps=STEPS.get(drawn.env, MOST), torch_policy=torch_policy)
    assert section.first_divergence is None, section.first_divergence.message()
    assert section.verdict is Verdict.HOLDS
    assert section.steps >= STEPS.get(drawn.env, MOST)
    assert section.events["different actions"] > 1


SHORT = Drawn("pendulum", "mlp:3-4-1,head=sigmoid,noise=0.3", epsilon=0.1, max_episode_steps=20)


class OneUlp:
    """PyTorch with one function whose results are one unit in the last place above."""

    def __init__(self, torch_policy: TorchPolicy, function: str) -> None:
        self._torch, self._function = torch_policy, function

    def __getattr__(self, name: str) -> object:
        found = getattr(self._torch, name)
        if name != self._function:
            return found

        def raised(values: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(np.nextafter(found(values), np.float32(np.inf)))

        return raised


@pytest.mark.usefixtures("known_order")
def test_one_ulp_of_a_head_is_found(torch_policy: TorchPolicy) -> None:
    off: object = OneUlp(torch_policy, "sigmoid")
    section = drawn_section(SHORT, seed=1, steps=500, torch_policy=off)  # type: ignore[arg-type]
    assert section.verdict is Verdict.BROKEN and section.mismatches > 100
    assert section.first_divergence is not None and section.first_divergence.field == "action"


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("other", [{"epsilon": 0.1001}, {"epsilon": 0.0}, {"sticky": 1e-4}])
def test_other_probabilities_are_found(
    other: dict[str, float], torch_policy: TorchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_actions, "evaluate", lambda *given, **options: evaluate(*given, **(options | other)))
    section = drawn_section(SHORT, seed=1, steps=20_000, torch_policy=torch_policy)
    assert section.verdict is Verdict.BROKEN


def test_episodes_of_other_lengths_and_ends_are_found() -> None:
    played = evaluate("cartpole", np.zeros(10), "mlp:4-2", trajectories=[0]).trajectories[0][0]
    assert drawn_actions.compared(played, played, "") == (0, None)
    shorter = replace(played, actions=played.actions[:-1])
    steps, divergence = drawn_actions.compared(played, shorter, "")
    assert steps == len(played.actions) and divergence is not None and divergence.field == "length"
    steps, divergence = drawn_actions.compared(played, replace(played, truncated=True), "")
    assert steps == 1 and divergence is not None and divergence.field == "terminated, truncated"
    rewards = played.rewards.copy()
    rewards[3] = np.nextafter(rewards[3], 2)
    steps, divergence = drawn_actions.compared(played, replace(played, rewards=rewards), "")
    assert steps == 1 and divergence is not None and (divergence.field, divergence.step) == ("reward", 4)

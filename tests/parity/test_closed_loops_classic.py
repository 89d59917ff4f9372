"""Episodes of default policies: 200,000 steps of each environment, every bit equal, logits and actions included."""

from __future__ import annotations

import pytest
from closed_loops import BOX2D, play

from evalengine.environments.registry import entries
from evalengine.parity.torch_policy import TorchPolicy

CLASSIC = ("cartpole", "acrobot", "pendulum", "mountaincar", "mountaincarcontinuous", "snake")


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("name", CLASSIC)
def test_the_engine_plays_what_gymnasium_and_pytorch_play(name: str, torch_policy: TorchPolicy) -> None:
    assert play(name, torch_policy) > 150


def test_every_environment_is_played_here_or_on_box2d() -> None:
    assert {entry.short_name for entry in entries()} == {*CLASSIC, *BOX2D}

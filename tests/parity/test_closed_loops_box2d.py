"""Episodes of default policies on Box2D: as in test_closed_loops_classic, but fewer frames of CarRacing."""

from __future__ import annotations

import pytest
from closed_loops import play

from evalengine.environments.registry import entries
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.references import Variant

pytestmark = pytest.mark.usefixtures("known_order")


@pytest.mark.parametrize("continuous", [False, True])
def test_lunarlander_is_gymnasiums_with_pytorch(continuous: bool, torch_policy: TorchPolicy) -> None:
    variant = Variant({"continuous": True} if continuous else {})
    assert play("lunarlander", torch_policy, variant) > 500


def test_carracing_is_gymnasiums_with_pytorch(torch_policy: TorchPolicy) -> None:
    play("carracing", torch_policy, steps=3000)


def test_every_environment_is_played_in_one_of_the_two_files() -> None:
    played = {"cartpole", "acrobot", "pendulum", "snake", "lunarlander", "carracing"}
    assert {entry.short_name for entry in entries()} == played

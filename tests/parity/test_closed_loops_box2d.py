"""Episodes of default policies on Box2D: as in test_closed_loops_classic, but fewer of the walkers and of CarRacing."""

from __future__ import annotations

import pytest
from closed_loops import BOX2D, play
from side_by_side import MIN_STEPS

from evalengine.parity.torch_policy import TorchPolicy
from evalengine.references import Variant

LOOPS: list[tuple[str, dict[str, bool]]] = [(name, {}) for name in BOX2D] + [("lunarlander", {"continuous": True})]
STEPS = {"bipedalwalker": 50_000, "bipedalwalkerhardcore": 50_000, "carracing": 3000}


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize(("name", "kwargs"), LOOPS)
def test_the_engine_plays_what_gymnasium_and_pytorch_play(
    name: str, kwargs: dict[str, bool], torch_policy: TorchPolicy
) -> None:
    episodes = play(name, torch_policy, Variant(kwargs), STEPS.get(name, MIN_STEPS))
    assert episodes > 10 or name == "carracing"  # which is cut short before its thousand frames are over

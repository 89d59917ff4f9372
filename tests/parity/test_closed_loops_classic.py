"""Episodes of default policies: 200,000 steps of each environment, every bit equal, logits and actions included."""

from __future__ import annotations

import pytest
from closed_loops import play

from evalengine.parity.torch_policy import TorchPolicy


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("name", ["cartpole", "acrobot", "pendulum", "snake"])
def test_the_engine_plays_what_gymnasium_and_pytorch_play(name: str, torch_policy: TorchPolicy) -> None:
    assert play(name, torch_policy) > 500

"""BipedalWalkerHardcore-v3: the reference is Gymnasium's own, on Box2D, and all else as for BipedalWalker-v3."""

from __future__ import annotations

from typing import Any

import gymnasium

from evalengine.references import Variant, bipedalwalker
from evalengine.references.bipedalwalker import (
    CLOSED_LOOPS,
    DIFFERENCES,
    DRIVERS,
    GOLDEN_STEPS,
    GOLDEN_STRIDE,
    LIBM,
    PACKAGE,
    PACKAGES,
    ending,
    foreseen,
    state,
)

__all__ = [
    "CLOSED_LOOPS",
    "DIFFERENCES",
    "DRIVERS",
    "ENV_ID",
    "GOLDEN_STEPS",
    "GOLDEN_STRIDE",
    "LIBM",
    "PACKAGE",
    "PACKAGES",
    "VARIANTS",
    "ending",
    "foreseen",
    "make",
    "state",
]

ENV_ID = "BipedalWalkerHardcore-v3"
VARIANTS = (
    Variant({"hardcore": False}),
    Variant({"hardcore": True}, max_episode_steps=3000),
    Variant(max_episode_steps=120),
)

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)


def make(**kwargs: Any) -> gymnasium.Env[Any, Any]:
    """Return an environment whose every reset begins in a new Box2D world."""
    return bipedalwalker.in_new_worlds(ENV_ID, **kwargs)

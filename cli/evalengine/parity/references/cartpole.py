"""CartPole-v1: the reference is Gymnasium's own."""

from __future__ import annotations

import gymnasium

ENV_ID = "CartPole-v1"
PACKAGE = "gymnasium"

# Fails here, with the id in the message, rather than at the first `make`.
gymnasium.spec(ENV_ID)

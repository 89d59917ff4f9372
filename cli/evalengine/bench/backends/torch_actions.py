"""The actions of a Box as a PyTorch user computes them: what both baselines share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalengine.policies.heads import Head

if TYPE_CHECKING:
    import torch


def box_actions(head: Head) -> Callable[[torch.Tensor], NDArray[np.float32]]:
    """Return what turns logits (1, n), under `no_grad`, into an action (n,)."""
    import torch

    low, high = torch.tensor(head.low, dtype=torch.float32), torch.tensor(head.high, dtype=torch.float32)
    span = high - low

    def scaled(logits: torch.Tensor) -> NDArray[np.float32]:
        action: NDArray[np.float32] = (low + (torch.tanh(logits[0]) + 1.0) * 0.5 * span).numpy()
        return action

    def clipped(logits: torch.Tensor) -> NDArray[np.float32]:
        action: NDArray[np.float32] = torch.clamp(logits[0], low, high).numpy()
        return action

    return scaled if head.kind == "tanh" else clipped

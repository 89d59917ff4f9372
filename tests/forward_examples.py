"""Policies, weights and observations for tests of the forward pass's comparers, and a PyTorch that is tampered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity.report import Section
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy

RELU = "mlp:9-33-7,act=relu"
TANH = "mlp:6-40-30-3"
OUTSIDE = "cnn:16x32x32-4k2p2-5k3-3"
"""PyTorch computes its first convolution as a matrix product, which it cuts by the processor's cache."""

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def example(spelling: str, rows: int = 200) -> tuple[Policy, NDArray[np.float32], NDArray[np.float32]]:
    """A policy, weights and observations."""
    policy = Policy(spelling)
    observations = np.random.default_rng(2).standard_normal((rows, policy.n_inputs), np.float32)
    return policy, policy.init(1, seed=3)[0], observations


def by_name(found: Sequence[Section], start: str) -> Section:
    (section,) = (section for section in found if section.name.startswith(start))
    return section


class Tampered(TorchPolicy):
    """A PyTorch whose weights, or whose float32 results, are changed on the way."""

    def __init__(self, torch_policy: TorchPolicy, *, weights: Change | None = None, results: Change | None = None):
        super().__init__()
        self.versions = torch_policy.versions
        self._original = torch_policy
        self._change_weights = weights
        self._change_results = results

    def outputs(
        self,
        input_shape: tuple[int, ...],
        layers: Sequence[_engine.Layer],
        weights: NDArray[np.float32],
        observations: NDArray[np.float32],
        *,
        keep: Sequence[int] | None = None,
        states: NDArray[np.float32] | None = None,
        keep_states: bool = False,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> list[NDArray[Any]]:
        if self._change_weights is not None and weights.size:
            weights = self._change_weights(weights.copy())
        given = {"keep": keep, "states": states, "keep_states": keep_states, "dtype": dtype}
        found = self._original.outputs(input_shape, layers, weights, observations, **given)  # type: ignore[arg-type]
        if self._change_results is not None and dtype == "float32":
            count = len(found) - keep_states
            found[:count] = [self._change_results(outputs.copy()) for outputs in found[:count]]
        return found


def swapped(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    weights[[2, 3]] = weights[[3, 2]]
    return weights


def one_ulp(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    weights[5] = np.nextafter(weights[5], np.float32(1))
    return weights

"""Networks with every activation, between layers and behind the last one, bit for bit PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.activations import DEFAULTS, OF_OUTPUTS
from evalengine.policies.policy import Policy
from evalengine.references.divergence import differing_bits

OTHERS = ("leaky_relu:0.2", "elu:0.5", "celu:2", "softplus:2:5", "hardtanh:-0.5:2")
SPELLINGS = (*DEFAULTS, *OTHERS)
ROWS = 67
"""No multiple of anything: PyTorch's batch is filled up, ours is not."""


def differing(policy: Policy, scale: float, torch_policy: TorchPolicy) -> int:
    """How many logits of a random individual differ from PyTorch's in any bit, if NaN is NaN."""
    weights = policy.init(1, seed=3)[0] * np.float32(scale)
    observations = np.random.default_rng(5).standard_normal((ROWS, policy.n_inputs), np.float32)
    ours = policy.network.logits(weights, observations)
    theirs = torch_policy.logits(policy, weights, observations)
    return int(differing_bits(ours, theirs).sum())


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_logits_are_pytorchs(spelling: str, torch_policy: TorchPolicy) -> None:
    options = f",act={spelling},out={spelling}"
    for shape in ("mlp:5-24-16-3", "mlp:3-200-13-1", "cnn:3x9x8-10k3-4k2s2-12-5"):
        for scale in (1e-3, 1.0, 30.0):
            assert differing(Policy(shape + options), scale, torch_policy) == 0


@pytest.mark.usefixtures("known_order")
@pytest.mark.parametrize("name", OF_OUTPUTS)
def test_softmax_of_any_number_of_outputs_is_pytorchs(name: str, torch_policy: TorchPolicy) -> None:
    for outputs in range(1, 34):
        for scale in (1e-3, 1.0, 30.0):
            assert differing(Policy(f"mlp:3-12-{outputs},out={name}"), scale, torch_policy) == 0


@pytest.mark.usefixtures("known_order")
def test_each_layer_has_its_own_activation_and_bias(torch_policy: TorchPolicy) -> None:
    for start in range(len(SPELLINGS)):
        three = "/".join(SPELLINGS[(start + step) % len(SPELLINGS)] for step in (0, 5, 11))
        policy = Policy(f"cnn:2x7x7-9k3-20-14-6,act={three},out={SPELLINGS[start - 1]},bias=0/1/0/1")
        assert differing(policy, 3.0, torch_policy) == 0


def test_the_comparison_sees_another_parameter(torch_policy: TorchPolicy) -> None:
    policy, other = Policy("mlp:5-24-3,act=elu:0.5"), Policy("mlp:5-24-3,act=elu:0.50001")
    weights, observations = policy.init(1, seed=0)[0], np.ones((4, 5), np.float32)
    ours = other.network.logits(weights, observations)
    assert differing_bits(ours, torch_policy.logits(policy, weights, observations)).any()

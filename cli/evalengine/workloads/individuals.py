"""Whose weights a parity run plays with: trained individuals where there are any, and random ones.

Trained ones live long and come close to ties; random ones do what nobody foresees. Depends on the workloads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.policies.policy import Policy
from evalengine.workloads.catalogue import shipped_weights, workload

_TRAINED_NOISE = 0.002
"""Standard deviation of the noise around the trained weights: enough for another individual that still plays well."""


def individuals(entry: EnvironmentEntry, policy: Policy, count: int, seed: int) -> list[NDArray[np.float32]]:
    """Return `count` weight vectors: every other one trained, if this policy has trained weights, the rest random.

    The first trained one is as it was trained; the others are it with a little noise.
    """
    random = list(policy.init(count, seed))
    trained = _trained(entry, policy)
    if trained is None:
        return random
    rng = np.random.default_rng(seed)
    for index in range(0, count, 2):
        noise = rng.standard_normal(policy.n_params, np.float32) * np.float32(_TRAINED_NOISE)
        random[index] = trained + noise if index else trained
    return random


def _trained(entry: EnvironmentEntry, policy: Policy) -> NDArray[np.float32] | None:
    """Return the weights (D,) that were trained for this environment and policy, or None."""
    try:
        file = workload("trained", entry, str(policy)).weights_file
    except InputError:  # nothing for this environment, or for this policy
        return None
    return None if file is None else shipped_weights(file)

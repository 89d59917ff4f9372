"""Policies of either kind, networks and graphs, and the individuals that each of them has.

    spelling ──► as_policy ──► Policy, GraphPolicy          what callers pass ──► individuals_of ──► arrays, Graphs

Depends on both kinds.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalengine.arguments import is_population, non_finite_weight, population_matrix
from evalengine.errors import InputError, NonFiniteError
from evalengine.policies.graph_form import GraphForm, is_spelling
from evalengine.policies.graph_policy import GraphPolicy
from evalengine.policies.graphs import Graphs
from evalengine.policies.policy import Policy
from evalengine.policies.population import flat_weights

AnyPolicy: TypeAlias = Policy | GraphPolicy
"""A network, or a graph for each individual."""

Individuals: TypeAlias = NDArray[np.float32] | Graphs
"""A population: weights (P, D), or P graphs."""


def as_policy(policy: AnyPolicy | str) -> AnyPolicy:
    """Return the policy that a spec means.

    Raises:
        InputError: it is misspelt, or neither a policy nor a spec; of a `neat.Config` the message says what makes one.
    """
    if isinstance(policy, Policy | GraphPolicy):
        return policy
    if hasattr(policy, "genome_config"):
        raise InputError("policy: expected evalengine.neat.policy(config), got the neat.Config itself")
    return GraphPolicy(policy) if is_spelling(policy) or isinstance(policy, GraphForm) else Policy(policy)


def individuals_of(policy: AnyPolicy, given: Any) -> Individuals:
    """Return the population that callers pass, checked.

    Raises:
        InputError: it does not fit the policy; the message says which individual.
    """
    if isinstance(policy, GraphPolicy):
        return policy.individuals(given)
    if is_population(given, policy.n_params):  # first, since to look for anything else takes as long as 20 steps
        weights: NDArray[np.float32] = given
        return weights
    return population_matrix(flat_weights(policy, given), policy, policy.n_params, allow_vector=True)


def check_finite(individuals: Individuals) -> None:
    """Refuse a population with a number that is NaN or infinite.

    Raises:
        NonFiniteError: what `not_finite` returns.
    """
    if (error := not_finite(individuals)) is not None:
        raise error


def not_finite(individuals: Individuals) -> NonFiniteError | None:
    """Return the error that names the first individual with a number that is NaN or infinite; None without one."""
    return individuals.non_finite() if isinstance(individuals, Graphs) else non_finite_weight(individuals)

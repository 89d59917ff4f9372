"""Which environment and which policy a weights file is for, when the user has not said.

    weights (P, D), options, sidecar ──► environment, policy

What is given wins over the file's sidecar, and the sidecar over a guess; a guess is made only where exactly one
environment fits. Otherwise the error says what would. Depends on the registry and on Policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from evalengine.environments.observation import ObservationLike
from evalengine.environments.registry import EnvironmentEntry, describe, entries
from evalengine.errors import InputError
from evalengine.messages import named
from evalengine.policies.fits import observation_for
from evalengine.policies.graphs import Graphs
from evalengine.policies.individuals import AnyPolicy
from evalengine.policies.loading import LoadedWeights
from evalengine.policies.policy import Policy


def choose(
    loaded: LoadedWeights,
    env: str | None,
    env_kwargs: Mapping[str, bool | int | float] | None = None,
    observation: ObservationLike | None = None,
) -> tuple[EnvironmentEntry, AnyPolicy]:
    """Return the environment (keyword arguments applied) and the policy for a weights file.

    Args:
        loaded: the weights and their policy, if it was given or the file says it; else it is the environment's default
            if that has as many parameters.
        env: short name or full id; None takes the file's, then the only one that fits.
        env_kwargs: keyword arguments of the environment.
        observation: what stands before it; a guess at the environment does without.

    Raises:
        InputError: a name, a spec or a keyword argument is wrong, or nothing fits, or more than one does.
    """
    name = loaded.env_id if env is None else env
    if loaded.policy is None and isinstance(loaded.weights, Graphs):
        raise InputError(f"weights: {named(loaded.path)}: graphs: say which policy they are with --policy, as neat:4-2")
    if name is not None:
        entry = describe(name, env_kwargs, observation)
    elif loaded.policy is not None:
        entry = describe(_only_env_for_policy(loaded, loaded.policy).id, env_kwargs, observation)
    else:
        entry = describe(_only_env_for_count(loaded).id, env_kwargs, observation)
    return entry, loaded.policy or _default_policy(loaded, entry)


def suggestions(n_params: int, entry: EnvironmentEntry) -> list[str]:
    """Return the policies of the usual forms that have exactly `n_params` parameters and fit the environment.

    The usual forms are the environment's default and an mlp without a hidden layer, with one, or with two equal ones.
    """
    inputs, outputs = entry.n_inputs, entry.n_outputs
    shapes = [f"{inputs}-{outputs}"]
    # One hidden layer of h: h (inputs + 1) + outputs (h + 1) = n_params.
    width, rest = divmod(n_params - outputs, inputs + 1 + outputs)
    if rest == 0 and width > 0:
        shapes.append(f"{inputs}-{width}-{outputs}")
    # Two hidden layers of h: h^2 + h (inputs + outputs + 2) + outputs = n_params.
    linear = inputs + outputs + 2
    root = math.isqrt(max(0, linear**2 + 4 * (n_params - outputs)))
    width = (root - linear) // 2
    if width > 0:
        shapes.append(f"{inputs}-{width}-{width}-{outputs}")
    candidates = dict.fromkeys([entry.default_policy, *(f"mlp:{shape}" for shape in shapes)])
    return [spelling for spelling in candidates if _has_count_and_fits(Policy(spelling), n_params, entry)]


def _has_count_and_fits(policy: Policy, n_params: int, entry: EnvironmentEntry) -> bool:
    return policy.n_params == n_params and _fits(policy, entry)


def _fits(policy: AnyPolicy, entry: EnvironmentEntry) -> bool:
    try:
        policy.check_fits(entry)
    except InputError:
        return False
    return True


def _default_policy(loaded: LoadedWeights, entry: EnvironmentEntry) -> Policy:
    """Return the environment's default policy if it has the file's number of parameters and fits."""
    default, n_params = Policy(entry.default_policy), _n_params(loaded)
    if _has_count_and_fits(default, n_params, entry):
        return default
    fitting = suggestions(n_params, entry)
    advice = f"--policy {' or '.join(fitting)} would fit" if fitting else "say which policy they are with --policy"
    raise InputError(
        f"weights: {named(loaded.path)}: expected {default.n_params} per individual for {default}, the default "
        f"policy of {entry.id}, got {n_params}: {advice}"
    )


def _only_env_for_count(loaded: LoadedWeights) -> EnvironmentEntry:
    """Return the one environment whose default policy has as many parameters as the file's individuals."""
    n_params = _n_params(loaded)
    fitting = [entry for entry in entries() if Policy(entry.default_policy).n_params == n_params]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(entry.id for entry in fitting)
        raise InputError(
            f"weights: {named(loaded.path)}: the default policies of {names} all have {n_params} weights: choose by "
            "--env"
        )
    known = ", ".join(
        f"{Policy(entry.default_policy).n_params} for {entry.id} ({entry.default_policy})" for entry in entries()
    )
    others = [
        f"--env {entry.id} --policy {spelling}" for entry in entries() for spelling in suggestions(n_params, entry)
    ]
    advice = f"{' or '.join(others)} would fit" if others else "give --env and --policy"
    raise InputError(
        f"weights: {named(loaded.path)}: expected as many per individual as a default policy has, {known}, "
        f"got {n_params}: {advice}"
    )


def _n_params(loaded: LoadedWeights) -> int:
    """Return how many weights an individual has; graphs were refused before."""
    assert not isinstance(loaded.weights, Graphs)
    return int(loaded.weights.shape[1])


def _only_env_for_policy(loaded: LoadedWeights, policy: AnyPolicy) -> EnvironmentEntry:
    """Return the one environment whose observations and actions fit the policy."""
    fitting = [entry for entry in entries() if _fits(policy, entry)]
    if len(fitting) == 1:
        return fitting[0]
    seen = [(entry.id, options) for entry in entries() if (options := _with_observation(policy, entry))]
    if not fitting and len(seen) == 1:
        name, options = seen[0]
        raise InputError(
            f"weights: {named(loaded.path)}: their policy {policy} fits no environment as it is by default: say "
            f"what it sees, as --env {name} --observation {options}"
        )
    names = ", ".join(entry.id for entry in fitting or entries())
    found = "fits more than one environment" if fitting else "fits no environment as it is by default"
    raise InputError(f"weights: {named(loaded.path)}: their policy {policy} {found}: choose by --env one of {names}")


def _with_observation(policy: AnyPolicy, entry: EnvironmentEntry) -> str:
    """Return observation options with which an environment fits a policy; "" if none do that are tried."""
    options = observation_for(policy, entry) if isinstance(policy, Policy) else ""
    try:
        return options if options and _fits(policy, describe(entry.id, None, options)) else ""
    except InputError:  # no size that images can have
        return ""

"""Whether a policy can play an environment: its inputs, its outputs, its head and its noise.

    Spelling, EnvironmentEntry ──► check_fits ──► nothing, or one line that gives both sides

Depends on spelling, head_spelling and the registry's entries.
"""

from __future__ import annotations

from evalengine.environments.registry import EnvironmentEntry
from evalengine.errors import InputError
from evalengine.policies.head_spelling import BOX_HEADS, DEFAULT_HEAD, DISCRETE_HEADS, threshold_of
from evalengine.policies.spelling import Spelling


def check_fits(policy: Spelling, entry: EnvironmentEntry) -> None:
    """Check a policy against an environment with its keyword arguments applied; see `Architecture.check_fits`.

    Raises:
        InputError: the policy cannot play this environment.
    """
    check = _check_box if entry.n_actions is None else _check_discrete
    check(policy, entry)
    wanted = (entry.n_inputs,) if policy.arch == "mlp" else entry.image_shape or entry.observation_shape
    outputs = entry.n_outputs if threshold_of(policy.head) is None else 1
    if (policy.input_shape, policy.sizes[-1]) != (wanted, outputs):
        inputs, got = ("x".join(str(size) for size in sizes) for sizes in (wanted, policy.input_shape))
        raise InputError(
            f"policy: {entry.id} needs {inputs} inputs and {outputs} outputs, "
            f"got {policy} ({got} inputs, {policy.sizes[-1]} outputs)"
        )


def _check_box(policy: Spelling, entry: EnvironmentEntry) -> None:
    heads, out = policy.head.split("/"), policy.output_activation
    if policy.head.partition(":")[0] in DISCRETE_HEADS:
        expected = f"{', '.join(BOX_HEADS[:-1])} or {BOX_HEADS[-1]}"
        raise InputError(f"policy: {entry.id} has Box actions, expected head={expected}, got {policy}")
    if out in ("tanh", "sigmoid") and out in heads:
        raise InputError(
            f"policy: {entry.id} has Box actions, out={out} and head={out} would apply {out} twice: expected head=clip "
            f"beside out={out}, which plays the outputs as they are, or no out={out}, got {policy}"
        )


def _check_discrete(policy: Spelling, entry: EnvironmentEntry) -> None:
    name = policy.head.partition(":")[0]
    if name not in (*DISCRETE_HEADS, DEFAULT_HEAD):
        raise InputError(f"policy: {entry.id} has discrete actions, expected no head={policy.head}, got {policy}")
    if policy.noise:
        raise InputError(f"policy: {entry.id} has discrete actions, expected no noise={policy.noise}, got {policy}")
    if name == "threshold" and entry.n_actions != 2:
        raise InputError(
            f"policy: {entry.id} has {entry.n_actions} actions, head={policy.head} tells two apart: expected no such "
            f"head, got {policy}"
        )

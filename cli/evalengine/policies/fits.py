"""Whether a policy can play an environment: its inputs, its outputs, its head and its noise.

    Spelling, EnvironmentEntry ──► check_fits ──► nothing, or one line that gives both sides

Depends on spelling, head_spelling and the registry's entries.
"""

from __future__ import annotations

from evalengine.environments.registry import EnvironmentEntry, describe
from evalengine.errors import InputError
from evalengine.policies.head_spelling import BOX_HEADS, DEFAULT_HEAD, DISCRETE_HEADS, threshold_of
from evalengine.policies.spelling import Spelling

_ATARI = 84
"""The side of the images that most policies of the literature see."""


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
            f"got {policy} ({got} inputs, {policy.sizes[-1]} outputs){_advice(policy, entry)}"
        )


def observation_for(policy: Spelling, entry: EnvironmentEntry) -> str:
    """Return the observation options that give a policy for images its inputs, as they usually are; "" if none would.

    Of gray images, since that is how policies for 84 x 84 pixels and such are mostly trained.
    """
    if entry.observation_dtype != "uint8" or entry.image_shape is None:
        return ""
    channels, height, width = entry.image_shape
    if policy.arch == "cnn":
        wanted, *size = policy.input_shape
    elif policy.input_shape[0] % _ATARI**2 == 0:
        wanted, size = policy.input_shape[0] // _ATARI**2, [_ATARI, _ATARI]
    else:
        return ""
    is_gray = wanted != channels
    parts = ["gray"] if is_gray else []
    parts += [] if size == [height, width] else [f"resize={size[0]}x{size[1]}"]
    parts += [f"stack={wanted}"] if is_gray and wanted > 1 else []
    return ",".join(parts)


def _advice(policy: Spelling, entry: EnvironmentEntry) -> str:
    """Say what would give a policy its inputs, where nothing stands before the images yet."""
    is_bare = entry.image_shape == describe(entry.id).image_shape
    options = observation_for(policy, entry) if is_bare else ""
    return f"; observation={options!r} (--observation {options}) gives such inputs" if options else ""


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

"""Policies as PyTorch modules and back.

    >>> policy = from_torch(nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2)))
    >>> str(policy)
    'mlp:4-64-2'

    module ──► torch_graph: operations ──► torch_layers: layers ──► torch_chain: Policy, and its parameters in order

What a module computes is read, not sampled; where it is more than PyTorch's own classes it is also run beside the
equivalent nn.Sequential, and every bit compared, as a second look. Nothing here runs episodes. Depends on policy,
state_dicts, arguments and the other torch_ files; torch is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from evalengine.errors import InputError, MissingDependencyError
from evalengine.messages import first_line, kind, named
from evalengine.policies.architecture import Architecture
from evalengine.policies.head_spelling import LOG_STD
from evalengine.policies.state_dicts import is_log_std, to_state_dict
from evalengine.policies.torch_blocks import modules_of
from evalengine.policies.torch_cells import recurrent_module
from evalengine.policies.torch_chain import chain_parameters, chain_policy
from evalengine.policies.torch_graph import Own, is_plain, operations_of
from evalengine.policies.torch_layers import layers_of
from evalengine.policies.torch_memory import Remembering, cells_of, remembering, run_beside, sequences_as_cells
from evalengine.policies.torch_stand_ins import substituted
from evalengine.scalars import check_integer, items_of

if TYPE_CHECKING:
    from torch import Tensor, nn

# Small ones show what large ones hide behind saturated activations, and the reverse.
_SCALES = (1e-3, 1.0, 1e3)
_BATCHES = (1, 5)


def to_torch(policy: Architecture, vector: ArrayLike) -> nn.Sequential:
    """Return the equivalent nn.Sequential on the CPU, in float32, holding a copy of the weights of one individual (D,).

    With recurrent cells it takes and gives a state: see `torch_cells`.

    Raises:
        InputError: the vector does not have the policy's number of parameters.
        MissingDependencyError: torch is not installed.
    """
    state_dict = to_state_dict(policy, vector)
    torch = import_torch()
    layers = modules_of(policy.steps)
    module: nn.Sequential = recurrent_module(layers) if policy.n_state else torch.nn.Sequential(*layers)
    if policy.learns_noise:
        # A module's own parameters come before those of its layers.
        module.register_parameter(LOG_STD, torch.nn.Parameter(torch.zeros(policy.n_outputs)))
    module.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in state_dict.items()})
    return module


def from_torch(module: nn.Module, observation_shape: tuple[int, ...] | None = None) -> Architecture:
    """Return the policy that a module is; `Policy.from_torch` says what is read.

    Raises:
        InputError: it is no chain of layers that a policy has; the message names the layer or the operation.
        MissingDependencyError: torch is not installed.
    """
    return read_module(module, observation_shape)[0]


def read_module(
    module: nn.Module, observation_shape: tuple[int, ...] | None = None, *, learns_noise: bool = False
) -> tuple[Architecture, list[Own]]:
    """Return the policy that a module is, and the module's parameters, named, in the order of the flat vector.

    Args:
        module: see `Policy.from_torch`.
        observation_shape: see there.
        learns_noise: a parameter `log_std`, which no layer has, is the policy's, with noise=log_std.

    Raises:
        InputError: as `from_torch`.
        MissingDependencyError: torch is not installed.
    """
    torch = import_torch()
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch: expected a torch.nn.Module, got {kind(module)}")
    observation_shape = _checked_shape(observation_shape)
    axes = 2 if observation_shape is None else 1 + len(observation_shape)
    read = remembering(module, axes) if cells_of(module) else None
    layers = layers_of(operations_of(module, axes) if read is None else read.operations)
    policy = chain_policy(layers, observation_shape)
    parameters = chain_parameters(layers)
    deviations = _log_std(module, policy) if learns_noise else []
    _check_parameters(module, [*deviations, *parameters])
    if read is not None:
        _compare_remembering(module, policy, parameters, read, observation_shape)
    elif not is_plain(module):
        _compare(module, policy, parameters, observation_shape)
    if deviations:
        policy = Architecture(f"{policy},noise={LOG_STD}")
    return policy, [*deviations, *parameters]


def import_torch() -> ModuleType:
    """Return torch.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingDependencyError.of("torch", extra="torch") from None
    return torch


def _checked_shape(shape: Any) -> tuple[int, ...] | None:
    """Return the shape of an observation as a tuple of Python's integers."""
    if shape is None:
        return None
    given = items_of(shape, (tuple, list, np.ndarray))
    if given is None:
        raise InputError(f"from_torch: expected observation_shape to be a tuple of sizes, got {kind(shape)}")
    sizes = [check_integer("from_torch: observation_shape", size, least=1, most=2**30) for size in given]
    return tuple(sizes)


def _log_std(module: nn.Module, policy: Architecture) -> list[Own]:
    """Return the module's logarithms of deviations, one for each output; nothing if it has none."""
    named_so = [Own(name, tensor) for name, tensor in module.named_parameters() if is_log_std(name)]
    return [own for own in named_so[:1] if own.tensor.numel() == policy.n_outputs]


def _check_parameters(module: nn.Module, chain: Sequence[Own]) -> None:
    """Check that the flat vector is all that can change in the module: each parameter once, and nothing beside."""
    in_chain = [id(own.tensor) for own in chain]
    if len(set(in_chain)) != len(in_chain):
        raise InputError("from_torch: expected every layer once, got layers that share parameters")
    for name, parameter in module.named_parameters():
        if id(parameter) not in in_chain:
            advice = f" (a policy with noise={LOG_STD} can be given its weights)" if is_log_std(name) else ""
            raise InputError(
                f"from_torch: parameter {named(name)} belongs to no Linear, Conv2d or LayerNorm of the chain{advice}"
            )


def _compare(
    module: nn.Module, policy: Architecture, parameters: Sequence[Own], observation_shape: tuple[int, ...] | None
) -> None:
    """Run a module beside the equivalent nn.Sequential, both with the same random weights, and compare every bit.

    Equal bits can be asked for: both call the same kernels on the same batches. A module that was read wrongly differs.
    """
    import torch

    (vector,) = policy.init(population=1, seed=0)
    chain = to_torch(policy, vector)
    theirs = {id(own.tensor): ours.detach() for own, ours in zip(parameters, chain.parameters(), strict=True)}
    theirs |= {id(buffer): buffer.detach().clone() for buffer in module.buffers()}
    shape = policy.input_shape if observation_shape is None else tuple(observation_shape)
    name = kind(module)
    # One call after the other: what a module remembers of one may change the next.
    with torch.no_grad(), torch.autocast("cpu", enabled=False), substituted(module, theirs):
        for observations in _observations(shape):
            # First, because the other one might change the weights.
            expected = chain(observations.reshape(-1, *policy.input_shape))
            try:
                got = module(observations.clone())
            except Exception as error:  # a user's forward may raise anything
                raise InputError(
                    f"from_torch: {name} fails on observations of shape {tuple(observations.shape)}: "
                    f"{first_line(error)}"
                ) from error
            if not isinstance(got, torch.Tensor) or not _same_bits(got, expected):
                raise InputError(
                    f"from_torch: expected {name} to compute what it was read as, {policy}, got other outputs: write "
                    "it as an nn.Sequential"
                )


def _compare_remembering(
    module: nn.Module,
    policy: Architecture,
    parameters: Sequence[Own],
    read: Remembering,
    observation_shape: tuple[int, ...] | None,
) -> None:
    """Do the same with a module that remembers, for some steps after each other."""
    import torch

    (vector,) = policy.init(population=1, seed=0)
    chain = to_torch(policy, vector)
    theirs = {id(own.tensor): ours.detach() for own, ours in zip(parameters, chain.parameters(), strict=True)}
    theirs |= {id(buffer): buffer.detach().clone() for buffer in module.buffers()}
    shape = policy.input_shape if observation_shape is None else tuple(observation_shape)
    steps: dict[int, list[Tensor]] = {}
    for rows in _observations(shape):
        steps.setdefault(len(rows), []).append(rows)
    with torch.no_grad(), torch.autocast("cpu", enabled=False), substituted(module, theirs), sequences_as_cells(module):
        for each in steps.values():
            found = run_beside(module, chain, read, each)
            if found:
                raise InputError(
                    f"from_torch: expected {kind(module)} to compute what it was read as, {policy}, got {found}"
                )


def _observations(shape: tuple[int, ...]) -> Iterator[Tensor]:
    import torch

    random = np.random.default_rng(0)
    for batch in _BATCHES:
        for scale in _SCALES:
            yield torch.from_numpy((random.standard_normal((batch, *shape)) * scale).astype(np.float32))


def _same_bits(a: Tensor, b: Tensor) -> bool:
    import torch

    same_kind = a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
    return same_kind and torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))

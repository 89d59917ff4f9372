"""Calling a PyTorch module without touching it: other tensors in place of its weights, and everything put back.

A call may do more than compute: keep an activation, count, append to a list, clip its own weights. `substituted` gives
the module other tensors for the time of one call and puts back afterwards what its attributes were, so nothing has to
be copied that cannot be (locks, activations with a graph behind them). `stand_ins` are tensors without values: a
network that decides by its weights, or changes them, is then one that cannot be read instead of one that is misread.
Depends on nothing; torch is imported inside functions only.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

# Two threads may evaluate one module at a time; and how compiled code runs is one setting for all.
_ONE_AT_A_TIME = threading.RLock()
_Container = list[Any] | dict[Any, Any] | set[Any] | deque[Any]


@contextmanager
def substituted(module: nn.Module, tensors: Mapping[int, Tensor]) -> Iterator[None]:
    """Give a module other parameters and buffers, by the `id` of its own; afterwards all its attributes are as before.

    Wrappers that share a batch out among devices pass it on as it is, and what torch.compile has compiled runs as it is
    written; PyTorch before 2.6 goes through its compiler instead. Lists and other containers among the attributes
    get their former contents back, objects of other classes may have changed.
    """
    import torch

    spread = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    with _ONE_AT_A_TIME, _attributes_kept(module), _eagerly():
        for part in module.modules():
            for group in (part._parameters, part._buffers):
                for name, tensor in group.items():
                    if tensor is not None:
                        group[name] = tensors.get(id(tensor), tensor)  # type: ignore[assignment]
            if type(part) in spread:
                vars(part)["forward"] = part.module
        yield


def stand_ins(module: nn.Module) -> dict[int, Tensor]:
    """Return float32 tensors without values for all parameters of a module, and others for its buffers, by their `id`.

    What is computed from those for the parameters is of their class, too.
    """
    import torch

    tensors: dict[int, Tensor] = {}
    for parameter in module.parameters():
        empty = torch.empty(parameter.shape, dtype=torch.float32, device="meta")
        tensors[id(parameter)] = torch.nn.Parameter(empty.as_subclass(_stand_in_type()))
    for buffer in module.buffers():
        tensors[id(buffer)] = torch.empty_like(buffer, device="meta")
    return tensors


def changes_a_parameter(function: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """Say whether an operation of this name writes to a stand-in for a parameter, or to what is made of one."""
    in_place = function.endswith("_") and not function.endswith("__") and function != "requires_grad_"
    augmented = function.startswith("__i") and function not in ("__index__", "__int__", "__invert__")
    writes = in_place or augmented or function in ("__set__", "__setitem__")
    written = kwargs.get("out", args[0] if args and writes else None)
    return isinstance(written, _stand_in_type())


def _eagerly() -> AbstractContextManager[object]:
    import torch

    # Where nothing has been compiled, the compiler is not imported either: it takes seconds.
    if "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
        stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
        return stance
    return nullcontext()


@cache
def _stand_in_type() -> type[Tensor]:
    import torch

    class StandIn(torch.Tensor):
        """A parameter without values, or what is computed from such alone."""

    return StandIn


@contextmanager
def _attributes_kept(module: nn.Module) -> Iterator[None]:
    containers: dict[int, tuple[_Container, _Container]] = {}
    for part in module.modules():
        _note(vars(part), containers)
    try:
        yield
    finally:
        for container, contents in containers.values():
            _restore(container, contents)


def _note(value: Any, containers: dict[int, tuple[_Container, _Container]]) -> None:
    """Copy a container of one of Python's own classes, and those in it."""
    if not isinstance(value, list | dict | set | deque) or id(value) in containers:
        return
    containers[id(value)] = (value, value.copy())
    for item in value.values() if isinstance(value, dict) else value:
        _note(item, containers)


def _restore(container: _Container, contents: _Container) -> None:
    """Change what differs only: attributes of a module are never missing, whoever looks at them meanwhile."""
    if isinstance(container, dict) and isinstance(contents, dict):
        container.update(contents)
        for added in [key for key in container if key not in contents]:
            del container[added]
    if _identities(container) == _identities(contents):
        return
    container.clear()
    if isinstance(container, list | deque):
        container.extend(contents)
    else:
        container.update(contents)


def _identities(container: _Container) -> list[int]:
    both = [container, container.values()] if isinstance(container, dict) else [container]
    return [id(item) for items in both for item in items]

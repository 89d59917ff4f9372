"""What a PyTorch module does with a batch of observations: its operations, one after the other.

    nn.Module ──► called on a recording tensor ──► [linear(weight, bias), tanh, linear(weight, bias)]

The module is really called, with hooks, an overridden `__call__` and all, on an object that stands for any observation
(`torch_recording`): nothing is sampled. Functions and layers look the same here, because PyTorch's layers call its
functions. What an operation means is for `torch_layers` to say. This is not `torch.fx.symbolic_trace`: that patches
nn.Module for all threads, passes over the hooks of layers and of the module itself, and reads the `forward` of the
class whatever a call would run. Depends on state_dicts, torch_recording and torch_stand_ins; torch is imported inside
functions only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from evalengine.errors import InputError
from evalengine.messages import first_line, kind, named
from evalengine.policies.torch_recording import Recording, Step, UnreadableError, step_of, without_values
from evalengine.policies.torch_stand_ins import stand_ins, substituted

if TYPE_CHECKING:
    from torch import Tensor, nn

SUPPORTED = "Linear, Conv2d, a pool, LayerNorm, an activation, Flatten or Identity"
# What looks at a value without changing it: results that nothing uses are no concern of the logits.
_WATCHING = {"abs", "clone", "cpu", "detach", "float", "getitem", "item", "max", "mean", "min", "norm", "numpy", "std"}
_WATCHING |= {"sum", "tolist", "var"}


@dataclass(frozen=True)
class Operation:
    """One step of a forward pass: a function of the step before.

    Attributes:
        name: what it is called, such as "tanh".
        target: the function, or the method of Tensor.
        args: its positional arguments: `INPUT` for the step before, `Own` parameters, tensors, numbers.
        kwargs: its keyword arguments, alike.
        place: where it happens, for messages: "layer 2.0 (Dropout)" or "tanh in Net.forward".
        layer: the layer of PyTorch's that consists of this operation; None where another class has it.
    """

    name: str
    target: object
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    place: str
    layer: nn.Module | None

    @property
    def text(self) -> str:
        """What was called, for messages: a layer as it prints itself, a function with its arguments."""
        if self.layer is not None:
            return _layer_text(self.layer)
        return _call_text(self.name, self.args, self.kwargs)


SKIP, ADD = "skip", "add"
"""Targets of operations of their own: what the first one is given is added to what the second one is given."""


class Own(NamedTuple):
    """A parameter of the module, with its name there."""

    name: str
    tensor: Tensor

    def __repr__(self) -> str:
        return self.name


class _Input:
    def __repr__(self) -> str:
        return "x"


INPUT = _Input()


def unsupported(place: str, got: str) -> InputError:
    """Return the error for something that no policy has."""
    return InputError(f"from_torch: {place}: expected {SUPPORTED}, got {got}")


def operations_of(module: nn.Module, axes: int) -> list[Operation]:
    """Return what a module does with a batch of observations of `axes` axes, the batch included, first to last.

    Raises:
        InputError: it cannot be called, decides by values, or is no chain of operations.
    """
    check_readable(module)
    places = Places(module)
    recording = Recording(axes, places.of_frame)
    plain = is_plain(module)
    tensors = {} if plain else stand_ins(module)
    try:
        with nullcontext() if plain else substituted(module, tensors), without_values(recording):
            result = module(recording.observations)
    except Exception as error:  # a user's forward may raise anything
        raise places.refusal(recording.refusal or error) from error
    if recording.refusal is not None:
        raise places.refusal(recording.refusal)
    last = step_of(result)
    if last is None:
        got = kind(result)
        raise InputError(f"from_torch: expected {places.root} to return one tensor made of the observations, got {got}")
    own = {id(parameter): Own(name, parameter) for name, parameter in module.named_parameters()}
    own |= {id(tensor): own[key] for key, tensor in tensors.items() if key in own}
    return _chain(recording.steps, last, own)


def is_plain(module: nn.Module) -> bool:
    """Say whether calling a module does what PyTorch's own classes do, and nothing else."""
    import torch.nn.modules.module as calls

    if any((calls._global_forward_hooks, calls._global_forward_pre_hooks, calls._global_backward_hooks)):
        return False
    return not any(
        "forward" in vars(part)
        or part._forward_hooks
        or part._forward_pre_hooks
        or part._compiled_call_impl is not None
        or not type(part).__module__.startswith("torch.nn.modules.")
        for part in module.modules()
    )


def check_readable(module: nn.Module) -> None:
    """Check that a module lists its layers, and that these are Python's with sizes."""
    import torch

    try:
        parts = list(module.named_modules())
    except Exception as error:  # its __init__ is not nn.Module's, or what lists its layers is its own
        raise InputError(f"from_torch: expected {kind(module)} to list its layers, got {first_line(error)}") from error
    for name, part in parts:
        place = f"layer {named(name) or '0'} ({kind(part)})"
        if isinstance(part, torch.jit.ScriptModule):
            raise InputError(f"from_torch: {place}: expected a module in Python, got TorchScript")
        if any(torch.nn.parameter.is_lazy(own) for own in part._parameters.values()):
            raise InputError(f"from_torch: {place}: expected a layer with its sizes, got one that no input has reached")


def _chain(steps: Sequence[Step], last: Step, own: Mapping[int, Own]) -> list[Operation]:
    """Follow the result back to the observations, and check that what lies beside the way changes nothing on it."""
    number = {step: index for index, step in enumerate(steps)}
    way = _way(last, None, number) or []
    on_the_way = {step for step, _ in way}
    for aside in steps:
        if aside not in on_the_way and not only_watches(aside):
            raise refused_step(aside, f"{step_text(aside)} beside the chain of layers")
    return [operation_of(step, own) if target is None else _marked(step, target) for step, target in way]


def _way(end: Step, start: Step | None, number: Mapping[Step, int]) -> list[tuple[Step, str | None]] | None:
    """Return the steps after `start`, or the observations, up to `end`; None if `start` does not lie before `end`.

    `SKIP` and `ADD` stand with a sum's step.
    """
    way: list[tuple[Step, str | None]] = []
    step = end
    while step is not start and step.target is not None:
        if len(step.inputs) == 1:
            way.append((step, None))
            (step,) = step.inputs
            continue
        # Of x + f(x), x was there first.
        first, second = sorted(step.inputs, key=lambda each: number.get(each, -1))[:2]
        within = _way(second, first, number) if _is_sum(step) else None
        if within is None:
            count = len(step.inputs)
            raise refused_step(
                step, f"{step_text(step)}, which takes {count} results of former operations and is not x + f(x)"
            )
        way += [(step, ADD), *reversed(within), (step, SKIP)]
        step = first
    return None if start is not None and step is not start else way[::-1]


def _is_sum(step: Step) -> bool:
    """Say whether a step adds two results, neither of them multiplied."""
    import torch

    tensor = torch.Tensor
    sums = (torch.add, tensor.add, tensor.add_, tensor.__add__, tensor.__radd__, tensor.__iadd__)
    alpha = step.kwargs.get("alpha", 1)
    return (
        step.target in sums
        and len(step.inputs) == len(step.args) + len(step.kwargs.keys() - {"alpha"}) == 2
        and type(alpha) in (int, float)
        and alpha == 1
    )


def _marked(step: Step, target: str) -> Operation:
    place, layer = place_of(step)
    return Operation(target, target, (INPUT,), {}, place, layer)


def refused_step(step: Step, got: str) -> InputError:
    """Return the error for a step that no policy has."""
    place, layer = place_of(step)
    return unsupported(place, got if layer is None else _layer_text(layer))


def place_of(step: Step) -> tuple[str, nn.Module | None]:
    """Return where a step is, for messages, and the layer of PyTorch's that consists of it."""
    place, layer = step.where
    return (f"{step.name} {place}", None) if layer is None else (place, layer)


def only_watches(step: Step) -> bool:
    """Say whether a step looks at a value without changing it."""
    return step.name in _WATCHING and "out" not in step.kwargs


def operation_of(step: Step, own: Mapping[int, Own]) -> Operation:
    """Return a step as an operation, with the module's parameters in place of tensors."""

    def argument(value: Any) -> Any:
        if isinstance(value, Step):
            return INPUT
        if type(value) in (tuple, list):
            return type(value)(argument(item) for item in value)
        return own.get(id(value), value)

    place, layer = place_of(step)
    kwargs = {name: argument(value) for name, value in step.kwargs.items()}
    return Operation(step.name, step.target, argument(step.args), kwargs, place, layer)


def step_text(step: Step) -> str:
    """Return a step as one would write it."""
    return _call_text(step.name, step.args, step.kwargs)


def _call_text(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """Return an operation as one would write it: "clamp(x, -5, 5)"."""
    shown = [_argument_text(each) for each in args]
    shown += [f"{key}={_argument_text(value)}" for key, value in kwargs.items()]
    return named(f"{name}({', '.join(shown)})")


def _argument_text(value: object) -> str:
    if isinstance(value, Step):
        return value.name
    if type(value) in (tuple, list):
        return f"({', '.join(_argument_text(item) for item in value)})"  # type: ignore[attr-defined]
    try:
        return "a tensor" if hasattr(value, "device") and hasattr(value, "dtype") else str(value)
    except Exception:  # as in `_layer_text`
        return type(value).__name__


def _layer_text(layer: nn.Module) -> str:
    try:
        return named(" ".join(repr(layer).split()))
    except Exception:  # what a class of the user's prints may raise anything
        return kind(layer)


class Places:
    """Where in a module something happens, for messages."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._parts = {id(part): part for part in module.modules()}
        self._names = {id(part): name for name, part in module.named_modules()}
        self.root = self.name(module)

    def of_frame(self, frame: FrameType | None) -> tuple[str, nn.Module | None]:
        """Return where an operation of this frame is, and the layer of PyTorch's whose own code it belongs to."""
        part, function = self._owner(frame)
        name = self.name(part)
        if _is_torchs_own(part, function):
            return name, part
        if function == "_call_impl":
            return f"around {name}", None
        return f"in {name}.{function}" if part is self._module else f"in {function} of {name}", None

    def refusal(self, error: Exception) -> InputError:
        """Return the error for what ended the call of a module."""
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        part, function = self._owner(traceback and traceback.tb_frame)
        if _is_torchs_layer(part) and (function == "_call_impl" or _is_torchs_own(part, function)):
            return unsupported(self.name(part), _layer_text(part))
        is_ours = isinstance(error, UnreadableError)
        got = str(error) if is_ours else named(": ".join(dict.fromkeys([kind(error), first_line(error)])))
        return InputError(f"from_torch: {self.root}: expected a chain of layers that can be read, got {got}")

    def _owner(self, frame: FrameType | None) -> tuple[nn.Module, str]:
        """Return the innermost module of which this frame, or one that called it, runs a method; and which."""
        while frame is not None:
            code = frame.f_code
            part = self._parts.get(id(frame.f_locals.get(code.co_varnames[0]))) if code.co_argcount else None
            if part is not None:
                forward = getattr(type(part).forward, "__code__", None)
                return part, "forward" if code is forward else code.co_name
            frame = frame.f_back
        return self._module, "__call__"

    def name(self, part: nn.Module) -> str:
        """Return what a part of the module is called in messages."""
        if part is self._module and (any(part.children()) or not type(part).__module__.startswith("torch.")):
            return kind(part)
        return f"layer {named(self._names[id(part)]) or '0'} ({kind(part)})"


def _is_torchs_layer(part: nn.Module) -> bool:
    home = type(part).__module__
    return home.startswith(("torch.nn.modules.", "torch.ao.nn.")) and home != "torch.nn.modules.container"


def _is_torchs_own(part: nn.Module, function: str) -> bool:
    return type(part).__module__.startswith("torch.") and hasattr(type(part), function) and function != "_call_impl"

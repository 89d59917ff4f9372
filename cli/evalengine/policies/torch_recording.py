"""What stands for any batch of observations while a module is called, and records what is done with it.

It is a tensor of its own class, so PyTorch asks it about each operation (`__torch_function__`), as it asks a proxy of
torch.fx, and `isinstance(x, torch.Tensor)` is true. It passes for float32 on the CPU with a known number of axes,
because forwards ask for these. Any other question (`if x.max() > 10`) cannot be answered for all observations and ends
the reading, whether the module catches the exception or not. Depends on torch_stand_ins; torch is imported inside
functions only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING, Any

from evalengine.policies.torch_stand_ins import changes_a_parameter

if TYPE_CHECKING:
    from torch import nn

# `len` has to be a number: a prime that is no size of any layer.
BATCH = 999_983
# A loop over the rows of a batch would have no end.
_MOST_STEPS = 10_000
_FLATTENING = ("flatten", "reshape", "view")
# Numbers, truth and rows, which Python makes of a tensor.
CELL_RESULTS = {"lstm_cell": 2, "gru_cell": 1, "rnn_tanh_cell": 1, "rnn_relu_cell": 1}
"""Recurrent cells, with the number of tensors that each returns."""
_VALUES = {"__array__", "__bool__", "__complex__", "__contains__", "__float__", "__index__", "__int__", "unbind"}
_NUMBERS = _VALUES | {"item", "numpy", "tolist"}


@dataclass(frozen=True)
class Result:
    """What a step consists of that is one of several results of another: which of them."""

    index: int


class UnreadableError(Exception):
    """What a module does depends on more than which module it is."""


@dataclass(frozen=True, eq=False)
class Step:
    """One operation that was recorded; the observations themselves are a step without a target.

    Attributes:
        name: what it is called, such as "tanh", for a function and for a method of Tensor alike.
        target: the function, or the method; a `Result` where the step before, its only input, has several.
        args: its positional arguments: steps, tensors, numbers.
        kwargs: its keyword arguments, alike.
        inputs: the steps among all these.
        axes: the number of axes of the result, if a policy has such an operation at all.
        where: where it was called; the layer of PyTorch's that called it, or None.
        recording: what it belongs to.
    """

    name: str
    target: Callable[..., object] | Result | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[Step, ...]
    axes: int
    where: tuple[str, nn.Module | None]
    recording: Recording


class Size(int):
    """The size of one axis, for `view` and the like: an integer to PyTorch, which no decision can be made by."""

    axis: int
    recording: Recording

    @classmethod
    def of(cls, recording: Recording, axis: int) -> Size:
        """Return the size of axis `axis`."""
        size = cls(BATCH)
        size.axis, size.recording = axis, recording
        return size

    def _refuse(self, *others: object) -> Any:
        raise self.recording.refuse("a decision by, or a number made of, the size of a batch or of an observation")

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = _refuse
    __truediv__ = __rtruediv__ = __mod__ = __rmod__ = __pow__ = __neg__ = __abs__ = _refuse
    __hash__ = int.__hash__

    def __repr__(self) -> str:
        return f"x.size({self.axis})"

    __str__ = __repr__


class Recording:
    """The operations of one call.

    Attributes:
        steps: in the order in which they were called.
        observations: the tensor to call a module with.
        refusal: the first exception that ended the reading.
    """

    def __init__(self, axes: int, where: Callable[[FrameType], tuple[str, nn.Module | None]]) -> None:
        """Begin with observations of `axes` axes, the batch included; `where` says what a frame means to the user."""
        self.steps: list[Step] = []
        self.refusal: UnreadableError | None = None
        self._where = where
        self._had_autocast = _has_autocast()
        self.observations = self.base("observations", axes)

    def base(self, name: str, axes: int) -> Any:
        """Return a tensor that stands for what a module is called with."""
        return self._tensor(Step(name, None, (), {}, (), axes, ("", None), self))

    def record(self, target: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Record an operation and return the tensor that stands for its result."""
        inputs: list[Step] = []
        args, kwargs = _as_steps(args, inputs), _as_steps(dict(kwargs), inputs)
        name = name_of(target)
        where = self._where(sys._getframe(1))
        # An operation that gives other axes than these is refused in the end, so what it would give is no matter.
        is_flat = name in _FLATTENING or (name == "mean" and not kwargs.get("keepdim"))
        axes = 2 if is_flat or not inputs else inputs[0].axes + _added_axes(name, args)
        step = Step(name, target, args, kwargs, tuple(inputs), axes, where, self)
        self.steps.append(step)
        if len(self.steps) > _MOST_STEPS:
            raise self.refuse(f"more than {_MOST_STEPS} operations")
        if _has_autocast() and not self._had_autocast:
            self.refuse("torch.autocast, which rounds to another dtype")
        count = CELL_RESULTS.get(name, 1)
        if count == 1:
            return self._tensor(step)
        results = [Step(name, Result(index), (step,), {}, (step,), axes, where, self) for index in range(count)]
        return tuple(self._tensor(result) for result in results)

    def refuse(self, reason: str) -> UnreadableError:
        """Return the exception that ends the reading, and remember it."""
        self.refusal = self.refusal or UnreadableError(reason)
        return self.refusal

    def _tensor(self, step: Step) -> Any:
        import torch

        tensor: Any = torch.empty(0, dtype=torch.float32, device="meta").as_subclass(_observations_type())
        tensor._evalengine_step = step
        return tensor


def _added_axes(name: str, args: tuple[Any, ...]) -> int:
    """Return how many axes more than its first input an operation's result has."""
    if name in ("unsqueeze", "squeeze"):
        return 1 if name == "unsqueeze" else -1
    if name == "getitem" and len(args) > 1:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return -sum(type(part) is int for part in index)
    return 0


def step_of(value: object) -> Step | None:
    """Return the step whose result a value is, if it was recorded."""
    return vars(value).get("_evalengine_step") if type(value) is _observations_type() else None


def name_of(target: Callable[..., object]) -> str:
    """Return what an operation is called: "add" for Tensor.__add__, "shape" for the property."""
    name = str(getattr(target, "__name__", target))
    if name in ("__get__", "__set__"):
        described: Any = getattr(target, "__self__", None)
        described = getattr(described, "fget", described)  # a property in Python, or a descriptor in C
        return str(getattr(described, "__name__", name)) + ("=" if name == "__set__" else "")
    return name.strip("_") if name.startswith("__") and name.endswith("__") else name


@contextmanager
def without_values(recording: Recording) -> Iterator[None]:
    """Give tensors that are made on the way no values, and refuse what depends on those of any other."""
    import torch

    with torch.no_grad(), torch.device("meta"), _watch_type()(recording):
        yield


def _answer(step: Step, target: Callable[..., object], args: Any, kwargs: Any) -> Any:
    """Return what a module may know of an observation, or record what it does with it."""
    import torch

    recording = step.recording
    name, method = name_of(target), getattr(target, "__name__", "")
    known: dict[str, Any] = {"dtype": torch.float32, "device": torch.device("cpu"), "ndim": step.axes}
    known |= dict.fromkeys(("is_cuda", "is_meta", "is_nested", "is_sparse", "is_quantized", "requires_grad"), False)
    if method == "__get__" and name in known:
        return known[name]
    if method in ("dim", "ndimension"):
        return step.axes
    if method in ("is_floating_point", "is_complex"):
        return method == "is_floating_point"
    if method == "__len__":
        return BATCH
    if method in ("__repr__", "__str__", "__format__"):
        return "observations"
    if method == "__hash__":
        return id(args[0])
    if name == "shape" or method == "size":
        axis = args[1] if len(args) > 1 else kwargs.get("dim")
        return Size.of(recording, axis) if axis is not None else _sizes(step)
    if method == "__get__" and name == "data":
        return recording.record(torch.Tensor.detach, args, kwargs)
    if method in _VALUES:
        raise recording.refuse(f"what depends on the values of the observation ({method} of {step.name})")
    return recording.record(target, args, kwargs)


def _sizes(step: Step) -> tuple[Size, ...]:
    return tuple(Size.of(step.recording, axis) for axis in range(step.axes))


def _as_steps(value: Any, found: list[Step]) -> Any:
    """Return arguments with the steps in place of their results, and add these to `found`."""
    if isinstance(value, tuple | list):
        return type(value)(_as_steps(item, found) for item in value) if type(value) in (tuple, list) else value
    if isinstance(value, dict):
        return {key: _as_steps(item, found) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(_as_steps(item, found) for item in (value.start, value.stop, value.step)))
    step = step_of(value)
    if step is None:
        return value
    found.append(step)
    return step


@cache
def _observations_type() -> type[Any]:
    import torch

    class Observations(torch.Tensor):
        """A batch of observations, or what has become of it."""

        _evalengine_step: Step

        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found: list[Step] = []
            _as_steps((args, kwargs or {}), found)
            if not found:  # made by an operation that did not ask
                raise UnreadableError(f"{name_of(function)} of what could not be recorded")
            return _answer(found[0], function, args, kwargs or {})

    return Observations


@cache
def _watch_type() -> type[Any]:
    import torch
    from torch.overrides import TorchFunctionMode

    made = (torch.as_tensor, torch.asarray, torch.tensor)

    class Watch(TorchFunctionMode):
        """Sees what observations are not asked about: functions that take anything, and operations on other tensors."""

        def __init__(self, recording: Recording) -> None:
            super().__init__()
            self.recording = recording

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            of = args[0] if args else None
            step = step_of(of)
            if step is not None and function in made:
                return self.recording.record(function, args, kwargs or {})
            name = getattr(function, "__name__", "")
            if isinstance(of, torch.Tensor) and of.is_meta and step is None and name in _NUMBERS:
                raise self.recording.refuse(f"a decision by the values of its own tensors ({name})")
            if changes_a_parameter(name, args, kwargs or {}):
                raise self.recording.refuse(f"a change of its own parameters ({name})")
            return function(*args, **(kwargs or {}))

    return Watch


def _has_autocast() -> bool:
    import torch

    try:
        return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
    except TypeError:  # PyTorch before 2.4
        return torch.is_autocast_enabled() or torch.is_autocast_cpu_enabled()

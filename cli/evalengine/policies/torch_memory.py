"""PyTorch modules that remember: `forward(observations, state)` read as a chain of layers with recurrent cells.

    h, c = self.cell(x, state)                      Operation(linear), Operation(lstm_cell), Operation(linear)
    return self.out(h), (h, c)             ──►      and which part of the state each cell has: [(0, 1)]

The module is called with stand-ins for observations and for a state: of one cell what PyTorch's cell takes, h or
(h, c), perhaps in a tuple; of several cells a tuple of these, in the order in which the module has them. What it
returns has to be the outputs and the state for the next step, where each cell finds again what it made. nn.LSTM, nn.GRU
and nn.RNN of one layer are their cells, on sequences of one step: while a module is read, and compared, they compute
what the cells compute, because PyTorch's own sequences round in another order. Depends on torch_graph and what that
depends on; torch is imported inside functions only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from evalengine.errors import InputError
from evalengine.messages import first_line, kind, named
from evalengine.policies.torch_graph import (
    INPUT,
    Operation,
    Own,
    Places,
    check_readable,
    only_watches,
    operation_of,
    place_of,
    refused_step,
    step_text,
)
from evalengine.policies.torch_recording import (
    CELL_RESULTS,
    Recording,
    Result,
    Step,
    UnreadableError,
    step_of,
    without_values,
)
from evalengine.policies.torch_stand_ins import stand_ins, substituted

if TYPE_CHECKING:
    from torch import Tensor, nn

# What a sequence of PyTorch's may have beside its sizes: its value where one layer is its cell.
_PLAIN = {"num_layers": 1, "bidirectional": False, "proj_size": 0}


@dataclass(frozen=True)
class Remembering:
    """A module with recurrent cells, read.

    Attributes:
        operations: the layers' operations, first to last.
        shape: the state that it takes and gives: a leaf is the number of axes of a tensor.
        leaves: of each cell in `operations`, first to last, which leaves of the state it has: (h,) or (h, c).
    """

    operations: list[Operation]
    shape: Any
    leaves: list[tuple[int, ...]]


def cells_of(module: nn.Module) -> list[nn.Module]:
    """Return the recurrent cells of a module, and its sequences, in the order in which it has them."""
    from torch import nn

    try:
        parts = list(module.modules())
    except Exception:  # as `check_readable`, which says so
        return []
    return [part for part in parts if isinstance(part, nn.RNNCellBase | nn.RNNBase)]


def remembering(module: nn.Module, axes: int) -> Remembering:
    """Read a module with recurrent cells; `axes` are those of a batch of observations.

    Raises:
        InputError: it cannot be called so, decides by values, or is no chain of layers that remember by themselves.
    """
    check_readable(module)
    places = Places(module)
    cells = cells_of(module)
    for cell in cells:
        _check_plain(cell, places)
    refusals = []
    for shape in _shapes(cells):
        try:
            return _read(module, axes, shape, places)
        except InputError as refusal:
            refusals.append(refusal)
    # The state as PyTorch's cells take it, whose refusal comes first, is what the user had most likely in mind.
    raise refusals[0]


def _check_plain(cell: nn.Module, places: Places) -> None:
    for name, plain in _PLAIN.items():
        got = getattr(cell, name, plain)
        if got != plain:
            raise InputError(f"from_torch: {places.name(cell)}: {name}={got!r} is not supported")


def _shapes(cells: Sequence[nn.Module]) -> Iterator[Any]:
    """Yield the states that a module may take, the likeliest first."""
    from torch import nn

    leaves: list[Any] = []
    for cell in cells:
        axes = 3 if isinstance(cell, nn.RNNBase) else 2
        leaves.append((axes, axes) if isinstance(cell, nn.LSTM | nn.LSTMCell) else axes)
    if len(leaves) == 1:
        yield leaves[0]
    yield tuple(leaves)
    yield list(leaves)


def _read(module: nn.Module, axes: int, shape: Any, places: Places) -> Remembering:
    recording = Recording(axes, places.of_frame)
    tensors = stand_ins(module)
    bases = [recording.base("state", leaf) for leaf in _flat(shape)]
    state = _nested(shape, iter(bases))
    try:
        with substituted(module, tensors), sequences_as_cells(module), without_values(recording):
            result = module(recording.observations, state)
    except Exception as error:  # a user's forward may raise anything
        if isinstance(error, TypeError) and "positional argument" in str(error) and recording.refusal is None:
            raise _takes_no_state(places, first_line(error)) from error
        raise places.refusal(recording.refusal or error) from error
    if recording.refusal is not None:
        raise places.refusal(recording.refusal)
    if not isinstance(result, tuple | list) or len(result) != 2 or step_of(result[0]) is None:
        got = kind(result) if not isinstance(result, tuple | list) else f"a {kind(result)} of {len(result)}"
        raise _takes_no_state(places, f"{got} returned")
    own = {id(parameter): Own(name, parameter) for name, parameter in module.named_parameters()}
    own |= {id(tensor): own[key] for key, tensor in tensors.items() if key in own}
    before = [_step(base) for base in bases]
    after = [step_of(leaf) for leaf in _flat(result[1])] if _same_shape(result[1], shape) else []
    return _chain(recording, _step(result[0]), before, after, own, shape, places)


def _takes_no_state(places: Places, got: str) -> InputError:
    return InputError(
        f"from_torch: expected {places.root}, which has recurrent cells, to have forward(observations, state) that "
        f"returns (outputs, state), got {got}"
    )


def _chain(
    recording: Recording,
    last: Step,
    before: Sequence[Step],
    after: Sequence[Step | None],
    own: Mapping[int, Own],
    shape: Any,
    places: Places,
) -> Remembering:
    """Follow the outputs back to the observations, and each cell's state from and to the state."""
    found = _way_back(last)
    used: set[Step] = found.seen
    leaves: list[tuple[int, ...]] = []
    for cell in found.cells:
        own_leaves = tuple(_leaf(part, before, used) for part in _state_of(cell))
        results = [_peeled(step, used, outward=True) if step is not None else None for step in after]
        for number, leaf in enumerate(own_leaves):
            result = results[leaf] if 0 <= leaf < len(results) else None
            if result is None or not _is_result(result, cell, number):
                raise _refused_state(cell, places)
        leaves.append(own_leaves)
    taken = sorted(leaf for own_leaves in leaves for leaf in own_leaves)
    if taken != list(range(len(before))):
        raise InputError(
            f"from_torch: expected {places.root} to use each part of its state in one cell of the chain, got "
            f"{len(taken)} used of {len(before)}"
        )
    for aside in recording.steps:
        if aside not in used and not only_watches(aside):
            raise refused_step(aside, f"{step_text(aside)} beside the chain of layers")
    return Remembering([_operation(step, own) for step in reversed(found.way)], shape, list(reversed(leaves)))


@dataclass
class _Way:
    """The way from the outputs back: the steps on it, the cells among these, and all that has been seen."""

    way: list[Step]
    cells: list[Step]
    seen: set[Step]


def _way_back(last: Step) -> _Way:
    found = _Way([], [], set())
    step = _peeled(last, found.seen)
    while step.target is not None:
        found.seen.add(step)
        if isinstance(step.target, Result):
            if step.target.index != 0:
                place, _ = place_of(step.inputs[0])
                raise InputError(f"from_torch: {place}: expected its output h in the next layer, got its cell state c")
            step = step.inputs[0]
            continue
        found.way.append(step)
        inputs = step.inputs
        if step.name in CELL_RESULTS:
            found.cells.append(step)
            inputs = inputs[:1]
        if len(inputs) != 1:
            raise refused_step(step, f"{step_text(step)}, which takes {len(inputs)} results of former operations")
        step = _peeled(inputs[0], found.seen)
    if step.name == "state":
        raise InputError("from_torch: expected outputs that are made of the observations, got some of the state alone")
    return found


def _state_of(cell: Step) -> Sequence[object]:
    """Return the steps, or what else, that a cell is given as its state."""
    given = cell.args[1] if len(cell.args) > 1 else None
    return given if isinstance(given, tuple | list) else (given,)


def _leaf(part: object, before: Sequence[Step], used: set[Step]) -> int:
    """Return which leaf of the state this is, which a sequence has with an axis more; -1 for none."""
    if not isinstance(part, Step):
        return -1
    step = part
    if _axis(step, removed=True) == 0:
        used.add(step)
        step = step.inputs[0]
    return next((number for number, leaf in enumerate(before) if leaf is step), -1)


def _is_result(step: Step, cell: Step, number: int) -> bool:
    if isinstance(step.target, Result):
        return step.inputs[0] is cell and step.target.index == number
    return step is cell and number == 0


def _refused_state(cell: Step, places: Places) -> InputError:
    place, _ = place_of(cell)
    return InputError(
        f"from_torch: {place}: expected a cell that gets its part of the state that {places.root} is called with, and "
        "whose next one stands in the same place of the state that it returns, got another state"
    )


def _peeled(step: Step, seen: set[Step], *, outward: bool = False) -> Step:
    """Return what a step is without axes that were added and taken away again; `outward` without one that was added."""
    while True:
        if outward and _axis(step, removed=False) == 0:
            seen.add(step)
            step = step.inputs[0]
            continue
        axis = _axis(step, removed=True)
        inner = step.inputs[0] if axis is not None else None
        if inner is None or _axis(inner, removed=False) != axis:
            return step
        seen |= {step, inner}
        step = inner.inputs[0]


def _axis(step: Step, *, removed: bool) -> int | None:
    """Return the axis of one that a step takes away, or adds; None if it does something else."""
    given = [value for value in (*step.args, *step.kwargs.values()) if not isinstance(value, Step)]
    if len(step.inputs) != 1 or len(given) != 1:
        return None
    (value,) = given
    axes = step.inputs[0].axes
    if step.name == "unsqueeze" and not removed and type(value) is int:
        return value % (axes + 1)
    if not removed:
        return None
    if step.name == "squeeze" and type(value) is int:
        return value % axes
    if step.name == "getitem":
        index = value if isinstance(value, tuple) else (value,)
        *whole, last = index
        is_whole = all(isinstance(part, slice) and part == slice(None) for part in whole)
        return len(whole) if is_whole and type(last) is int and last in (0, -1) else None
    return None


def _operation(step: Step, own: Mapping[int, Own]) -> Operation:
    if step.name not in CELL_RESULTS:
        return operation_of(step, own)
    place, layer = place_of(step)
    weights = tuple(own.get(id(value), value) for value in step.args[2:])
    return Operation(step.name, step.target, (INPUT, *weights), {}, place, layer)


@contextmanager
def sequences_as_cells(module: nn.Module) -> Iterator[None]:
    """Make a module's nn.LSTM, nn.GRU and nn.RNN compute what their cells do, on sequences of one step.

    Inside of `substituted`, which puts back what is changed.
    """
    from torch import nn

    for part in module.modules():
        if isinstance(part, nn.RNNBase):
            vars(part)["forward"] = partial(_one_step, part)
    try:
        yield
    finally:
        for part in module.modules():
            if isinstance(part, nn.RNNBase):
                vars(part).pop("forward", None)


def _one_step(sequence: nn.RNNBase, inputs: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
    import torch

    functions: dict[str, Any] = {
        "LSTM": torch.lstm_cell,
        "GRU": torch.gru_cell,
        "RNN_TANH": torch.rnn_tanh_cell,
        "RNN_RELU": torch.rnn_relu_cell,
    }
    time = 1 if sequence.batch_first else 0
    if inputs.dim() != 3:
        raise UnreadableError(f"a sequence of {inputs.dim()} axes: expected one of one step, x.unsqueeze({time})")
    if hx is None:
        raise UnreadableError(f"{kind(sequence)} without a state")
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights = [sequence._parameters[name] for name in names if name in sequence._parameters]
    state = tuple(part.squeeze(0) for part in hx) if sequence.mode == "LSTM" else hx.squeeze(0)
    result = functions[sequence.mode](inputs.squeeze(time), state, *weights)
    output = result[0] if sequence.mode == "LSTM" else result
    after = tuple(part.unsqueeze(0) for part in result) if sequence.mode == "LSTM" else result.unsqueeze(0)
    return output.unsqueeze(time), after


def _step(value: object) -> Step:
    step = step_of(value)
    assert step is not None
    return step


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, tuple | list) else [value]


def _nested(shape: Any, leaves: Iterator[Any]) -> Any:
    """Return leaves in the shape of a state."""
    if isinstance(shape, tuple | list):
        return type(shape)([_nested(item, leaves) for item in shape])
    return next(leaves)


def _same_shape(value: Any, shape: Any) -> bool:
    if not isinstance(shape, tuple | list):
        return not isinstance(value, tuple | list)
    is_alike = isinstance(value, tuple | list) and len(value) == len(shape)
    return is_alike and all(_same_shape(one, other) for one, other in zip(value, shape, strict=True))


def run_beside(module: nn.Module, chain: nn.Module, read: Remembering, observations: Sequence[Tensor]) -> str:
    """Run a module and the chain that it was read as, step after step from one random state; say what differs, or "".

    The module is inside of `substituted` and `sequences_as_cells`, so both have the same weights.
    """
    import torch

    batch = len(observations[0])
    cells = [layer for layer in chain.children() if isinstance(layer, torch.nn.RNNCellBase)]
    ours: list[Any] = []
    leaves: dict[int, Tensor] = {}
    draw = torch.Generator().manual_seed(0)
    for cell, own in zip(cells, read.leaves, strict=True):
        parts = tuple(torch.rand((batch, cell.hidden_size), generator=draw) * 2 - 1 for _ in own)
        leaves |= dict(zip(own, parts, strict=True))
        ours.append(parts if len(parts) == 2 else parts[0])
    axes = _flat(read.shape)
    given = [leaves[number] if axes[number] == 2 else leaves[number].unsqueeze(0) for number in range(len(axes))]
    theirs = _nested(read.shape, iter(given))
    state: Any = tuple(ours)
    for number, rows in enumerate(observations):
        expected, state = chain(rows, state)
        try:
            got, theirs = module(rows.clone(), theirs)
        except Exception as error:  # a user's forward may raise anything
            return f"{named(first_line(error))} at step {number + 1}"
        if not isinstance(got, torch.Tensor) or got.shape != expected.shape or got.dtype != expected.dtype:
            return f"outputs of another shape or dtype at step {number + 1}"
        if not torch.equal(got.contiguous().view(torch.int32), expected.contiguous().view(torch.int32)):
            return f"other outputs at step {number + 1}"
    return ""

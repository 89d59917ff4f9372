"""What operations of PyTorch mean to a policy: which layer each of them is.

    Operation(torch.tanh, INPUT) ──► Activation("tanh")          Operation("rrelu", INPUT) ──► refused by name

A table leads from PyTorch's functions and methods to the reader of each. To take an operation, give it a line there;
arguments that a reader does not name are refused, so none is passed over. Depends on torch_graph; torch is imported
inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from evalengine.errors import InputError
from evalengine.policies.activations import DEFAULTS, PARAMETERS, spell
from evalengine.policies.cells import GATES
from evalengine.policies.tokens import Pool
from evalengine.policies.torch_graph import ADD, INPUT, SKIP, Operation, Own, unsupported
from evalengine.policies.torch_recording import BATCH, Size


@dataclass(frozen=True, eq=False)
class Linear:
    """A fully connected layer: weight (out, in), bias (out,) or None, as the module holds them."""

    place: str
    weight: Own
    bias: Own | None


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution: weight (out, in / groups, height, width), bias (out,) or None; pairs as (height, width)."""

    place: str
    weight: Own
    bias: Own | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True)
class Pooling:
    """A pool in windows; None is the mean of each channel."""

    place: str
    pool: Pool | None


@dataclass(frozen=True, eq=False)
class Normalization:
    """A layer normalisation over all values of a shape; weight and bias are of that shape, or None."""

    place: str
    shape: tuple[int, ...]
    weight: Own | None
    bias: Own | None
    eps: float


@dataclass(frozen=True)
class Branch:
    """What is given is kept (`SKIP`), or what was kept last is added (`ADD`)."""

    place: str
    what: str


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell by its name in spellings; weight is weight_ih, and all is as the module holds it."""

    place: str
    cell: str
    weight: Own
    weight_hh: Own
    bias: Own | None
    bias_hh: Own | None


@dataclass(frozen=True)
class Activation:
    """A function of each number, by its canonical spec: "tanh", "leaky_relu:0.2"."""

    place: str
    spelling: str


@dataclass(frozen=True)
class Flatten:
    """All axes but the batch become one; of `size` numbers, where the module says how many these are."""

    place: str
    size: int | None


Layer = Linear | Convolution | Cell | Pooling | Normalization | Branch | Activation | Flatten
_Reader = Callable[[Operation], "Layer | list[Layer] | None"]


def layers_of(operations: Sequence[Operation]) -> list[Layer]:
    """Return the layers that operations are; those that change no number of a float32 observation are left out.

    Raises:
        InputError: no policy has such an operation, or not with such arguments.
    """
    layers: list[Layer] = []
    for operation in operations:
        reader = _readers().get(operation.target)
        if reader is None:
            raise _refused(operation)
        try:
            layer = reader(operation)
        except InputError:
            raise
        except Exception:  # an argument may be anything, such as a tensor that cannot be compared with a number
            raise _refused(operation) from None
        if layer is not None:
            layers += layer if isinstance(layer, list) else [layer]
    return layers


@cache
def _readers() -> dict[object, _Reader]:
    """The table: PyTorch's functions and Tensor's methods, with what reads them."""
    import torch
    from torch.nn import functional

    tensor = torch.Tensor
    alpha = (functional.alpha_dropout, functional.feature_alpha_dropout)
    table: dict[_Reader, tuple[object, ...]] = {
        _linear: (functional.linear,),
        _convolution: (torch.conv2d,),
        _max_pool: (functional.max_pool2d, torch.max_pool2d),
        _avg_pool: (functional.avg_pool2d,),
        _adaptive_pool: (functional.adaptive_avg_pool2d,),
        _mean: (torch.mean, tensor.mean),
        _layer_norm: (functional.layer_norm, torch.layer_norm),
        _batch_norm: (functional.batch_norm, torch.batch_norm),
        partial(_branch, SKIP): (SKIP,),
        partial(_branch, ADD): (ADD,),
        partial(_cell, "lstm"): (torch.lstm_cell,),
        partial(_cell, "gru"): (torch.gru_cell,),
        partial(_cell, "rnn"): (torch.rnn_tanh_cell,),
        partial(_cell, "rnn_relu"): (torch.rnn_relu_cell,),
        _pad: (functional.pad,),
        _clamp: (torch.clamp, torch.clamp_, tensor.clamp, tensor.clamp_, torch.clip, tensor.clip),
        _clamp_min: (torch.clamp_min, torch.clamp_min_, tensor.clamp_min, tensor.clamp_min_),
        _flatten: (torch.flatten, tensor.flatten),
        _reshape: (torch.reshape, tensor.reshape, tensor.view),
        _dropout: (functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d, *alpha),
        _same: (torch.clone, torch.detach, tensor.clone, tensor.detach, tensor.contiguous, tensor.float, tensor.cpu),
        _tensor: (torch.as_tensor, torch.asarray, torch.tensor),
        _to: (tensor.to,),
        _gelu: (functional.gelu,),
        partial(_softmax, "softmax"): (functional.softmax, torch.softmax, tensor.softmax),
        partial(_softmax, "log_softmax"): (functional.log_softmax, torch.log_softmax, tensor.log_softmax),
    }
    activations: dict[str, tuple[object, ...]] = {
        "tanh": (torch.tanh, torch.tanh_, tensor.tanh, tensor.tanh_, functional.tanh),
        "sin": (torch.sin, torch.sin_, tensor.sin, tensor.sin_),
        "relu": (torch.relu, torch.relu_, functional.relu, tensor.relu, tensor.relu_),
        "sigmoid": (
            torch.sigmoid,
            torch.sigmoid_,
            tensor.sigmoid,
            tensor.sigmoid_,
            functional.sigmoid,
            torch.special.expit,
        ),
        "leaky_relu": (functional.leaky_relu, functional.leaky_relu_),
        "elu": (functional.elu, functional.elu_),
        "celu": (functional.celu, functional.celu_, torch.celu, torch.celu_),
        "selu": (functional.selu, functional.selu_, torch.selu, torch.selu_),
        "hardtanh": (functional.hardtanh, functional.hardtanh_),
        "relu6": (functional.relu6,),
        "silu": (functional.silu,),
        "mish": (functional.mish,),
        "softplus": (functional.softplus,),
        "softsign": (functional.softsign,),
        "hardsigmoid": (functional.hardsigmoid,),
        "hardswish": (functional.hardswish,),
        "logsigmoid": (functional.logsigmoid,),
    }
    readers = {target: reader for reader, targets in table.items() for target in targets}
    for name, targets in activations.items():
        readers |= dict.fromkeys(targets, partial(_activation, name))
    return readers


def _linear(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "weight", "bias")
    weight, bias = _weights(operation, given, axes=2)
    return Linear(operation.place, weight, bias)


def _convolution(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "weight", "bias", "stride", "padding", "dilation", "groups")
    weight, bias = _weights(operation, given, axes=4)
    padding = given.get("padding", 0)
    kernel = tuple(weight.tensor.shape[2:])
    dilation, groups = _pair(operation, given.get("dilation", 1)), given.get("groups", 1)
    if type(groups) is not int:
        raise _refused(operation)
    if padding in ("same", "valid"):
        extent = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
        if padding == "same" and any(size % 2 for size in extent):
            raise InputError(f"from_torch: {operation.place}: padding={padding!r} of unequal sides is not supported")
        padding = tuple(size // 2 if padding == "same" else 0 for size in extent)
    stride = _pair(operation, given.get("stride", 1))
    return Convolution(operation.place, weight, bias, stride, _pair(operation, padding), dilation, groups)


def _max_pool(operation: Operation) -> Layer:
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    given = _arguments(operation, *names)
    if _pair(operation, given.get("dilation", 1)) != (1, 1):
        raise InputError(f"from_torch: {operation.place}: dilation={given['dilation']!r} of a pool is not supported")
    if given.get("return_indices", False):
        raise _refused(operation)
    return _pooling(operation, "mp", given)


def _avg_pool(operation: Operation) -> Layer:
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    given = _arguments(operation, *names)
    if given.get("divisor_override") is not None:
        divisor = given["divisor_override"]
        raise InputError(f"from_torch: {operation.place}: divisor_override={divisor!r} is not supported")
    return _pooling(operation, "ap", given)


def _pooling(operation: Operation, kind: str, given: dict[str, Any]) -> Layer:
    if given.get("ceil_mode", False):
        raise InputError(f"from_torch: {operation.place}: ceil_mode=True is not supported")
    kernel = _pair(operation, given.get("kernel_size"))
    stride = given.get("stride")
    steps = kernel if stride is None or stride == [] else _pair(operation, stride)
    padding = _pair(operation, given.get("padding", 0))
    counts = bool(given.get("count_include_pad", True)) or padding == (0, 0)
    if min(*kernel, *steps) < 1 or min(padding) < 0:
        raise _refused(operation)
    return Pooling(operation.place, Pool(kind, kernel, steps, padding, counts))


def _adaptive_pool(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "output_size")
    if given.get("output_size") not in (1, (1, 1), [1, 1]):
        raise InputError(
            f"from_torch: {operation.place}: expected an adaptive pool to one pixel, (1, 1), "
            f"got {given.get('output_size')}"
        )
    return Pooling(operation.place, None)


def _mean(operation: Operation) -> list[Layer]:
    """Read the mean over the two axes of an image."""
    given = _arguments(operation, "input", "dim", "keepdim", "dtype")
    dims = given.get("dim")
    if not isinstance(dims, tuple | list) or given.get("dtype") is not None:
        raise _refused(operation)
    if len(dims) != 2 or not all(type(dim) is int for dim in dims) or {dim % 4 for dim in dims} != {2, 3}:
        raise _refused(operation)
    pool = Pooling(operation.place, None)
    return [pool] if given.get("keepdim", False) else [pool, Flatten(operation.place, None)]


def _layer_norm(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "normalized_shape", "weight", "bias", "eps", "cudnn_enable")
    shape = given.get("normalized_shape")
    sizes = (shape,) if type(shape) is int else tuple(shape) if isinstance(shape, tuple | list) else ()
    eps = given.get("eps", 1e-5)
    if not sizes or not all(type(size) is int for size in sizes) or type(eps) not in (int, float):
        raise _refused(operation)
    for name in ("weight", "bias"):
        value = given.get(name)
        if value is not None and not isinstance(value, Own):
            raise _not_own(operation, name)
    weight, bias = given.get("weight"), given.get("bias")
    if weight is None and bias is not None:
        raise InputError(f"from_torch: {operation.place}: a bias without a weight is not supported")
    if not 0 <= eps < 1e9:
        raise InputError(f"from_torch: {operation.place}: expected eps from 0, got {eps}")
    return Normalization(operation.place, sizes, weight, bias, float(eps))


def _batch_norm(operation: Operation) -> None:
    """Say why there is none, and what to do."""
    raise InputError(
        f"from_torch: {operation.place}: a batch normalisation's running statistics are no parameters, so no flat "
        "vector has them; fold it into the layer before it, after which nothing changes in eval(): "
        "torch.nn.utils.fusion.fuse_conv_bn_eval(conv, norm), or fuse_linear_bn_eval(linear, norm)"
    )


def _branch(what: str, operation: Operation) -> Layer:
    return Branch(operation.place, what)


def _cell(cell: str, operation: Operation) -> Layer:
    given = _arguments(operation, "input", "weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = {
        name: {"weight": given.get(f"weight_{name}"), "bias": given.get(f"bias_{name}")} for name in ("ih", "hh")
    }
    weight, bias = _weights(operation, tensors["ih"], axes=2)
    weight_hh, bias_hh = _weights(operation, tensors["hh"], axes=2)
    rows = weight.tensor.shape[0]
    wanted = (rows, rows // GATES[cell])
    if tuple(weight_hh.tensor.shape) != wanted or (bias is None) != (bias_hh is None):
        got = tuple(weight_hh.tensor.shape)
        raise InputError(
            f"from_torch: {operation.place}: expected weight_hh {wanted}, and both biases or none, got {got}"
        )
    return Cell(operation.place, cell, weight, weight_hh, bias, bias_hh)


def _pad(operation: Operation) -> None:
    """Name what makes a convolution pad by itself; no other padding is taken either."""
    mode = getattr(operation.layer, "padding_mode", None)
    if mode is None:
        raise _refused(operation)
    raise InputError(f"from_torch: {operation.place}: padding_mode={mode!r} is not supported")


def _activation(name: str, operation: Operation) -> Layer:
    """Read an activation with its parameters, which PyTorch has by position before `inplace`, or by name."""
    names = PARAMETERS.get(name, ())
    given = _arguments(operation, "input", *names, "inplace")
    values = [given.get(parameter, default) for parameter, default in zip(names, DEFAULTS[name], strict=True)]
    if not all(type(value) in (int, float) for value in values):
        raise _refused(operation)
    try:
        return Activation(operation.place, spell(name, *map(float, values)))
    except ValueError as error:
        raise InputError(f"from_torch: {operation.place}: {error}") from None


def _gelu(operation: Operation) -> Layer:
    names = {"none": "gelu", "tanh": "gelu_tanh"}
    return Activation(operation.place, names[_arguments(operation, "input", "approximate").get("approximate", "none")])


def _softmax(name: str, operation: Operation) -> Layer:
    given = _arguments(operation, "input", "dim", "_stacklevel", "dtype")
    if type(given.get("dim")) is not int or given["dim"] not in (-1, 1) or given.get("dtype") is not None:
        raise _refused(operation)
    return Activation(operation.place, name)


def _clamp(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "min", "max")
    least = given.get("min")
    # Negative zero is another number: relu gives the positive one.
    if given.get("max") is not None or not isinstance(least, int | float) or str(least) not in ("0", "0.0"):
        raise _refused(operation)
    return Activation(operation.place, "relu")  # PyTorch's relu is clamp_min(x, 0)


def _clamp_min(operation: Operation) -> Layer:
    _arguments(operation, "input", "min")
    return _clamp(operation)


def _flatten(operation: Operation) -> Layer:
    given = _arguments(operation, "input", "start_dim", "end_dim")
    if given.get("start_dim", 0) not in (1, -3) or given.get("end_dim", -1) not in (-1, 3):
        raise _refused(operation)
    return Flatten(operation.place, None)


def _reshape(operation: Operation) -> Layer:
    """Read what keeps the batch and makes one axis of the rest: (batch, -1), (batch, n) or (-1, n)."""
    args = operation.args
    if len(args) > 2:
        args = (args[0], args[1:])
    given = _arguments(operation, "input", "shape" if "shape" in operation.kwargs else "size", args=args)
    shape = next((given[name] for name in ("shape", "size") if name in given), ())
    batch, features = shape if isinstance(shape, tuple | list) and len(shape) == 2 else (None, None)
    keeps_batch = batch.axis == 0 if isinstance(batch, Size) else type(batch) is int and batch in (BATCH, -1)
    is_open = [type(size) is int and size == -1 for size in (batch, features)]
    is_size = type(features) is int and features > 0
    if not keeps_batch or not (is_size or is_open[1]) or all(is_open):
        raise _refused(operation)
    return Flatten(operation.place, features if is_size else None)


def _dropout(operation: Operation) -> None:
    given = _arguments(operation, "input", "p", "training", "inplace")
    is_on = given.get("training", not operation.name.endswith("alpha_dropout"))  # as in the signatures
    if is_on and given.get("p", 0.5) != 0:
        raise unsupported(operation.place, f"{operation.text} in training mode")


def _same(operation: Operation) -> None:
    _arguments(operation, "input")


def _tensor(operation: Operation) -> None:
    given = _arguments(operation, "data", "dtype", "device")
    _check_float32(operation, given.get("dtype"))


def _to(operation: Operation) -> None:
    """Read a move to a device, and a cast to what an observation is already."""
    import torch

    given = _arguments(operation, "input", "first", "second", "dtype", "device", "non_blocking", "copy")
    for value in (given.get("first"), given.get("second")):
        if not isinstance(value, torch.dtype | torch.device | str | int | None):
            raise _refused(operation)
        if isinstance(value, torch.dtype):
            _check_float32(operation, value)
    _check_float32(operation, given.get("dtype"))


def _check_float32(operation: Operation, dtype: object) -> None:
    import torch

    if dtype not in (None, torch.float32):
        raise _refused(operation)


def _arguments(operation: Operation, *names: str, args: tuple[Any, ...] | None = None) -> dict[str, Any]:
    """Return the arguments by name, of which the first has to be the step before, and no other."""
    positional = operation.args if args is None else args
    given = dict(zip(names, positional, strict=False)) | dict(operation.kwargs)
    rest = [value for name, value in given.items() if name != names[0]]
    if (
        len(positional) > len(names)
        or not set(given) <= set(names)
        or given.get(names[0]) is not INPUT
        or any(value is INPUT for value in rest)
    ):
        raise _refused(operation)
    return given


def _weights(operation: Operation, given: dict[str, Any], axes: int) -> tuple[Own, Own | None]:
    """Return weight and bias, which have to be parameters of the module as they are, of sizes from 1."""
    weight, bias = given.get("weight"), given.get("bias")
    for name, value in (("weight", weight), ("bias", bias)):
        if not isinstance(value, Own) and (name == "weight" or value is not None):
            raise _not_own(operation, name)
        if isinstance(value, Own) and not value.tensor.is_floating_point():
            raise InputError(f"from_torch: {operation.place}: expected {name} to be floating, got {value.tensor.dtype}")
    assert isinstance(weight, Own)
    shape = tuple(weight.tensor.shape)
    if len(shape) != axes or 0 in shape:
        raise InputError(f"from_torch: {operation.place}: expected a weight of {axes} sizes from 1, got {shape}")
    if bias is not None and tuple(bias.tensor.shape) != shape[:1]:
        got = tuple(bias.tensor.shape)
        raise InputError(f"from_torch: {operation.place}: expected a bias of shape {shape[:1]}, got {got}")
    return weight, bias


def _pair(operation: Operation, value: Any) -> tuple[int, int]:
    """Return a size for height and width, given as one integer or as two."""
    pair = (value, value) if type(value) is int else tuple(value) if isinstance(value, tuple | list) else ()
    if len(pair) != 2 or not all(type(size) is int for size in pair):
        raise _refused(operation)
    return pair[0], pair[1]


def _not_own(operation: Operation, name: str) -> InputError:
    return InputError(
        f"from_torch: {operation.place}: expected {name} to be a parameter of the module, got a tensor that is "
        "none (undo weight norm, spectral norm, pruning and parametrizations first)"
    )


def _refused(operation: Operation) -> InputError:
    return unsupported(operation.place, operation.text)

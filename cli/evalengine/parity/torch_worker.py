"""The PyTorch side of a comparison, a program of its own: `torch_policy.TorchPolicy` starts it and talks to it.

PyTorch reads some of its settings only once, when it is loaded, so they cannot be had in a process that may have loaded
it before. Messages go through stdin and stdout; each is

    length of the header    4 bytes, little-endian
    header                  JSON; "sizes" lists the lengths of the arrays that follow, in bytes
    arrays                  raw floating numbers in the machine's order

The program begins with {"versions": {package: version}, "told": whether MKL had to be told that this is no Intel
processor}, and "lacking" where PyTorch cannot work here. A request names
"input_shape", "layers" (as `_engine.Layer`), "dtype" ("float32" or "float64": what to compute in) and "keep" (the
indices of the layers whose outputs are wanted), and brings three float32 arrays, the flat weights, the rows of
observations, and the rows of what recurrent cells remember; the answer brings one array of that dtype for each kept
layer, and the rows of what cells remember then. Where something fails, the answer is
{"error": message} instead. The end of stdin is the end.

Run as a file, so it imports nothing of this package.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import re
import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import torch

_LENGTH = struct.Struct("<I")

_MKL_ANSWERS = {"mkl_serv_intel_cpu_true": 0, "mkl_serv_intel_cpu": 0, "mkl_serv_cpuiszen": 1}
"""What MKL asks about the processor, and what the functions return on AMD's."""

_MOST_HEADER = 1 << 20
"""Bytes; a longer header is something else that was printed, and would be waited for in vain."""


def write_message(stream: BinaryIO, header: dict[str, Any], arrays: Sequence[memoryview]) -> None:
    """Send one message; `arrays` are bytes."""
    encoded = json.dumps(header | {"sizes": [array.nbytes for array in arrays]}).encode()
    stream.write(_LENGTH.pack(len(encoded)) + encoded)
    for array in arrays:
        stream.write(array)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], list[bytearray]] | None:
    """Receive one message, or None if the other side has closed its end.

    Raises:
        EOFError: the other side closed its end within a message.
        ValueError: what was received is no message.
    """
    length = stream.read(_LENGTH.size)
    if not length:
        return None
    (size,) = _LENGTH.unpack(length.ljust(_LENGTH.size))
    if size > _MOST_HEADER:
        raise ValueError(f"expected a message, got {length!r}")
    encoded = bytes(_read_exactly(stream, size))
    try:
        header = json.loads(encoded)
    except ValueError:
        raise ValueError(f"expected a message, got {encoded[:80]!r}") from None
    return header, [_read_exactly(stream, size) for size in header["sizes"]]


def _read_exactly(stream: BinaryIO, size: int) -> bytearray:
    received = bytearray(size)
    view = memoryview(received)
    while view:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the stream ends within a message")
        view = view[count:]
    return received


def _versions() -> dict[str, str]:
    """The versions of PyTorch and of the libraries that do its sums."""
    import torch

    built_with = torch.__config__.show()
    versions = {"torch": str(torch.__version__)}
    for name, pattern in (("mkl", r"Math Kernel Library Version (\d[\d.]*)"), ("onednn", r"MKL-DNN v(\d[\d.]*)")):
        found = re.search(pattern, built_with)
        if found:
            versions[name] = found[1]
    return versions


def tell_mkl() -> bool:
    """Have MKL take its kernels for processors that are not Intel's on Intel's, too; return whether that was done.

    `MKL_CBWR=AVX2` asks for one way of adding, but a build of MKL has two: its own for Intel's processors, another for
    all others. What it asks before it chooses are exported functions without arguments, and they are overwritten here,
    in this process alone, with functions that return what they return on AMD's. Where that cannot be done (another
    build, a system that protects memory) nothing changes, and the probe finds the other order.
    """
    import torch

    library = os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")
    try:
        loaded = ctypes.CDLL(library)
        if not loaded.mkl_serv_intel_cpu_true():
            return False
        asked = [(getattr(loaded, name), answer) for name, answer in _MKL_ANSWERS.items()]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            for function, answer in asked:
                memory.seek(ctypes.cast(function, ctypes.c_void_p).value or 0)
                # mov eax, answer; ret
                memory.write(b"\xb8" + struct.pack("<i", answer) + b"\xc3")
    except (OSError, AttributeError):
        return False
    return not loaded.mkl_serv_intel_cpu_true()


def _lacking() -> dict[str, str]:
    """What PyTorch needs to hand over arrays and does not have here, as "lacking"; nothing where all is there."""
    import torch

    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:
        return {"lacking": f"torch {torch.__version__} cannot use the NumPy that is installed ({error})"}
    return {}


def _answer(
    request: dict[str, Any], weights: bytearray, observations: bytearray, states: bytearray
) -> list[memoryview]:
    """Run the layers on all rows; return the kept outputs, and the states after the step."""
    import torch

    dtype = {"float32": torch.float32, "float64": torch.float64}[request["dtype"]]
    shape = request["input_shape"]
    vector = _tensor(weights).to(dtype)
    rows = _tensor(observations).to(dtype).view(-1, *shape)
    before = _tensor(states).to(dtype).view(len(rows), -1)
    after = [before[:, :0]]
    kept = set(request["keep"])
    outputs = []
    skips: list[torch.Tensor] = []
    with torch.inference_mode():
        for index, layer in enumerate(request["layers"]):
            if layer[0] == "skip":
                skips.append(rows)
            elif layer[0] == "add_skip":
                rows = skips.pop() + rows
            elif layer[0] in _CELLS:
                taken, rows, state = _cell(layer, vector, rows, before)
                before = before[:, state.shape[1] :]
                after.append(state)
                vector = vector[taken:]
            else:
                taken, rows = _forward(layer, vector, rows)
                vector = vector[taken:]
            if index in kept:
                outputs.append(rows.contiguous().view(-1).numpy().view("u1").data)
    for what, rest in (("weights", vector), ("numbers of states", before)):
        if rest.numel():
            raise ValueError(f"{rest.numel()} {what} are left over")
    states_after = torch.cat(after, 1).contiguous()
    return [*outputs, states_after.view(-1).numpy().view("u1").data]


def _tensor(received: bytearray) -> torch.Tensor:
    import torch

    # frombuffer refuses to look at nothing.
    return torch.frombuffer(received, dtype=torch.float32) if received else torch.empty(0)


def _forward(layer: Sequence[Any], vector: torch.Tensor, rows: torch.Tensor) -> tuple[int, torch.Tensor]:
    """One layer: how many weights it took, and its outputs."""
    from torch.nn import functional

    if layer[0] == "layer_norm":
        return _normalized(layer, vector, rows)
    if layer[0] not in ("linear", "conv2d"):
        return 0, _functions()[layer[0]](rows, *layer[1:])
    outputs, has_bias = layer[1], layer[-1]
    if layer[0] == "linear":
        rows = rows.flatten(1)
        shape = (outputs, rows.shape[1])
    else:
        shape = (outputs, rows.shape[1] // layer[6], *layer[2])
    count = math.prod(shape)
    weight = vector[:count].view(shape)
    bias = vector[count : count + outputs] if has_bias else None
    taken = count + outputs * has_bias
    if layer[0] == "linear":
        return taken, functional.linear(rows, weight, bias)
    _, _, _, stride, padding, dilation, groups, _ = layer
    return taken, functional.conv2d(rows, weight, bias, stride, padding, dilation, groups)


def _normalized(layer: Sequence[Any], vector: torch.Tensor, rows: torch.Tensor) -> tuple[int, torch.Tensor]:
    """A normalisation over all axes but the batch."""
    from torch.nn import functional

    _, eps, has_weight, has_bias = layer
    shape = rows.shape[1:]
    count = math.prod(shape)
    weight = vector[:count].view(shape) if has_weight else None
    bias = vector[count : 2 * count].view(shape) if has_bias else None
    return count * (has_weight + has_bias), functional.layer_norm(rows, shape, weight, bias, eps)


_CELLS = {"rnn": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
"""Gates of recurrent cells."""


def _cell(
    layer: Sequence[Any], vector: torch.Tensor, rows: torch.Tensor, states: torch.Tensor
) -> tuple[int, torch.Tensor, torch.Tensor]:
    """One recurrent cell: how many weights it took, its outputs, and its states; it takes the first columns of all."""
    import torch

    name, hidden, has_bias = layer
    rows = rows.flatten(1)
    gates = _CELLS[name] * hidden
    sizes = [gates * rows.shape[1], gates * hidden, *[gates] * (2 * has_bias)]
    of_input, of_hidden, *biases = torch.split(vector[: sum(sizes)], sizes)
    weights = [of_input.view(gates, -1), of_hidden.view(gates, -1), *biases]
    state = states[:, :hidden].contiguous()
    if name == "lstm":
        both = state, states[:, hidden : 2 * hidden].contiguous()
        output, cell = torch.lstm_cell(rows, both, *weights)
        return sum(sizes), output, torch.cat((output, cell), 1)
    functions = {"rnn": torch.rnn_tanh_cell, "rnn_relu": torch.rnn_relu_cell, "gru": torch.gru_cell}
    output = functions[name](rows, state, *weights)
    return sum(sizes), output, output


@cache
def _functions() -> dict[str, Callable[..., torch.Tensor]]:
    """PyTorch's functions by the names of layers."""
    import torch
    from torch.nn import functional

    names = "leaky_relu relu6 elu selu celu gelu silu mish softplus softsign hardtanh hardsigmoid hardswish logsigmoid"
    found = {name: getattr(functional, name) for name in names.split()}
    found |= {name: partial(getattr(functional, name), dim=-1) for name in ("softmax", "log_softmax")}
    found["gelu_tanh"] = partial(functional.gelu, approximate="tanh")
    return found | {
        "relu": functional.relu,
        "tanh": torch.tanh,
        "sin": torch.sin,
        "sigmoid": torch.sigmoid,
        "identity": lambda rows: rows,
        "max_pool2d": functional.max_pool2d,
        "avg_pool2d": lambda rows, kernel, stride, padding, counts: functional.avg_pool2d(
            rows, kernel, stride, padding, count_include_pad=counts
        ),
        "global_avg_pool2d": lambda rows: functional.adaptive_avg_pool2d(rows, 1),
    }


def _private_stdout() -> BinaryIO:
    """Keep stdout for messages: whatever else is printed in this process goes to stderr."""
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stdout


def main() -> None:
    """Answer requests until stdin ends."""
    requests, answers = sys.stdin.buffer, _private_stdout()
    try:
        import torch

        # More threads split the sums of a linear layer.
        torch.set_num_threads(1)
        write_message(answers, {"versions": _versions(), "told": tell_mkl()} | _lacking(), [])
    except ImportError as error:
        write_message(answers, {"error": f"import torch: {error}"}, [])
        return
    while (message := read_message(requests)) is not None:
        request, arrays = message
        try:
            outputs = _answer(request, *arrays)
        except Exception as error:  # whatever PyTorch makes of a request
            write_message(answers, {"error": f"{type(error).__name__}: {error}"}, [])
        else:
            write_message(answers, {}, outputs)


if __name__ == "__main__":
    main()

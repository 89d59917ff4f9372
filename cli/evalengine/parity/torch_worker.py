"""The PyTorch side of a comparison, a program of its own: `torch_policy.TorchPolicy` starts it and talks to it.

PyTorch reads some of its settings only once, when it is loaded, so they cannot be had in a process that may have loaded
it before. Messages go through stdin and stdout; each is

    length of the header    4 bytes, little-endian
    header                  JSON; "sizes" lists the lengths of the arrays that follow, in bytes
    arrays                  raw floating numbers in the machine's order

The program begins with {"versions": {package: version}}, and "lacking" where PyTorch cannot work here. A request names
"input_shape", "layers" (as `_engine.Layer`), "dtype" ("float32" or "float64": what to compute in) and "keep" (the
indices of the layers whose outputs are wanted), and brings two float32 arrays, the flat weights and the rows of
observations; the answer brings one array of that dtype for each kept layer. Where something fails, the answer is
{"error": message} instead. The end of stdin is the end.

Run as a file, so it imports nothing of this package.
"""

from __future__ import annotations

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


def _lacking() -> dict[str, str]:
    """What PyTorch needs to hand over arrays and does not have here, as "lacking"; nothing where all is there."""
    import torch

    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:
        return {"lacking": f"torch {torch.__version__} cannot use the NumPy that is installed ({error})"}
    return {}


def _answer(request: dict[str, Any], weights: bytearray, observations: bytearray) -> list[memoryview]:
    """Run the layers on all rows; return the kept outputs."""
    import torch

    dtype = {"float32": torch.float32, "float64": torch.float64}[request["dtype"]]
    shape = request["input_shape"]
    vector = _tensor(weights).to(dtype)
    rows = _tensor(observations).to(dtype).view(-1, *shape)
    kept = set(request["keep"])
    outputs = []
    skips: list[torch.Tensor] = []
    with torch.inference_mode():
        for index, layer in enumerate(request["layers"]):
            if layer[0] == "skip":
                skips.append(rows)
            elif layer[0] == "add_skip":
                rows = skips.pop() + rows
            else:
                taken, rows = _forward(layer, vector, rows)
                vector = vector[taken:]
            if index in kept:
                outputs.append(rows.contiguous().view(-1).numpy().view("u1").data)
    if vector.numel():
        raise ValueError(f"{vector.numel()} weights are left over")
    return outputs


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
        write_message(answers, {"versions": _versions()} | _lacking(), [])
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

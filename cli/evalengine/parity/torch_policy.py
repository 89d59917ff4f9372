"""PyTorch's forward pass, called so that its bits depend on the weights and the observation alone.

    with TorchPolicy() as torch_policy:
        logits = torch_policy.logits(policy, weights, observations)   # as Policy.logits
        torch_policy.versions["torch"]                                # "2.13.0"

PyTorch's sums depend on the processor, the number of threads, the size of the batch, and, for small batches, on where
in memory the weights happen to lie. They do not if

- MKL and oneDNN are told which kernels to use, before they are loaded (`RECIPE`; later it is silently ignored), so
  PyTorch runs in a process of its own; on Intel's processors, for which MKL has other kernels whatever it is told, that
  process has it take those of all other processors (`TorchPolicy.told`);
- one thread is used;
- the batch is a multiple of 4, and at least 16 rows with convolutions, some of which take another way below: copies of
  the last row fill it up, and their outputs are dropped.

The process ends with the `with` block, also on Ctrl-C, which does not reach it. Depends on torch_worker (the program
that it runs); knows nothing of our kernels.
"""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.errors import EvalEngineError, MissingDependencyError
from evalengine.parity.layers import is_convolution, placed_layers
from evalengine.parity.torch_worker import read_message, write_message
from evalengine.policies.policy import Policy

RECIPE = {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""The environment variables under which PyTorch's order of summation is known, that of softmax included."""

OTHER_SETTINGS = (
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
)
"""Environment variables that choose kernels or number formats too; the process starts without them."""

ROW_MULTIPLE = 4
"""Batches of other sizes sum their last rows, or all of them, in another order."""

CONVOLUTION_ROWS = 16
"""Below this batch, 1x1 convolutions of stride 1 sum otherwise, and so may those that oneDNN makes matrix products."""

VECTOR = 32
"""Values: of what is left over after whole vectors PyTorch computes some activations in another way."""

_ANY_SIZE = {"linear", "conv2d", "relu", "tanh", "sin", "identity", "max_pool2d", "avg_pool2d", "global_avg_pool2d"}
_ANY_SIZE |= {"layer_norm", "skip", "add_skip"}
"""Layers that have no such rest."""

_MOST_VALUES = 1 << 24
"""In the largest layer of one request: 64 MiB of float32."""

_WORKER = Path(__file__).with_name("torch_worker.py")


class TorchPolicy:
    """A PyTorch process; one caller at a time.

    Attributes:
        versions: package -> version, of what computes in that process: "torch", "mkl", "onednn".
        told: whether this is an Intel processor, and MKL takes its kernels for other ones all the same.
    """

    versions: Mapping[str, str]
    told: bool = False

    def __init__(self, variables: Mapping[str, str] = RECIPE) -> None:
        """Remember the environment variables; nothing is started yet."""
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the process and wait until PyTorch is loaded.

        Raises:
            MissingDependencyError: torch is not installed, or not for the NumPy that is.
            EvalEngineError: the process did not come up.
        """
        if importlib.util.find_spec("torch") is None:
            raise MissingDependencyError.of("torch", extra="torch")
        environment = {name: value for name, value in os.environ.items() if name not in OTHER_SETTINGS}
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            # -P: the modules beside the program are not to be taken for the standard library's.
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment | dict(self._variables),
            # Ctrl-C in a terminal is sent to the whole group; this process ends when we end it.
            start_new_session=True,
        )
        try:
            header, _ = self._receive(self._process)
            if "lacking" in header:
                # PyTorch before 2.3 was built for NumPy 1.
                raise MissingDependencyError(f"{header['lacking']}: pip install 'numpy<2' or a newer torch")
        except BaseException:
            self.__exit__()
            raise
        self.versions = header["versions"]
        self.told = header.get("told", False)
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process at once."""
        if self._process is None:
            return
        self._process.kill()
        # communicate() would choke on what a half-sent request left in the buffer of stdin.
        for stream in (self._process.stdout, self._process.stdin):
            _close(stream)
        self._process.wait()
        self._process = None
        self._stderr.close()

    def logits(
        self, policy: Policy, weights: NDArray[np.float32], observations: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return PyTorch's logits of one individual or of a population; recurrent cells begin with a state of zeros.

        Args:
            policy: the architecture.
            weights: float32 (D,) or (P, D).
            observations: float32 (B, *S) for one individual, (P, B, *S) for a population; S is `policy.input_shape` or
                (n_inputs,).

        Returns:
            float32, (B, n_outputs) or (P, B, n_outputs).
        """
        if weights.ndim == 2:
            rows = [self.logits(policy, *individual) for individual in zip(weights, observations, strict=True)]
            return np.stack(rows) if rows else np.empty((0, observations.shape[1], policy.n_outputs), np.float32)
        return self.step(policy, weights, observations, zero_states(policy, observations))[0]

    def step(
        self,
        policy: Policy,
        weights: NDArray[np.float32],
        observations: NDArray[np.float32],
        states: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return PyTorch's logits of one individual, and what its recurrent cells remember after this step.

        Args:
            policy: the architecture.
            weights: float32 (D,).
            observations: float32 (B, *S), as `logits` takes them.
            states: float32 (B, n_state), as `Policy.step` takes them.

        Returns:
            float32 (B, n_outputs), and (B, n_state).
        """
        logits, after = self.outputs(
            policy.input_shape,
            policy.layers,
            policy.split(weights)[1],
            observations,
            states=states,
            keep_states=True,
        )
        return logits, after

    def tanh(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return PyTorch's tanh of float32 values of any shape."""
        return self.activation(("tanh",), values)

    def sigmoid(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return PyTorch's sigmoid of float32 values of any shape."""
        return self.activation(("sigmoid",), values)

    def softmax(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return PyTorch's softmax of each row (B, n)."""
        (result,) = self.outputs(rows.shape[1:], [("softmax",)], np.empty(0, np.float32), rows)
        return np.asarray(result, np.float32)

    def activation(self, layer: tuple[str, *tuple[float, ...]], values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an activation of float32 values of any shape, which PyTorch is given in whole vectors.

        Args:
            layer: the name and the parameters, as `_engine.Layer` has them.
            values: of any shape.
        """
        flat = values.reshape(-1)
        padded = np.zeros(-(-flat.size // VECTOR) * VECTOR, np.float32)
        padded[: flat.size] = flat
        (result,) = self.outputs(
            (VECTOR,), [cast("_engine.Layer", layer)], np.empty(0, np.float32), padded.reshape(-1, VECTOR)
        )
        return np.asarray(result.reshape(-1)[: flat.size].reshape(values.shape), np.float32)

    def outputs(
        self,
        input_shape: tuple[int, ...],
        layers: Sequence[_engine.Layer],
        weights: NDArray[np.float32],
        observations: NDArray[np.float32],
        *,
        keep: Sequence[int] | None = None,
        states: NDArray[np.float32] | None = None,
        keep_states: bool = False,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> list[NDArray[Any]]:
        """Return what some layers of a chain return, as (B, numbers of one row) each.

        Args:
            input_shape: of one observation.
            layers: as the extension takes them; a linear layer flattens the image of a convolution.
            weights: float32, flat.
            observations: float32 (B, ...).
            keep: ascending indices of the layers; None is the last alone.
            states: float32 (B, n), what recurrent cells remember; None is nothing, of layers without cells.
            keep_states: whether what they remember then is returned, too, after the layers' outputs.
            dtype: in which to compute; "float64" makes the exact values with which float32 is judged.
        """
        kept = [len(layers) - 1] if keep is None else list(keep)
        places = placed_layers(input_shape, layers)
        widest = max(places[0].n_inputs, *(math.prod(place.output_shape) for place in places))
        rows = observations.reshape(len(observations), places[0].n_inputs)
        piece = max(_MOST_VALUES // widest // VECTOR, 1) * VECTOR
        request = {"input_shape": input_shape, "layers": layers, "dtype": dtype, "keep": kept}
        states = np.empty((len(rows), 0), np.float32) if states is None else states
        pieces = [
            self._run(request, weights, rows[start : start + piece], states[start : start + piece], np.dtype(dtype))
            for start in range(0, len(rows), piece)
        ]
        if not pieces:
            widths = [*(math.prod(places[index].output_shape) for index in kept), states.shape[1]]
            pieces = [[np.empty((0, width), dtype) for width in widths]]
        outputs = [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
        return outputs if keep_states else outputs[:-1]

    def _run(
        self,
        request: dict[str, Any],
        weights: NDArray[np.float32],
        observations: NDArray[np.float32],
        states: NDArray[np.float32],
        dtype: np.dtype[Any],
    ) -> list[NDArray[Any]]:
        layers = request["layers"]
        rows = padded_rows(observations, layers)
        inputs = weights, rows, padded_rows(states, layers)
        arrays = [np.ascontiguousarray(array, np.float32).reshape(-1).view(np.uint8).data for array in inputs]
        _, received = self._exchange(request, arrays)
        return [np.frombuffer(array, dtype).reshape(len(rows), -1)[: len(observations)] for array in received]

    def _exchange(self, request: dict[str, Any], arrays: list[memoryview]) -> tuple[dict[str, Any], list[bytearray]]:
        process = self._process
        if process is None or process.stdin is None:
            raise EvalEngineError("PyTorch process: expected to be used inside its `with` block")
        try:
            try:
                write_message(process.stdin, request, arrays)  # type: ignore[arg-type]
            except BrokenPipeError:
                raise self._death(process) from None
            return self._receive(process)
        except _WorkerError:
            raise
        except BaseException:
            # Ctrl-C, too: half a message was exchanged, and the next answer would be this one's.
            self.__exit__()
            raise

    def _receive(self, process: subprocess.Popen[bytes]) -> tuple[dict[str, Any], list[bytearray]]:
        assert process.stdout is not None
        try:
            message = read_message(process.stdout)  # type: ignore[arg-type]
        except EOFError:
            message = None
        except ValueError as error:
            raise EvalEngineError(f"PyTorch process: {error}") from None
        if message is None:
            raise self._death(process)
        if "error" in message[0]:
            raise _WorkerError(f"PyTorch process: {message[0]['error']}")
        return message

    def _death(self, process: subprocess.Popen[bytes]) -> EvalEngineError:
        """The error that says how the process ended, with the last line that it wrote."""
        try:
            status = process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return EvalEngineError(f"PyTorch process: ended with status {status}{': ' + lines[-1] if lines else ''}")


class _WorkerError(EvalEngineError):
    """What the process answered instead of outputs; it can go on."""


def zero_states(policy: Policy, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the states (B, n_state) before the first step of episodes with these observations (B, ...)."""
    return np.zeros((len(observations), policy.n_state), np.float32)


def padded_rows(observations: NDArray[np.float32], layers: Sequence[_engine.Layer]) -> NDArray[np.float32]:
    """Return the rows (B, ...), filled up with copies of the last one to a batch whose sums have a known order."""
    multiple = ROW_MULTIPLE if all(layer[0] in _ANY_SIZE for layer in layers) else VECTOR
    rows = -(-len(observations) // multiple) * multiple
    if any(is_convolution(layer) for layer in layers):
        rows = max(rows, CONVOLUTION_ROWS)
    return np.concatenate([observations, np.repeat(observations[-1:], rows - len(observations), axis=0)])


def _close(stream: IO[bytes] | None) -> None:
    try:
        if stream is not None:
            stream.close()
    except BrokenPipeError:
        pass  # What was left in its buffer has no reader any more.

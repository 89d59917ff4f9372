"""What a policy is: one individual's network, spelled once, checked once.

    >>> architecture = Architecture("mlp:4-64-2")
    >>> architecture.n_params
    450

`Policy` adds ways from and to what people have: modules, state dicts, files. They stand between the two, so that none
of them needs to know `Policy`. The forward pass itself is the extension's (`network`); environments are known here only
by the shapes that they ask for. Depends on spelling, steps, fits, arguments and the extension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine import _engine
from evalengine.arguments import plain_array, weight_array
from evalengine.errors import InputError, engine_errors
from evalengine.messages import html_table, named, shown
from evalengine.policies.activations import IDENTITY, activation_layer, canonical
from evalengine.policies.cells import cell_shapes, state_sizes
from evalengine.policies.fits import check_fits
from evalengine.policies.head_spelling import DEFAULT_HEAD, LOG_STD, given_head, given_noise
from evalengine.policies.spelling import Spelling, parse, spell_shape
from evalengine.policies.steps import Step, steps_of
from evalengine.policies.tokens import ADD, MEAN, SKIP, Convolution, Mark, Norm, Pool, Recurrent
from evalengine.scalars import as_number, check_flag, check_integer, items_of

if TYPE_CHECKING:
    from evalengine.environments.registry import EnvironmentEntry

# The extension's limit too: 2**30 float32 are 4 GiB an individual.
_MOST_NUMBERS = 2**30


class Parameter(NamedTuple):
    """One tensor of the flat vector.

    Attributes:
        name: in the equivalent nn.Sequential.
        shape: as PyTorch has it.
        fan_in: of its layer; it decides how far PyTorch's initial values are from zero. 0 for `log_std`, which belongs
            to no layer.
        initial: the initial value of all of them, where PyTorch draws none.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    initial: float | None = None


@dataclass(frozen=True, init=False, repr=False)
class Architecture(Spelling):
    """What a policy is, by its spec, such as "mlp:4-64-2"; `Policy` says what each attribute is."""

    def __init__(self, spec: str | Architecture) -> None:
        """Parse and check a spec.

        Args:
            spec: "mlp:4-64-2" (inputs, hidden sizes, outputs) or "cnn:5x12x12-16k3-64-4" (channels x height x width,
                convolutions such as 16k3s2p1, pools such as mp2, hidden sizes, outputs; a size may be that of a
                recurrent cell, lstm32, gru32, rnn32 or rnn_relu32), then options where they differ from the default:
                ",act=relu", ",out=sigmoid", ",bias=0", ",head=clip". Or a Policy.

        Raises:
            InputError: it is misspelt, or its sizes do not fit each other.
        """
        spelling = spec if isinstance(spec, Architecture) else parse(spec)
        for part in fields(Spelling):
            object.__setattr__(self, part.name, getattr(spelling, part.name))
        largest = max(self.n_params, self.n_inputs, *(math.prod(step.output_shape) for step in self.steps))
        if largest > _MOST_NUMBERS:
            raise InputError(
                f"policy {self}: expected at most {_MOST_NUMBERS} parameters, and numbers in a layer, got {largest}"
            )

    @classmethod
    def from_shape(
        cls,
        arch: str,
        shape: tuple[int | str | tuple[int | tuple[int, int], ...] | tuple[str, int], ...],
        *,
        activation: str | Sequence[str] | None = None,
        output_activation: str = IDENTITY,
        bias: bool | Sequence[bool] = True,
        head: str | Sequence[str] = DEFAULT_HEAD,
        noise: str | float | Sequence[float] = 0.0,
    ) -> Self:
        """Return the policy of a shape: sizes for mlp, (channels, height, width, *convolutions, *sizes) for cnn.

        A convolution is a tuple (out_channels, kernel[, stride=1[, padding=0[, dilation=1[, groups=1]]]]), all but the
        channels and groups being one integer or (height, width). A recurrent cell is a tuple of its name and its hidden
        size, ("lstm", 32). Other parts are texts as they are spelled: "mp2".

        Args:
            arch: "mlp" or "cnn".
            shape: (4, 64, 2) or (5, 12, 12, (16, 3), (32, 3), 64, 4).
            activation: after every layer but the last, "relu", or one for each of these layers, ("relu", "tanh"); by
                PyTorch's name, parameters after colons ("leaky_relu:0.2"). None is tanh for mlp and relu for cnn. One
                for all of several layers is not for the recurrent cells among them, nor is None.
            output_activation: after the last layer, before the head; "softmax" and "log_softmax", too.
            bias: whether all layers have biases, or which.
            head: how outputs become actions: "tanh", "clip", "raw" or "sigmoid" of a Box, or one of them for each
                output, ("tanh", "sigmoid", "sigmoid"); "argmax", "sample" or "threshold:0.5" of discrete actions.
            noise: the standard deviation of Gaussian noise on the outputs, or one for each; or "log_std".

        Raises:
            InputError: the shape or an option is none, or the sizes do not fit each other.
        """
        spelled = spell_shape(arch, shape)
        outputs = int(spelled.rpartition("-")[2]) if spelled.rpartition("-")[2].isdigit() else 0
        heads, noises = given_head(head, outputs), given_noise(noise, outputs)
        if activation is not None:
            one_or_several = items_of(activation, (tuple, list)) or [activation]
            spelled += f",act={'/'.join(_activation('activation', item) for item in one_or_several)}"
        spelled += f",out={_activation('output_activation', output_activation, of_outputs=True)}"
        biases = items_of(bias, (tuple, list)) or [bias]
        digits = [str(int(check_flag("bias", item))) for item in biases]
        return cls(f"{spelled},bias={'/'.join(digits)},head={heads}{f',noise={noises}' if noises else ''}")

    def __repr__(self) -> str:
        """Return the expression that makes this policy."""
        return f"{type(self).__name__}({str(self)!r})"

    def _repr_html_(self) -> str:
        """What it consists of as a table, for notebooks."""
        rows = {
            "spec": self,
            "weights": f"{self.n_params:,}",
            "inputs": " x ".join(map(str, self.input_shape)),
            "outputs": self.n_outputs,
            "hidden activations": ", ".join(self.activations) or "-",
            "output activation": self.output_activation,
            "head": self.head,
            "state": f"{self.n_state:,} numbers" if self.n_state else "-",
        }
        return html_table(type(self).__name__, rows)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        """Pickle the spelling alone: the network is built anew in the process that needs it."""
        return type(self), (str(self),)

    @property
    def n_inputs(self) -> int:
        """How many numbers one observation has."""
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """How many logits the last layer gives."""
        return self.sizes[-1]

    @cached_property
    def n_params(self) -> int:
        """The length D of the flat weight vector."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters)

    @cached_property
    def layers(self) -> tuple[_engine.Layer, ...]:
        """The layers as the extension takes them; the step from (C, H, W) to a vector is implied."""
        return tuple(layer for step in self.steps for layer in [_layer(step)] if layer not in (None, (IDENTITY,)))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The parts of the chain with activations and shapes, as the equivalent nn.Sequential has them."""
        return steps_of(self)

    @property
    def n_state(self) -> int:
        """How many numbers the recurrent cells remember from one step to the next; 0 without cells."""
        return sum(map(sum, state_sizes(self.cells, self.sizes)))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The tensors of the flat vector, in order.

        `log_std` comes first, as in `parameters()` of every module that has it beside its layers.
        """
        found = [Parameter(LOG_STD, (self.n_outputs,), 0)] if self.learns_noise else []
        return (*found, *(parameter for step in self.steps for parameter in _parameters(step)))

    @property
    def learns_noise(self) -> bool:
        """Whether the first parameters are logarithms of the noise's standard deviations, `log_std`."""
        return self.noise == LOG_STD

    @property
    def without_noise(self) -> Self:
        """The same policy without noise, whose parameters are the network's alone."""
        return type(self)(str(self).replace(f",noise={self.noise}", "")) if self.noise else self

    @cached_property
    def deviations(self) -> tuple[float, ...] | None:
        """The standard deviation of the noise on each output, () without noise, None where they are parameters."""
        if self.learns_noise:
            return None
        numbers = [float(number) for number in self.noise.split("/") if number]
        return tuple(numbers * self.n_outputs if len(numbers) == 1 else numbers)

    def split(self, weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return views of weights (..., D): `log_std` (..., n_outputs), or (..., 0) without, and the network's own."""
        count = self.n_outputs if self.learns_noise else 0
        return weights[..., :count], weights[..., count:]

    @cached_property
    def network(self) -> _engine.Network:
        """The extension's network, built once for each Policy object."""
        with engine_errors():
            return _engine.Network(self.input_shape, self.layers)

    def check_fits(self, entry: EnvironmentEntry) -> None:
        """Check inputs, outputs and head against an environment with its keyword arguments applied.

        An observation (height, width, channels) is (channels, height, width) for a cnn, and the frames of a stack are
        channels; an mlp takes any observation flattened row-major.

        Raises:
            InputError: the policy cannot play this environment; the message gives both sides.
        """
        check_fits(self, entry)

    def init(self, population: int, seed: int, gain: float = 1.0) -> NDArray[np.float32]:
        """Return a random population (P, D) float32 within PyTorch's default initialisation bounds.

        Weights and biases are uniform in +-1/sqrt(fan_in), as nn.Linear and nn.Conv2d draw them, those of recurrent
        cells in +-1/sqrt(hidden size), from `numpy.random.default_rng(seed)`, individual by individual: a larger
        population starts with the smaller one. Those of a normalisation are 1 and 0, as PyTorch's are; `log_std` is 0.

        Args:
            population: P, from 0.
            seed: an unsigned 64-bit integer.
            gain: what every number is multiplied with, in float32. Of a network whose outputs are near 0 the default
                head makes the middle of the bounds, and in CarRacing that is half the gas and half the brake: all cars
                creep straight on. With 3 they differ.

        Raises:
            InputError: one of them is no integer, or out of its range, or the gain is no finite number above 0.
        """
        factor = as_number(gain)
        if factor is None or not 0 < factor < math.inf:
            raise InputError(f"gain: expected a finite number above 0, got {shown(gain)}")
        population = check_integer("population", population, least=0, most=2**31 - 1)
        seed = check_integer("seed", seed, least=0, most=2**64 - 1)
        weights = np.random.default_rng(seed).random((population, self.n_params), dtype=np.float32)
        bounds = np.concatenate(
            [
                np.full(math.prod(p.shape), 1 / math.sqrt(p.fan_in) if p.fan_in else 0.0, dtype=np.float32)
                for p in self.parameters
            ]
        )
        weights *= 2
        weights -= 1
        weights *= bounds
        weights *= np.float32(factor)
        self.split(weights)[0][...] = 0.0
        start = 0
        for parameter in self.parameters:
            end = start + math.prod(parameter.shape)
            if parameter.initial is not None:
                weights[:, start:end] = parameter.initial
            start = end
        return weights

    def logits(
        self, weights: ArrayLike, observations: ArrayLike, state: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Return the logits, the outputs of the last layer, of one individual or of a population.

        Args:
            weights: (D,) or (P, D).
            observations: (B, *S) for one individual, (P, B, *S) for a population; S is `input_shape` or (n_inputs,),
                so (channels, height, width) for a cnn.
            state: what recurrent cells remember of the steps before, see `step`; None, zeros, is the first step of an
                episode.

        Returns:
            float32, (B, n_outputs) or (P, B, n_outputs).

        Raises:
            InputError: a shape or a dtype does not fit.
            OutOfMemoryError: there is no memory for the numbers between two layers; nothing has been computed.
        """
        if state is not None:
            return self.step(weights, observations, state)[0]
        individuals, flat = self._checked_inputs(weights, observations)
        with engine_errors():
            return self.network.logits(individuals, flat)

    def step(
        self, weights: ArrayLike, observations: ArrayLike, state: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the logits, and what recurrent cells remember after this step, for the next one's `state`.

        Args:
            weights: as `logits` takes them.
            observations: alike.
            state: (B, n_state) for one individual, (P, B, n_state) for a population: of each cell, first to last, its
                output h, then the cell state c of an LSTM. None is zeros, as before the first step of an episode.

        Returns:
            float32 logits, and the state after them, of the shape of `state`.

        Raises:
            InputError: a shape or a dtype does not fit.
            OutOfMemoryError: as `logits`.
        """
        individuals, flat = self._checked_inputs(weights, observations)
        shape = (*flat.shape[:-1], self.n_state)
        states = np.zeros(shape, np.float32) if state is None else plain_array("state", state)
        if states.shape != shape:
            raise InputError(f"state: expected shape {shape} for {self}, got {states.shape}")
        if states.dtype.kind not in "fiu":
            raise InputError(f"state: expected numbers, got {named(states.dtype)}")
        with engine_errors():
            return self.network.step(individuals, flat, np.ascontiguousarray(states, np.float32))

    def _checked_inputs(
        self, weights: ArrayLike, observations: ArrayLike
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the network's weights and flat observations as the extension takes them."""
        individuals = weight_array(weights, self, self.n_params)
        inputs = plain_array("observations", observations)
        leading = individuals.ndim
        batch = inputs.shape[:leading]
        fits = len(batch) == leading and inputs.shape[leading:] in (self.input_shape, (self.n_inputs,))
        if not fits or batch[:-1] != individuals.shape[:-1]:
            expected = ", ".join(str(size) for size in (*individuals.shape[:-1], "B", *self.input_shape))
            raise InputError(f"observations: expected shape ({expected}) for {self}, got {inputs.shape}")
        if inputs.dtype.kind not in "fiu":
            raise InputError(f"observations: expected numbers, got {named(inputs.dtype)}")
        flat = np.ascontiguousarray(inputs.reshape(*batch, self.n_inputs), dtype=np.float32)
        return np.ascontiguousarray(self.split(individuals)[1]), flat


def _layer(step: Step) -> _engine.Layer | None:
    """Return a step as the extension takes it; None where it does nothing to the numbers there."""
    token = step.token
    if isinstance(token, int):
        return ("linear", token, step.has_bias)
    if isinstance(token, Recurrent):
        return (token.cell, token.hidden, step.has_bias)
    if isinstance(token, Convolution):
        _, kernel, stride, padding, dilation, groups = token
        return ("conv2d", token.out_channels, kernel, stride, padding, dilation, groups, step.has_bias)
    if isinstance(token, Pool):
        windows = (token.kernel, token.stride, token.padding)
        return ("max_pool2d", *windows) if token.kind == "mp" else ("avg_pool2d", *windows, token.counts_padding)
    if isinstance(token, Norm):
        return ("layer_norm", token.eps, token.has_weight, token.has_bias)
    if isinstance(token, Mark):
        return {MEAN: ("global_avg_pool2d",), SKIP: ("skip",), ADD: ("add_skip",)}.get(token)
    return activation_layer(token)


def _parameters(step: Step) -> Iterator[Parameter]:
    """Yield the tensors of a step: weight, then bias."""
    token = step.token
    if isinstance(token, Norm):
        shape, fan_in = step.input_shape, math.prod(step.input_shape)
        if token.has_weight:
            yield Parameter(f"{step.name}.weight", shape, fan_in, 1.0)
        if step.has_bias:
            yield Parameter(f"{step.name}.bias", shape, fan_in, 0.0)
        return
    if isinstance(token, Recurrent):
        # PyTorch draws all of a cell within the same bounds.
        shapes = cell_shapes(token.cell, step.input_shape[0], token.hidden, bias=step.has_bias)
        yield from (Parameter(f"{step.name}.{name}", shape, token.hidden) for name, shape in shapes.items())
        return
    if isinstance(token, int):
        shape = (token, step.input_shape[0])
    elif isinstance(token, Convolution):
        shape = (token.out_channels, step.input_shape[0] // token.groups, *token.kernel)
    else:
        return
    fan_in = math.prod(shape[1:])
    yield Parameter(f"{step.name}.weight", shape, fan_in)
    if step.has_bias:
        yield Parameter(f"{step.name}.bias", shape[:1], fan_in)


def _activation(name: str, value: object, *, of_outputs: bool = False) -> str:
    """Return the canonical spec of an activation that a caller passes."""
    if not isinstance(value, str):
        raise InputError(f"{name}: expected a name such as 'relu', got {shown(value)}")
    try:
        return canonical(value.strip().lower(), of_outputs=of_outputs)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None

"""What a policy is: one individual's network, spelled once, checked once.

    >>> architecture = Architecture("mlp:4-64-2")
    >>> architecture.n_params
    450

`Policy` adds ways from and to what people have: modules, state dicts, files. They stand between the two, so that none
of them needs to know `Policy`. The forward pass itself is the extension's (`network`); environments are known here only
by the shapes that they ask for. Depends on spelling, steps, arguments and the extension.
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
from evalengine.messages import named, shown
from evalengine.policies.activations import IDENTITY, activation_layer, canonical
from evalengine.policies.spelling import HEADS, Spelling, parse, spell_shape
from evalengine.policies.steps import Step, steps_of
from evalengine.policies.tokens import ADD, MEAN, SKIP, Convolution, Mark, Norm, Pool
from evalengine.scalars import check_flag, check_integer, is_one_of, items_of

if TYPE_CHECKING:
    from evalengine.environments.registry import EnvironmentEntry

# The extension's limit too: 2**30 float32 are 4 GiB an individual.
_MOST_NUMBERS = 2**30


class Parameter(NamedTuple):
    """One tensor of the flat vector.

    Attributes:
        name: in the equivalent nn.Sequential.
        shape: as PyTorch has it.
        fan_in: of its layer; it decides how far PyTorch's initial values are from zero.
        initial: the initial value of all of them, where PyTorch draws none.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    initial: float | None = None


@dataclass(frozen=True, init=False, repr=False)
class Architecture(Spelling):
    """What a policy is, by its spelling, such as "mlp:4-64-2"; `Policy` says what each attribute is."""

    def __init__(self, spec: str | Architecture) -> None:
        """Parse and check a spelling.

        Args:
            spec: "mlp:4-64-2" (inputs, hidden sizes, outputs) or "cnn:5x12x12-16k3-64-4" (channels x height x width,
                convolutions such as 16k3s2p1, pools such as mp2, hidden sizes, outputs), then options where they differ
                from the default:
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
        shape: tuple[int | str | tuple[int | tuple[int, int], ...], ...],
        *,
        activation: str | Sequence[str] | None = None,
        output_activation: str = IDENTITY,
        bias: bool | Sequence[bool] = True,
        head: str = "tanh",
    ) -> Self:
        """Return the policy of a shape: sizes for mlp, (channels, height, width, *convolutions, *sizes) for cnn.

        A convolution is a tuple (out_channels, kernel[, stride=1[, padding=0[, dilation=1[, groups=1]]]]), all but the
        channels and groups being one integer or (height, width). Other parts are texts as they are spelled: "mp2".

        Args:
            arch: "mlp" or "cnn".
            shape: (4, 64, 2) or (5, 12, 12, (16, 3), (32, 3), 64, 4).
            activation: after every layer but the last, "relu", or one for each of these layers, ("relu", "tanh"); by
                PyTorch's name, parameters after colons ("leaky_relu:0.2"). None is tanh for mlp and relu for cnn.
            output_activation: after the last layer, before the head; "softmax" and "log_softmax", too.
            bias: whether all layers have biases, or which.
            head: how logits become Box actions, "tanh" or "clip".

        Raises:
            InputError: the shape or an option is none, or the sizes do not fit each other.
        """
        if not is_one_of(head, HEADS):
            raise InputError(f"head: expected 'tanh' or 'clip', got {shown(head)}")
        spelled = spell_shape(arch, shape)
        if activation is not None:
            one_or_several = items_of(activation, (tuple, list)) or [activation]
            spelled += f",act={'/'.join(_activation('activation', item) for item in one_or_several)}"
        spelled += f",out={_activation('output_activation', output_activation, of_outputs=True)}"
        biases = items_of(bias, (tuple, list)) or [bias]
        digits = [str(int(check_flag("bias", item))) for item in biases]
        return cls(f"{spelled},bias={'/'.join(digits)},head={head}")

    def __repr__(self) -> str:
        """Return the expression that makes this policy."""
        return f"{type(self).__name__}({str(self)!r})"

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

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The tensors of the flat vector, in order."""
        return tuple(parameter for step in self.steps for parameter in _parameters(step))

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
        wanted = (entry.n_inputs,) if self.arch == "mlp" else entry.image_shape or entry.observation_shape
        if (self.input_shape, self.n_outputs) != (wanted, entry.n_outputs):
            inputs, got = ("x".join(str(size) for size in sizes) for sizes in (wanted, self.input_shape))
            raise InputError(
                f"policy: {entry.id} needs {inputs} inputs and {entry.n_outputs} outputs, "
                f"got {self} ({got} inputs, {self.n_outputs} outputs)"
            )
        if entry.n_actions is None and (self.output_activation, self.head) == ("tanh", "tanh"):
            raise InputError(
                f"policy: {entry.id} has Box actions, out=tanh and head=tanh would apply tanh twice: expected "
                f"head=clip beside out=tanh, which plays the outputs as they are, or no out=tanh, got {self}"
            )
        if entry.n_actions is not None and self.head != "tanh":
            raise InputError(f"policy: {entry.id} has discrete actions, expected no head={self.head}, got {self}")

    def init(self, population: int, seed: int) -> NDArray[np.float32]:
        """Return a random population (P, D) float32 within PyTorch's default initialisation bounds.

        Weights and biases are uniform in +-1/sqrt(fan_in), as nn.Linear and nn.Conv2d draw them, from
        `numpy.random.default_rng(seed)`, individual by individual: a larger population starts with the smaller one.
        Those of a normalisation are 1 and 0, as PyTorch's are.

        Args:
            population: P, from 0.
            seed: an unsigned 64-bit integer.

        Raises:
            InputError: one of them is no integer, or out of its range.
        """
        population = check_integer("population", population, least=0, most=2**31 - 1)
        seed = check_integer("seed", seed, least=0, most=2**64 - 1)
        weights = np.random.default_rng(seed).random((population, self.n_params), dtype=np.float32)
        bounds = np.concatenate(
            [np.full(math.prod(p.shape), 1 / math.sqrt(p.fan_in), dtype=np.float32) for p in self.parameters]
        )
        weights *= 2
        weights -= 1
        weights *= bounds
        start = 0
        for parameter in self.parameters:
            end = start + math.prod(parameter.shape)
            if parameter.initial is not None:
                weights[:, start:end] = parameter.initial
            start = end
        return weights

    def logits(self, weights: ArrayLike, observations: ArrayLike) -> NDArray[np.float32]:
        """Return the logits, the outputs of the last layer, of one individual or of a population.

        Args:
            weights: (D,) or (P, D).
            observations: (B, *S) for one individual, (P, B, *S) for a population; S is `input_shape` or (n_inputs,),
                so (channels, height, width) for a cnn.

        Returns:
            float32, (B, n_outputs) or (P, B, n_outputs).

        Raises:
            InputError: a shape or a dtype does not fit.
            OutOfMemoryError: there is no memory for the numbers between two layers; nothing has been computed.
        """
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
        with engine_errors():
            return self.network.logits(individuals, flat)


def _layer(step: Step) -> _engine.Layer | None:
    """Return a step as the extension takes it; None where it does nothing to the numbers there."""
    token = step.token
    if isinstance(token, int):
        return ("linear", token, step.has_bias)
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
    """Return the canonical spelling of an activation that a caller passes."""
    if not isinstance(value, str):
        raise InputError(f"{name}: expected a name such as 'relu', got {shown(value)}")
    try:
        return canonical(value.strip().lower(), of_outputs=of_outputs)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None

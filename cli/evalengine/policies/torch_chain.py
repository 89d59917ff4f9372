"""From the layers of a PyTorch module, in the order in which they run, to the policy that they are.

    [Linear(...), Activation("tanh"), Linear(...)] ──► chain_policy ──► Policy("mlp:4-64-2")

Every refusal names the layer. Depends on policy and torch_layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalengine.errors import InputError
from evalengine.policies.activations import IDENTITY, OF_OUTPUTS
from evalengine.policies.architecture import Architecture
from evalengine.policies.cells import GATES
from evalengine.policies.steps import Step
from evalengine.policies.tokens import ACT, ADD, FLATTEN, MEAN, SKIP, Norm, Recurrent, Token
from evalengine.policies.tokens import Convolution as ConvolutionToken
from evalengine.policies.torch_graph import ADD as ADDED
from evalengine.policies.torch_graph import Own
from evalengine.policies.torch_layers import (
    Activation,
    Branch,
    Cell,
    Convolution,
    Flatten,
    Layer,
    Linear,
    Normalization,
    Pooling,
)

Weighted = Linear | Convolution | Cell


def chain_policy(layers: Sequence[Layer], observation_shape: tuple[int, ...] | None) -> Architecture:
    """Build the policy of a chain: convolutions and pools, Flatten, linear layers, with an activation after each.

    Raises:
        InputError: the layers come in another order, or their sizes do not fit.
    """
    chain = _Chain()
    for layer in layers:
        chain.take(layer)
    if not isinstance(chain.last, Linear | Cell):
        got = layers[-1].place if layers else "no layer"
        raise InputError(f"from_torch: expected a Linear layer last, whose outputs are the logits, got {got}")
    policy = _policy_of(chain, observation_shape)
    _check_parameters(chain, policy)
    _check_sizes(layers)
    return policy


def chain_parameters(layers: Sequence[Layer]) -> list[Own]:
    """Return the parameters of a chain in the order of the flat vector: weight, bias, layer by layer, as they run."""
    found: list[Own | None] = []
    for layer in layers:
        if isinstance(layer, Cell):
            found += [layer.weight, layer.weight_hh, layer.bias, layer.bias_hh]
        elif isinstance(layer, Linear | Convolution | Normalization):
            found += [layer.weight, layer.bias]
    return [own for own in found if own is not None]


@dataclass
class _Chain:
    """The parts of a policy's chain while layers are gone through.

    Attributes:
        tokens: the parts.
        weighted: the linear layers, convolutions and recurrent cells.
        norms: the normalisations.
        activations: one for each of `weighted`, as far as it has one.
        last: the last layer that is neither an activation nor Flatten.
    """

    tokens: list[Token] = field(default_factory=list)
    weighted: list[Weighted] = field(default_factory=list)
    norms: list[Normalization] = field(default_factory=list)
    activations: list[str | None] = field(default_factory=list)
    last: Layer | None = None
    of_outputs: Activation | None = None
    has_images: bool = False
    flattened: bool = False

    def take(self, layer: Layer) -> None:
        """Add a layer to the chain."""
        if isinstance(layer, Activation):
            self._activate(layer)
            return
        if isinstance(layer, Flatten):
            if self.has_images and not self.flattened:
                self.tokens.append(FLATTEN)
            self.flattened = True
            return
        if self.of_outputs is not None:
            place, spelling = self.of_outputs.place, self.of_outputs.spelling
            raise InputError(f"from_torch: {place}: expected {spelling} after the last layer only")
        if isinstance(layer, Linear):
            self._check_flattened(layer)
            self._add(layer, int(layer.weight.tensor.shape[0]))
            self.flattened = True
        elif isinstance(layer, Cell):
            self._check_flattened(layer)
            self._add(layer, Recurrent(layer.cell, int(layer.weight.tensor.shape[0]) // GATES[layer.cell]))
            self.flattened = True
        elif isinstance(layer, Convolution):
            self._check_image(layer)
            weight = layer.weight.tensor
            kernel = (int(weight.shape[2]), int(weight.shape[3]))
            sizes = (layer.stride, layer.padding, layer.dilation, layer.groups)
            self._add(layer, ConvolutionToken(int(weight.shape[0]), kernel, *sizes))
        elif isinstance(layer, Pooling):
            self._check_image(layer)
            self.tokens.append(MEAN if layer.pool is None else layer.pool)
        elif isinstance(layer, Normalization):
            self.norms.append(layer)
            self.tokens.append(Norm(layer.eps, layer.weight is not None, layer.bias is not None))
        elif isinstance(layer, Branch):
            self.tokens.append(ADD if layer.what == ADDED else SKIP)
        self.last = layer

    def _add(self, layer: Weighted, token: Token) -> None:
        self.weighted.append(layer)
        self.activations.append(None)
        self.tokens.append(token)

    def _activate(self, layer: Activation) -> None:
        if not self.activations or self.activations[-1] is not None:
            raise InputError(f"from_torch: {layer.place}: expected an activation to follow a Linear or Conv2d")
        self.activations[-1] = layer.spelling
        self.tokens.append(ACT)
        if layer.spelling in OF_OUTPUTS:
            self.of_outputs = layer

    def _check_flattened(self, layer: Linear | Cell) -> None:
        if self.has_images and not self.flattened:
            before = "the layer before" if self.last is None else self.last.place
            raise InputError(f"from_torch: {layer.place}: expected Flatten between it and {before}")

    def _check_image(self, layer: Convolution | Pooling) -> None:
        if self.flattened:
            what = "convolutions" if isinstance(layer, Convolution) else "pools"
            raise InputError(f"from_torch: {layer.place}: expected {what} before Flatten and Linear")
        self.has_images = True


def _policy_of(chain: _Chain, observation_shape: tuple[int, ...] | None) -> Architecture:
    activations = [IDENTITY if name is None else name for name in chain.activations]
    tokens = list(chain.tokens)
    while tokens and tokens[-1] in (ACT, FLATTEN):
        tokens.pop()
    inputs: tuple[int, ...] = (chain.weighted[0].weight.tensor.shape[1],)
    if chain.has_images:
        inputs = _image_shape(chain, observation_shape)
    elif isinstance(norm := _first_parameters(chain), Normalization):
        inputs = (math.prod(norm.shape),)
    if not chain.has_images and observation_shape is not None and math.prod(observation_shape) != inputs[0]:
        raise InputError(f"from_torch: expected an observation_shape of {inputs[0]} numbers, got {observation_shape}")
    return Architecture.from_shape(
        "cnn" if chain.has_images else "mlp",
        (*inputs, *(token if isinstance(token, int) else str(token) for token in tokens)),
        activation=activations[:-1] or None,
        output_activation=activations[-1],
        bias=[layer.bias is not None for layer in chain.weighted],
    )


def _first_parameters(chain: _Chain) -> Normalization | None:
    """Return the normalisation that sees the observations, if there is one."""
    return chain.norms[0] if isinstance(next(iter(_without_marks(chain.tokens)), None), Norm) else None


def _without_marks(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token not in (SKIP, ADD, FLATTEN, ACT)]


def _check_parameters(chain: _Chain, policy: Architecture) -> None:
    """Check the shapes of the parameters against those of the policy."""
    weighted, norms = iter(chain.weighted), iter(chain.norms)
    ends = (".weight", ".weight_ih")
    weights = {p.name.rpartition(".")[0]: p.shape for p in policy.parameters if p.name.endswith(ends)}
    for step in policy.steps:
        if isinstance(step.token, Norm):
            _check_norm(next(norms), step)
        elif step.token not in (SKIP, ADD) and step.name in weights:
            layer, expected = next(weighted), weights[step.name]
            got = tuple(layer.weight.tensor.shape)
            if got != expected:
                raise InputError(
                    f"from_torch: {layer.place}: expected weights {expected} after the layers before, got {got}"
                )


def _check_norm(layer: Normalization, step: Step) -> None:
    shapes = [layer.shape, *(tuple(own.tensor.shape) for own in (layer.weight, layer.bias) if own is not None)]
    for shape in shapes:
        if shape != step.input_shape:
            raise InputError(
                f"from_torch: {layer.place}: expected a normalisation over all axes but the batch, "
                f"{step.input_shape}, got {shape}"
            )


def _check_sizes(layers: Sequence[Layer]) -> None:
    """Check the sizes that a module gives to `view`: another one would deal numbers out to other rows of the batch."""
    # A reshaped observation, or convolution, has as many numbers as the next linear layer takes.
    features: int | None = None
    for layer in reversed(layers):
        if isinstance(layer, Linear | Cell):
            features = layer.weight.tensor.shape[1]
        elif isinstance(layer, Normalization):
            features = math.prod(layer.shape)
        elif isinstance(layer, Flatten) and layer.size is not None:
            given = layer.size
            wanted = features if features is not None else _last(layers).weight.tensor.shape[0]
            if given != wanted:
                raise InputError(f"from_torch: {layer.place}: expected {wanted} numbers a row, got {given}")


def _last(layers: Sequence[Layer]) -> Linear | Cell:
    return next(layer for layer in reversed(layers) if isinstance(layer, Linear | Cell))


def _image_shape(chain: _Chain, observation_shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the shape of an observation, whose channels a module tells that begins with a convolution."""
    first = next(iter(_without_marks(chain.tokens)), None)
    channels: int | str = "channels"
    if isinstance(first, ConvolutionToken):
        channels = int(chain.weighted[0].weight.tensor.shape[1]) * first.groups
    if observation_shape is None:
        raise InputError(
            f"from_torch: a module with convolutions needs observation_shape=({channels}, height, width), got None"
        )
    shape = tuple(observation_shape)
    if len(shape) != 3 or channels not in ("channels", shape[0]):
        raise InputError(f"from_torch: expected observation_shape ({channels}, height, width), got {shape}")
    return shape

"""Each layer judged on its own inputs: ours, so that no layer answers for the rounding of the one before it.

    our activations ──┬──► our layer
                      ├──► PyTorch's layer, float32
                      └──► the same in float64

- A linear layer, a convolution, a relu: EXACT, all bits are PyTorch's.
- tanh: BOUNDED, at most `TANH_ULPS` from the exact value; PyTorch's is a closed library.
- A convolution that PyTorch does not compute as a convolution, but as a product of matrices in an order that is not
  known: BOUNDED by what any order of summation can lose. It is EXACT all the same if the image is padded first
  (`nn.ZeroPad2d`, then `nn.Conv2d` without padding), since it is the padding that sends PyTorch the other way.

Which one a layer is, the extension says (`Network.exactness`). Depends on TorchPolicy, tallies and the extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity.layers import PlacedLayer, is_convolution, placed_layers, sum_length
from evalengine.parity.report import Section
from evalengine.parity.tally import BitTally, ErrorTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy
from evalengine.policies.rounding import SMALLEST_SUBNORMAL, UNIT_ROUNDOFF

TANH_ULPS = 1.0
"""The bound of tanh's error, in units in the last place of the exact value."""

_NOTHING = np.empty(0, np.float32)


@dataclass
class LayerTallies:
    """What the layers of some networks come to.

    Attributes:
        sums: linear layers, convolutions and relu.
        tanh: tanh.
        outside: convolutions in an order that is not known.
        padded: these again, PyTorch's on an image that is padded first.
        reasons: why a convolution is outside.
        tanh_ulps: the largest errors of tanh in units in the last place, ours and PyTorch's.
    """

    sums: BitTally = field(default_factory=BitTally)
    tanh: ErrorTally = field(default_factory=ErrorTally)
    outside: ErrorTally = field(default_factory=ErrorTally)
    padded: BitTally = field(default_factory=BitTally)
    reasons: set[str] = field(default_factory=set)
    tanh_ulps: tuple[float, float] = (0.0, 0.0)

    def sections(self, label: str, *, unproven: str) -> list[Section]:
        """Return a section for each kind of layer that was met; `label` says whose layers they are."""
        sections = []
        own = "each layer on its own inputs"
        if self.sums.rows:
            sections.append(self.sums.section(f"sums layer by layer, {label}", unproven=unproven, notes=[own]))
        if self.tanh.rows:
            # Judged by float64, so it holds or breaks whatever PyTorch does here.
            bound = f"bound: {TANH_ULPS:g} unit in the last place of float64's tanh"
            worst = "at most {:.3f} units in the last place, PyTorch's {:.3f}".format(*self.tanh_ulps)
            sections.append(self.tanh.section(f"tanh layer by layer, {label}", unproven="", notes=[own, bound, worst]))
        if self.outside.rows:
            bound = "bound: |computed - exact| <= gamma_(K+1) (|W| |x| + |b|) + (K + 1) 2^-149, any order of K products"
            notes = [*sorted(self.reasons), own, bound]
            sections.append(self.outside.section(f"convolutions, {label}", unproven="", notes=notes))
            note = "the same convolutions: PyTorch's with the image padded first, ours with its own padding"
            sections.append(self.padded.section(f"convolutions padded first, {label}", unproven=unproven, notes=[note]))
        return sections


def is_outside(place: PlacedLayer) -> bool:
    """Say whether a layer is a convolution whose order of summation in PyTorch is not known."""
    return is_convolution(place.layer) and _network(place).exactness is not None


def judge_layers(
    policy: Policy,
    weights: NDArray[np.float32],
    observations: NDArray[np.float32],
    torch_policy: TorchPolicy,
    tallies: LayerTallies,
    *,
    case: str,
    versions: Mapping[str, str],
) -> None:
    """Add every layer of one individual to the tallies.

    Args:
        policy: the architecture.
        weights: float32 (D,).
        observations: float32 (B, n_inputs), finite.
        torch_policy: the other side.
        tallies: receives what is found.
        case: the network, for divergences.
        versions: of both sides.
    """
    places = placed_layers(policy.input_shape, policy.layers)
    inputs = previous_inputs = observations
    for number, place in enumerate(places, start=1):
        layer = _Layer(place, weights[place.parameters], inputs, f"layer {number} ({place.layer[0]})", case, versions)
        if place.has_weights:
            network = _network(place)
            outputs = network.logits(layer.weights, inputs)
            if network.exactness is None:
                _judge_sum(layer, outputs, torch_policy, tallies.sums)
            else:
                tallies.reasons.add(network.exactness.partition(": ")[2] or network.exactness)
                _judge_outside(layer, outputs, torch_policy, tallies)
        else:
            # The extension runs no activation without a layer before it.
            before = places[number - 2]
            pair = _engine.Network(before.input_shape, (before.layer, place.layer))
            outputs = pair.logits(weights[before.parameters], previous_inputs)
            if place.layer[0] == "tanh":
                _judge_tanh(layer, outputs, torch_policy, tallies)
            else:
                _judge_sum(layer, outputs, torch_policy, tallies.sums)
        previous_inputs, inputs = inputs, outputs


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer, what it is given, and what a divergence says of it."""

    place: PlacedLayer
    weights: NDArray[np.float32]
    inputs: NDArray[np.float32]
    name: str
    case: str
    versions: Mapping[str, str]


def _network(place: PlacedLayer) -> _engine.Network:
    return _engine.Network(place.input_shape, (place.layer,))


def _judge_sum(layer: _Layer, ours: NDArray[np.float32], torch_policy: TorchPolicy, tally: BitTally) -> None:
    (theirs,) = torch_policy.outputs(layer.place.input_shape, [layer.place.layer], layer.weights, layer.inputs)
    tally.add(ours, theirs, name=layer.name, case=layer.case, versions=layer.versions)


def _judge_tanh(layer: _Layer, ours: NDArray[np.float32], torch_policy: TorchPolicy, tallies: LayerTallies) -> None:
    shape, step = (layer.inputs.shape[1],), [layer.place.layer]
    (theirs,) = torch_policy.outputs(shape, step, _NOTHING, layer.inputs)
    (exact,) = torch_policy.outputs(shape, step, _NOTHING, layer.inputs, dtype="float64")
    tallies.tanh.measure(ours, theirs, exact)
    # NaN where float64 has NaN is no error; where only one side has it, it exceeds every bound.
    unit, nan = unit_in_the_last_place(exact), np.isnan(exact)
    errors, their_errors = (np.where(nan & np.isnan(side), 0.0, np.abs(side - exact) / unit) for side in (ours, theirs))
    beyond = np.asarray(~(errors <= TANH_ULPS).all(axis=1))
    rounded = exact.astype(np.float32)
    tallies.tanh.refuse(beyond, ours, rounded, name=layer.name, case=layer.case, versions=layer.versions)
    worst, their_worst = tallies.tanh_ulps
    tallies.tanh_ulps = (max(worst, float(errors.max())), max(their_worst, float(their_errors.max())))


def unit_in_the_last_place(exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of neighbouring float32 numbers around each exact value."""
    _, exponent = np.frexp(exact)
    units = np.ldexp(1.0, np.maximum(exponent - 24, -149))
    return np.where(exact == 0.0, SMALLEST_SUBNORMAL, units)


def _judge_outside(layer: _Layer, ours: NDArray[np.float32], torch_policy: TorchPolicy, tallies: LayerTallies) -> None:
    place = layer.place
    (theirs,) = torch_policy.outputs(place.input_shape, [place.layer], layer.weights, layer.inputs)
    (exact,) = torch_policy.outputs(place.input_shape, [place.layer], layer.weights, layer.inputs, dtype="float64")
    tallies.outside.measure(ours, theirs, exact)
    (magnitudes,) = torch_policy.outputs(
        place.input_shape, [place.layer], np.abs(layer.weights), np.abs(layer.inputs), dtype="float64"
    )
    beyond = ~(np.abs(ours - exact) <= _any_order(sum_length(place), magnitudes)).all(axis=1)
    rounded = exact.astype(np.float32)
    tallies.outside.refuse(beyond, ours, rounded, name=layer.name, case=layer.case, versions=layer.versions)
    shape, padded_layer, padded = _padded_first(place, layer.inputs)
    (theirs,) = torch_policy.outputs(shape, [padded_layer], layer.weights, padded)
    case = f"{layer.case}, padded first"
    tallies.padded.add(ours, theirs, name=layer.name, case=case, versions=layer.versions)


def _any_order(products: int, magnitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what any order of summation can lose, see `rounding.logits_and_bounds`; magnitudes are |W| |x| + |b|."""
    roundings = (products + 1) * UNIT_ROUNDOFF
    return roundings / (1.0 - roundings) * magnitudes + (products + 1) * SMALLEST_SUBNORMAL


def _padded_first(
    place: PlacedLayer, inputs: NDArray[np.float32]
) -> tuple[tuple[int, ...], _engine.Layer, NDArray[np.float32]]:
    """Return the same convolution without padding: its input shape, the layer, and the padded inputs."""
    assert is_convolution(place.layer)
    name, channels, kernel, stride, (rows, columns), bias = place.layer
    margins = ((0, 0), (0, 0), (rows, rows), (columns, columns))
    padded = np.pad(inputs.reshape(-1, *place.input_shape), margins)
    return padded.shape[1:], (name, channels, kernel, stride, (0, 0), bias), padded

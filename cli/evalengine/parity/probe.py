"""Whether this machine's PyTorch adds in the order that our kernels follow: asked before anything is compared.

    >>> with TorchPolicy() as torch_policy:
    ...     found = probe(torch_policy)
    >>> found.unproven
    ''

PyTorch's sums are MKL's and oneDNN's, which choose kernels by the processor. So equal logits can only be claimed where
PyTorch adds in the known order, and that is found out here, without our kernels: the order of some sums is recovered
from inputs and outputs alone (`summation.recover_order`) and compared with the rules. The layers are chosen so that
each rule, and each place where one gives way to another, decides one of them. If all agree, logits that differ are a
mistake of ours; if not, they prove nothing, and the sections say so. In the same way the bits of `torch.tanh`, which
are another library's, are told by a hash of a sample of them (`TANH_BITS`), and only then compared with ours. No
version is asked for: what is found is what counts. Depends on summation and TorchPolicy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalengine import _engine
from evalengine.parity.layers import PlacedLayer, is_convolution, placed_layers
from evalengine.parity.report import Claim, Section
from evalengine.parity.summation import (
    CHANNEL_BLOCK,
    Order,
    Sums,
    conv_order,
    conv_taps,
    linear_order,
    matrix_order,
    recover_order,
)
from evalengine.parity.tally import BitTally
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.policies.policy import Policy

Outputs = Callable[
    [tuple[int, ...], "_engine.Layer", NDArray[np.float32], NDArray[np.float32]],
    NDArray[np.float32],
]
"""One layer as a black box: (input shape, layer, flat weights, rows (R, n_inputs)) -> (R, n_outputs)."""


@dataclass(frozen=True)
class ProbedSum:
    """One output of one layer, whose order of summation decides between rules.

    Attributes:
        rule: what it decides.
        input_shape: (n,) or (channels, height, width).
        layer: with biases.
        output: (index,) of a linear layer, (channel, row, column) of a convolution.
        chains: of a convolution that PyTorch computes as a matrix product; 0 is none.
    """

    rule: str
    input_shape: tuple[int, ...]
    layer: _engine.Layer
    output: tuple[int, ...]
    chains: int = 0

    @property
    def terms(self) -> list[int]:
        """The positions in the input of what is multiplied, product by product."""
        if is_convolution(self.layer):
            channels, height, width = self.input_shape
            _, _, kernel, stride, padding, *_ = self.layer
            pixel, block = (self.output[1], self.output[2]), 1 if self.chains else CHANNEL_BLOCK
            return conv_taps((channels, height, width), kernel, stride, padding, pixel, block)
        return list(range(self.input_shape[0]))

    def expected(self) -> Order:
        """Return the order that PyTorch's rules give."""
        if self.chains:
            return matrix_order(len(self.terms), self.chains)
        if is_convolution(self.layer):
            return conv_order(len(self.terms))
        (outputs,) = self._place().output_shape
        return linear_order(self.input_shape[0], outputs, self.output[0])

    def found(self, outputs: Outputs) -> Order:
        """Return the order in which `outputs` adds."""
        return recover_order(len(self.terms), self._sums(outputs))

    def _place(self) -> PlacedLayer:
        (place,) = placed_layers(self.input_shape, [self.layer])
        return place

    def _sums(self, outputs: Outputs) -> Sums:
        place = self._place()
        position = int(np.ravel_multi_index(self.output, place.output_shape))
        terms = self.terms

        def sums(inputs: NDArray[np.float32], weight: float, bias: float) -> NDArray[np.float32]:
            rows = np.zeros((len(inputs), place.n_inputs), np.float32)
            rows[:, terms] = inputs
            parameters = np.full(place.parameters.stop, weight, np.float32)
            parameters[-place.output_shape[0] :] = bias
            return outputs(self.input_shape, self.layer, parameters, rows)[:, position].copy()

        return sums


def _linear(rule: str, inputs: int, outputs: int, output: int) -> ProbedSum:
    return ProbedSum(rule, (inputs,), ("linear", outputs, True), (output,))


def _conv(
    rule: str,
    image: tuple[int, int, int],
    channels: int,
    size: int,
    stride: int,
    padding: int,
    pixel: tuple[int, int],
    chains: int = 0,
) -> ProbedSum:
    layer = ("conv2d", channels, (size, size), (stride, stride), (padding, padding), (1, 1), 1, True)
    return ProbedSum(rule, image, layer, (channels // 2, *pixel), chains)


PROBED_SUMS = (
    _linear("12 outputs: one chain", 100, 12, 11),
    _linear("up to 192 inputs: one block", 192, 16, 3),
    _linear("up to 383 inputs: halves, and an odd one left over", 193, 16, 0),
    _linear("from 384 inputs: blocks of 192", 384, 64, 5),
    _linear("from 384 inputs: a last block that is shorter", 500, 33, 32),
    _linear("11 outputs, the first 8: four lanes", 30, 11, 7),
    _linear("11 outputs, the last 3: eight lanes", 30, 11, 8),
    _linear("2 outputs: eight lanes", 21, 2, 1),
    _linear("1 output: four lanes after the first product", 31, 1, 0),
    _conv("5 channels: all in one block", (5, 12, 12), 16, 3, 1, 0, (4, 5)),
    _conv("20 channels: blocks of 8", (20, 10, 10), 32, 3, 1, 0, (3, 3)),
    _conv("16 channels, kernel 1x1", (16, 6, 6), 12, 1, 1, 0, (2, 4)),
    _conv("stride", (3, 20, 20), 32, 8, 4, 0, (1, 2)),
    _conv("padding: left out", (8, 9, 9), 8, 3, 1, 1, (0, 8)),
    _conv("kernel within the padding: one chain, then the bias", (5, 6, 6), 12, 2, 1, 2, (4, 4), chains=1),
    _conv("kernel within the padding, few pixels: two chains", (3, 4, 4), 12, 3, 4, 3, (1, 1), chains=2),
)
"""What is probed; the largest sums have 500 products."""


TANH_ARGUMENTS = 8192
"""How many arguments of tanh are tried."""

_WITH_TANH = {"tanh", "rnn", "gru", "lstm"}
"""Layers that compute a tanh."""

TANH_BITS = "a65d0616e672414c"
"""The beginning of the SHA-256 of what `torch.tanh` returns for them on a processor with AVX2."""


RECOVERED = "each sum's tree, recovered by absorbing terms of 2^70, against the rules that our kernels follow"
TOLD = "on this Intel processor MKL was made to take its kernels for all others; its own add in another order"
"""What the report says beside the probe."""


@dataclass(frozen=True, eq=False)
class Probe:
    """What the probe found.

    Attributes:
        probed: the sums.
        agrees: for each, whether PyTorch adds in the order of the rules.
        tanh: (N,) float32, PyTorch's of `tanh_arguments()`.
        told: whether MKL took its kernels for other processors on one by Intel.
    """

    probed: tuple[ProbedSum, ...]
    agrees: tuple[bool, ...]
    tanh: NDArray[np.float32]
    told: bool = False

    @property
    def unproven(self) -> str:
        """Why equal bits of sums cannot be claimed on this machine, or ""."""
        others = [f"{probed.rule}" for probed, agrees in zip(self.probed, self.agrees, strict=True) if not agrees]
        if not others:
            return ""
        listed = "; ".join(others[:3]) + (f"; and {len(others) - 3} more" if len(others) > 3 else "")
        return f"PyTorch on this machine sums in another order ({len(others)} of {len(self.probed)} sums: {listed})"

    @cached_property
    def unproven_tanh(self) -> str:
        """Why equal bits of tanh cannot be claimed on this machine, or ""."""
        bits = hashlib.sha256(self.tanh.astype("<f4").tobytes()).hexdigest()[: len(TANH_BITS)]
        return "" if bits == TANH_BITS else "PyTorch on this machine computes tanh otherwise (a sample has other bits)"

    def unproven_of(self, policy: Policy, has_tanh: bool = False) -> str:
        """Why equal bits of a policy's logits cannot be claimed on this machine, or "".

        Args:
            policy: the architecture.
            has_tanh: whether there is a tanh beside those of its layers, as in a head.
        """
        has_tanh |= any(layer[0] in _WITH_TANH for layer in policy.layers)
        return self.unproven or (self.unproven_tanh if has_tanh else "")

    def sections(self) -> list[Section]:
        """Return the probe as the report shows it; another order, or another tanh, is nobody's mistake."""
        return [self._sums_section(), self._tanh_section()]

    def _tanh_section(self) -> Section:
        ours, tally = our_tanh(tanh_arguments()), BitTally()
        # A row for each value: that many can differ.
        tally.add(ours[:, np.newaxis], self.tanh[:, np.newaxis], name="tanh", case="a sample", versions={})
        return tally.section("PyTorch's tanh, a sample", unproven=self.unproven_tanh)

    def _sums_section(self) -> Section:
        return Section(
            name="PyTorch's order of summation",
            claim=Claim.EXACT,
            steps=len(self.probed),
            mismatches=self.agrees.count(False),
            notes=(RECOVERED, TOLD) if self.told else (RECOVERED,),
            unproven=self.unproven,
        )


def probe(torch_policy: TorchPolicy) -> Probe:
    """Recover the order of every probed sum, and compare it with the rules."""

    def outputs(
        input_shape: tuple[int, ...],
        layer: _engine.Layer,
        weights: NDArray[np.float32],
        rows: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        (result,) = torch_policy.outputs(input_shape, [layer], weights, rows)
        return result

    agrees = (probed.found(outputs) == probed.expected() for probed in PROBED_SUMS)
    (tanh,) = torch_policy.tanh(tanh_arguments()[np.newaxis])
    return Probe(PROBED_SUMS, tuple(agrees), tanh, torch_policy.told)


def tanh_arguments() -> NDArray[np.float32]:
    """Return the sample of arguments: the same everywhere, (N,), of all sizes from denormal to where tanh is 1."""
    magnitudes = np.linspace(0, int(np.float32(12.0).view(np.uint32)), TANH_ARGUMENTS // 2).astype(np.uint32)
    positive = magnitudes.view(np.float32)
    return np.concatenate([positive, -positive])


def our_tanh(arguments: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the engine's tanh (N,) of float32 (N,)."""
    return _engine.activation("tanh", (), arguments)

"""The grammar of a policy's spelling, taken apart and put together; `policy.Policy` is its only user.

A spelling is an architecture, its shape, and options where they differ from the default:

    mlp:4-64-2                              inputs, hidden sizes, outputs
    cnn:5x12x12-16k3-32k3-64-4              channels x height x width, convolutions, hidden sizes, outputs
    cnn:3x96x96-32k8s4-64k4s2-512-3         a convolution is channels, k kernel, s stride, p padding
    cnn:1x9x5-16k3x5s2x1p1x0-4              height x width where the two differ
    mlp:4-64-2,act=relu,bias=0,head=clip    hidden activation, biases, the head of Box actions
    mlp:4-64-2,act=leaky_relu:0.2           an activation's parameters follow its name
    mlp:4-64-32-2,act=relu/tanh             an activation for each hidden layer
    mlp:8-lstm32-4                          a recurrent cell: lstm, gru, rnn, rnn_relu, then its hidden size
    mlp:4-64-2,out=sigmoid,bias=1/0         an activation of the outputs; whether each layer has biases
    mlp:3-64-1,head=clip,noise=0.1          noise on the outputs; `head_spelling` has both grammars

This module knows the letters, not what they mean together: whether the sizes fit is checked by the Policy. Depends on
activations, cells, head_spelling, scalars, messages and errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evalengine.errors import InputError
from evalengine.messages import kind, shown
from evalengine.policies.activations import IDENTITY, canonical
from evalengine.policies.cells import GATES, LINEAR, split_size
from evalengine.policies.head_spelling import DEFAULT_HEAD, canonical_head, canonical_noise
from evalengine.scalars import as_integer, is_one_of

GRAMMAR = (
    "expected mlp:4-64-2 (inputs, hidden sizes, outputs) or cnn:5x12x12-16k3-64-4 (channels x height x width, "
    "convolutions such as 16k3s2p1, hidden sizes, outputs; recurrent cells such as lstm32), then options such as "
    ",act=relu or ,act=relu/tanh (one for each hidden layer) ,out=sigmoid ,bias=0|1 "
    ",head=tanh|clip|raw|sigmoid (of Box actions) ,head=argmax|sample|threshold:0.5 (of discrete ones) "
    ",noise=0.1|log_std"
)
DEFAULT_ACTIVATION = {"mlp": "tanh", "cnn": "relu"}
_OPTIONS = ("act", "out", "bias", "head", "noise")

# Nine digits: far beyond any network, and every product of three sizes stays cheap to print.
_SIZE = re.compile(r"[1-9]\d{0,8}")
_IMAGE = re.compile(r"([1-9]\d{0,8})x([1-9]\d{0,8})x([1-9]\d{0,8})")
_PAIR = r"(\d{1,9})(?:x(\d{1,9}))?"
_CONVOLUTION = re.compile(rf"(\d{{1,9}})k{_PAIR}(?:s{_PAIR})?(?:p{_PAIR})?")


class Convolution(NamedTuple):
    """One convolution of a cnn; pairs are (height, width)."""

    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        """Return the token: stride 1 and padding 0 are left out, equal pairs are one number."""
        stride = "" if self.stride == (1, 1) else f"s{_pair_token(self.stride)}"
        padding = "" if self.padding == (0, 0) else f"p{_pair_token(self.padding)}"
        return f"{self.out_channels}k{_pair_token(self.kernel)}{stride}{padding}"


@dataclass(frozen=True)
class Spelling:
    """The parts of a spelling: `input_shape` is (n,) for mlp and (channels, height, width) for cnn.

    `cells` says of each size which recurrent cell has it, "" for a fully connected layer. `activations` has one for
    each hidden layer, `biases` says of each layer whether it has biases.
    """

    arch: str
    input_shape: tuple[int, ...]
    convolutions: tuple[Convolution, ...]
    sizes: tuple[int, ...]
    cells: tuple[str, ...]
    activations: tuple[str, ...]
    output_activation: str
    biases: tuple[bool, ...]
    head: str
    noise: str

    @property
    def activation(self) -> str:
        """The hidden activation, "relu"; one for each hidden layer, "relu/tanh", where they differ.

        Recurrent cells, which have none by default, do not count unless one has.
        """
        if self._follows_a_cell:
            return "/".join(self.activations)
        others = [name for name, is_cell in zip(self.activations, self._hidden_cells, strict=True) if not is_cell]
        one = _uniform(others)
        return "/".join(one if len(one) < 2 else self.activations) or DEFAULT_ACTIVATION[self.arch]

    @property
    def _hidden_cells(self) -> list[bool]:
        """Whether each hidden layer is a recurrent cell."""
        return [False] * len(self.convolutions) + [cell != LINEAR for cell in self.cells][:-1]

    @property
    def _follows_a_cell(self) -> bool:
        """Whether an activation follows a recurrent cell."""
        pairs = zip(self.activations, self._hidden_cells, strict=True)
        return any(is_cell and name != IDENTITY for name, is_cell in pairs)

    @property
    def bias(self) -> bool:
        """Whether all layers have biases."""
        return all(self.biases)

    def __str__(self) -> str:
        """Return the one canonical spelling of these parts."""
        shape = "x".join(str(size) for size in self.input_shape)
        sizes = [f"{cell}{size}" for cell, size in zip(self.cells, self.sizes, strict=True)]
        layers = "-".join([*map(str, self.convolutions), *sizes])
        is_default = self.activation == DEFAULT_ACTIVATION[self.arch] and not self._follows_a_cell
        activation = "" if is_default else f",act={self.activation}"
        output = "" if self.output_activation == IDENTITY else f",out={self.output_activation}"
        biases = "/".join(_uniform([str(int(bias)) for bias in self.biases]))
        bias = "" if biases == "1" else f",bias={biases}"
        head = "" if self.head == DEFAULT_HEAD else f",head={self.head}"
        noise = f",noise={self.noise}" if self.noise else ""
        return f"{self.arch}:{shape}-{layers}{activation}{output}{bias}{head}{noise}"


def parse(spec: str) -> Spelling:
    """Take a spelling apart; letter case and surrounding blanks do not matter.

    Raises:
        InputError: the message names the part that does not fit the grammar, and the grammar.
    """
    if not isinstance(spec, str):
        raise InputError(f"policy: expected a spelling such as 'mlp:4-64-2', got {kind(spec)}")
    shape, *options = spec.strip().lower().split(",")
    arch, colon, sizes = shape.partition(":")
    if not colon or arch not in DEFAULT_ACTIVATION:
        raise _misspelt(spec, f"no architecture {shown(arch)}")
    chosen = _parse_options(spec, options)
    first, *tokens = sizes.split("-")
    input_shape = _parse_input(spec, arch, first)
    convolutions = _parse_convolutions(spec, arch, tokens)
    cells, layer_sizes = _parse_sizes(spec, tokens[len(convolutions) :])
    hidden = [*(LINEAR for _ in convolutions), *cells][:-1]
    head, noise = _parse_head(spec, chosen, layer_sizes[-1])
    return Spelling(
        arch=arch,
        input_shape=input_shape,
        convolutions=convolutions,
        sizes=layer_sizes,
        cells=cells,
        activations=_parse_activations(spec, chosen.get("act"), DEFAULT_ACTIVATION[arch], hidden),
        output_activation=_parse_activation(spec, chosen.get("out", IDENTITY), of_outputs=True),
        biases=_parse_biases(spec, chosen.get("bias", "1"), len(tokens)),
        head=head,
        noise=noise,
    )


def spell_shape(arch: str, shape: object) -> str:
    """Return the spelling of `policy_arch` and `policy_shape`: ("cnn", (5, 12, 12, (16, 3), 64, 4)) and the like.

    Raises:
        InputError: the shape is no sequence of sizes and tuples (out_channels, kernel[, stride[, padding]]) or, for a
            recurrent cell, ("lstm", hidden size).
    """
    if not is_one_of(arch, DEFAULT_ACTIVATION):
        raise InputError(f"policy_arch: expected 'mlp' or 'cnn', got {shown(arch)}")
    if not isinstance(shape, tuple | list):
        raise InputError(f"policy_shape: expected a tuple such as (4, 64, 2), got {shown(shape)}")
    image = 3 if arch == "cnn" else 1
    if len(shape) <= image:
        example = "(5, 12, 12, (16, 3), 64, 4)" if arch == "cnn" else "(4, 64, 2)"
        raise InputError(
            f"policy_shape: expected at least inputs and outputs, as in {example}, got {shown(tuple(shape))}"
        )
    inputs = "x".join(str(_count(size, position, least=1)) for position, size in enumerate(shape[:image]))
    return f"{arch}:{inputs}-{'-'.join(_shape_token(part, image + i) for i, part in enumerate(shape[image:]))}"


def _shape_token(part: object, position: int) -> str:
    if not isinstance(part, tuple | list):
        return str(_count(part, position, least=1))
    if len(part) == 2 and is_one_of(part[0], GATES):
        return f"{part[0]}{_count(part[1], position, least=1)}"
    if not 2 <= len(part) <= 4:
        raise InputError(
            "policy_shape: expected a convolution as (out_channels, kernel[, stride[, padding]]), "
            f"got {shown(tuple(part))} at position {position}"
        )
    out_channels, *pairs = part
    leasts = (1, 1, 0)
    return str(
        Convolution(
            _count(out_channels, position, least=1),
            *(_count_pair(pair, position, least) for pair, least in zip(pairs, leasts, strict=False)),
        )
    )


def _count_pair(value: object, position: int, least: int) -> tuple[int, int]:
    if not isinstance(value, tuple | list):
        return (_count(value, position, least),) * 2
    if len(value) != 2:
        raise InputError(f"policy_shape: expected (height, width), got {shown(tuple(value))} at position {position}")
    return _count(value[0], position, least), _count(value[1], position, least)


def _count(value: Any, position: int, least: int) -> int:
    count = as_integer(value)
    if count is None or not least <= count < 10**9:
        raise InputError(
            f"policy_shape: expected integers from {least} to 999999999, got {shown(value)} at position {position}"
        )
    return count


def _parse_input(spec: str, arch: str, token: str) -> tuple[int, ...]:
    match = (_IMAGE if arch == "cnn" else _SIZE).fullmatch(token)
    if match is None:
        wanted = "an input size like 5x12x12" if arch == "cnn" else "a number of inputs"
        raise _misspelt(spec, f"{shown(token)} is not {wanted}")
    return tuple(int(size) for size in token.split("x"))


def _parse_convolutions(spec: str, arch: str, tokens: list[str]) -> tuple[Convolution, ...]:
    are_convolutions = ["k" in token for token in tokens]
    count = sum(are_convolutions)
    if arch == "mlp" and count:
        raise _misspelt(spec, f"{shown(tokens[are_convolutions.index(True)])}: an mlp has no convolutions")
    if arch == "cnn" and not count:
        raise _misspelt(spec, "a cnn has at least one convolution")
    if not all(are_convolutions[:count]):
        stray = tokens[are_convolutions.index(False)]
        raise _misspelt(spec, f"{shown(stray)} stands before a convolution: convolutions come first")
    return tuple(_parse_convolution(spec, token) for token in tokens[:count])


def _parse_convolution(spec: str, token: str) -> Convolution:
    match = _CONVOLUTION.fullmatch(token)
    if match is None:
        raise _misspelt(spec, f"{shown(token)} is not a convolution like 16k3s2p1")
    channels, kernel, kernel_width, stride, stride_width, padding, padding_width = match.groups()
    stride, padding = stride or "1", padding or "0"
    convolution = Convolution(
        int(channels),
        (int(kernel), int(kernel_width or kernel)),
        (int(stride), int(stride_width or stride)),
        (int(padding), int(padding_width or padding)),
    )
    if 0 in (convolution.out_channels, *convolution.kernel, *convolution.stride):
        raise _misspelt(spec, f"{shown(token)}: channels, kernel and stride start at 1")
    return convolution


def _parse_sizes(spec: str, tokens: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return which recurrent cell each layer is, and its size."""
    if not tokens:
        raise _misspelt(spec, "the last part, the number of outputs, is missing")
    split = [split_size(token) for token in tokens]
    for token, (_, size) in zip(tokens, split, strict=True):
        if _SIZE.fullmatch(size) is None:
            raise _misspelt(spec, f"{shown(token)} is not a layer size")
    return tuple(cell for cell, _ in split), tuple(int(size) for _, size in split)


def _parse_options(spec: str, options: list[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for option in options:
        name, _, value = option.partition("=")
        if name not in _OPTIONS or not value:
            raise _not_an_option(spec, option)
        if name in chosen:
            raise _misspelt(spec, f"{shown(option)}: {name} is given twice")
        chosen[name] = value
    return chosen


def _parse_activations(spec: str, text: str | None, default: str, hidden: list[str]) -> tuple[str, ...]:
    """Return the activation of each hidden layer; a single one for several layers is not for the cells among them."""
    chosen = [_parse_activation(spec, activation) for activation in (text or default).split("/")]
    if len(chosen) not in (1, len(hidden)):
        raise _misspelt(spec, f"{shown(f'act={text}')}: {_one_or(len(hidden), 'activation', 'hidden layer')}")
    if text is not None and len(chosen) == len(hidden):
        return tuple(chosen)
    if text is not None and hidden and LINEAR not in hidden:
        raise _misspelt(spec, f"{shown(f'act={text}')}: expected one activation for each of {len(hidden)} cells")
    return tuple(chosen[0] if cell == LINEAR else IDENTITY for cell in hidden)


def _parse_activation(spec: str, text: str, *, of_outputs: bool = False) -> str:
    try:
        return canonical(text, of_outputs=of_outputs)
    except ValueError as error:
        raise _misspelt(spec, str(error)) from None


def _parse_biases(spec: str, text: str, layers: int) -> tuple[bool, ...]:
    chosen = text.split("/")
    if not set(chosen) <= {"0", "1"}:
        raise _not_an_option(spec, f"bias={text}")
    if len(chosen) not in (1, layers):
        raise _misspelt(spec, f"{shown('bias=' + text)}: {_one_or(layers, 'digit', 'layer')}")
    return tuple(digit == "1" for digit in (chosen * layers if len(chosen) == 1 else chosen))


def _parse_head(spec: str, chosen: dict[str, str], outputs: int) -> tuple[str, str]:
    try:
        return (
            canonical_head(chosen.get("head", DEFAULT_HEAD), outputs),
            canonical_noise(chosen.get("noise", "0"), outputs),
        )
    except ValueError as error:
        raise _misspelt(spec, str(error)) from None


def _one_or(count: int, what: str, each: str) -> str:
    several = f"one {what}, or {count}" if count > 1 else f"one {what}"
    return f"expected {several}, one for each {each}" if count > 1 else f"expected {several}"


def _uniform(values: Sequence[str]) -> Sequence[str]:
    """One value, if all are equal."""
    return values[:1] if len(set(values)) == 1 else values


def _not_an_option(spec: str, option: str) -> InputError:
    return _misspelt(spec, f"{shown(option)} is not an option")


def _pair_token(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _misspelt(spec: str, problem: str) -> InputError:
    return InputError(f"policy {shown(spec)}: {problem}; {GRAMMAR}")

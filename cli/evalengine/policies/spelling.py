"""The grammar of a policy's spelling, taken apart and put together; `policy.Policy` is its only user.

A spelling is an architecture, its shape, and options where they differ from the default:

    mlp:4-64-2                              inputs, hidden sizes, outputs
    cnn:5x12x12-16k3-32k3-64-4              channels x height x width, convolutions, hidden sizes, outputs
    cnn:3x96x96-32k8s4-64k4s2-512-3         a convolution is channels, k kernel, s stride, p padding
    cnn:1x9x5-16k3x5s2x1p1x0-4              height x width where the two differ
    mlp:4-64-2,act=relu,bias=0,head=clip    hidden activation, biases, the head of Box actions
    mlp:4-64-2,act=leaky_relu:0.2           an activation's parameters follow its name
    mlp:4-64-32-2,act=relu/tanh             an activation for each hidden layer
    mlp:4-64-2,out=sigmoid,bias=1/0         an activation of the outputs; whether each layer has biases
    mlp:3-64-1,head=clip,noise=0.1          noise on the outputs; `head_spelling` has both grammars

This module knows the letters, not what they mean together: whether the sizes fit is checked by the Policy. Depends on
activations, head_spelling, scalars, messages and errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evalengine.errors import InputError
from evalengine.messages import kind, shown
from evalengine.policies.activations import IDENTITY, canonical
from evalengine.policies.head_spelling import DEFAULT_HEAD, canonical_head, canonical_noise
from evalengine.scalars import as_integer, is_one_of

GRAMMAR = (
    "expected mlp:4-64-2 (inputs, hidden sizes, outputs) or cnn:5x12x12-16k3-64-4 (channels x height x width, "
    "convolutions such as 16k3s2p1, hidden sizes, outputs), then options such as "
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

    `activations` has one for each hidden layer, `biases` says of each layer whether it has biases.
    """

    arch: str
    input_shape: tuple[int, ...]
    convolutions: tuple[Convolution, ...]
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    output_activation: str
    biases: tuple[bool, ...]
    head: str
    noise: str

    @property
    def activation(self) -> str:
        """The hidden activation, "relu"; one for each hidden layer, "relu/tanh", where they differ."""
        return "/".join(_uniform(self.activations)) or DEFAULT_ACTIVATION[self.arch]

    @property
    def bias(self) -> bool:
        """Whether all layers have biases."""
        return all(self.biases)

    def __str__(self) -> str:
        """Return the one canonical spelling of these parts."""
        shape = "x".join(str(size) for size in self.input_shape)
        layers = "-".join(str(part) for part in (*self.convolutions, *self.sizes))
        activation = "" if self.activation == DEFAULT_ACTIVATION[self.arch] else f",act={self.activation}"
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
    layer_sizes = _parse_sizes(spec, [token for token in tokens if "k" not in token])
    head, noise = _parse_head(spec, chosen, layer_sizes[-1])
    return Spelling(
        arch=arch,
        input_shape=input_shape,
        convolutions=convolutions,
        sizes=layer_sizes,
        activations=_parse_activations(spec, chosen.get("act", DEFAULT_ACTIVATION[arch]), len(tokens) - 1),
        output_activation=_parse_activation(spec, chosen.get("out", IDENTITY), of_outputs=True),
        biases=_parse_biases(spec, chosen.get("bias", "1"), len(tokens)),
        head=head,
        noise=noise,
    )


def spell_shape(arch: str, shape: object) -> str:
    """Return the spelling of `policy_arch` and `policy_shape`: ("cnn", (5, 12, 12, (16, 3), 64, 4)) and the like.

    Raises:
        InputError: the shape is no sequence of sizes and tuples (out_channels, kernel[, stride[, padding]]).
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


def _parse_sizes(spec: str, tokens: list[str]) -> tuple[int, ...]:
    if not tokens:
        raise _misspelt(spec, "the last part, the number of outputs, is missing")
    for token in tokens:
        if _SIZE.fullmatch(token) is None:
            raise _misspelt(spec, f"{shown(token)} is not a layer size")
    return tuple(int(token) for token in tokens)


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


def _parse_activations(spec: str, text: str, hidden: int) -> tuple[str, ...]:
    chosen = [_parse_activation(spec, activation) for activation in text.split("/")]
    if len(chosen) not in (1, hidden):
        raise _misspelt(spec, f"{shown('act=' + text)}: {_one_or(hidden, 'activation', 'hidden layer')}")
    return tuple(chosen * hidden if len(chosen) == 1 else chosen)


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

"""The grammar of a policy's spelling, taken apart and put together; `policy.Policy` is its only user.

A spelling is an architecture, its shape, and options where they differ from the default:

    mlp:4-64-2                              inputs, hidden sizes, outputs
    cnn:5x12x12-16k3-32k3-64-4              channels x height x width, convolutions, hidden sizes, outputs
    cnn:3x96x96-32k8s4-64k4s2-512-3         a convolution is channels, k kernel, s stride, p padding
    cnn:1x9x5-16k3x5s2x1p1x0-4              height x width where the two differ
    cnn:4x84x84-32k3p2d2-8k3g4-64-4         d dilation, g groups
    cnn:3x32x32-16k3-mp2-ap3s2p1-gap-4      max and average pools, the mean of each channel
    mlp:8-64-ln-act-64-4                    layer normalisation, here before the activation
    mlp:8-64-skip-64-act-64-add-act-4       what skip sees is added at add; act says where an activation stands
    mlp:4-64-2,act=relu,bias=0,head=clip    hidden activation, biases, the head of Box actions
    mlp:4-64-2,act=leaky_relu:0.2           an activation's parameters follow its name
    mlp:4-64-32-2,act=relu/tanh             an activation for each hidden layer
    mlp:4-64-2,out=sigmoid,bias=1/0         an activation of the outputs; whether each layer has biases

This module knows the letters, not what they mean together: whether the sizes fit is checked by the Policy. The parts
of the chain are those of `tokens`. Depends on tokens, activations, scalars, messages and errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalengine.errors import InputError
from evalengine.messages import kind, shown
from evalengine.policies.activations import IDENTITY, canonical
from evalengine.policies.tokens import ACT, FLATTEN, Convolution, Token, has_activation, is_of_images, parse_token
from evalengine.scalars import as_integer, is_one_of

GRAMMAR = (
    "expected mlp:4-64-2 (inputs, hidden sizes, outputs) or cnn:5x12x12-16k3-64-4 (channels x height x width, "
    "convolutions such as 16k3s2p1, pools such as mp2, hidden sizes, outputs), then options such as "
    ",act=relu or ,act=relu/tanh (one for each hidden layer) ,out=sigmoid ,bias=0|1 ,head=tanh|clip"
)
HEADS = ("tanh", "clip")
DEFAULT_ACTIVATION = {"mlp": "tanh", "cnn": "relu"}
_OPTIONS = ("act", "out", "bias", "head")

# Nine digits: far beyond any network, and every product of three sizes stays cheap to print.
_SIZE = re.compile(r"[1-9]\d{0,8}")
_IMAGE = re.compile(r"([1-9]\d{0,8})x([1-9]\d{0,8})x([1-9]\d{0,8})")


@dataclass(frozen=True)
class Spelling:
    """The parts of a spelling: `input_shape` is (n,) for mlp and (channels, height, width) for cnn.

    `chain` has all parts between the input and the options; `activations` has one for each convolution and each size
    but the last, `biases` says of each whether it has biases.
    """

    arch: str
    input_shape: tuple[int, ...]
    chain: tuple[Token, ...]
    activations: tuple[str, ...]
    output_activation: str
    biases: tuple[bool, ...]
    head: str

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """The convolutions of a cnn, first to last."""
        return tuple(token for token in self.chain if isinstance(token, Convolution))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The outputs of the fully connected layers, first to last."""
        return tuple(token for token in self.chain if isinstance(token, int))

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
        layers = "-".join(str(part) for part in self.chain)
        activation = "" if self.activation == DEFAULT_ACTIVATION[self.arch] else f",act={self.activation}"
        output = "" if self.output_activation == IDENTITY else f",out={self.output_activation}"
        biases = "/".join(_uniform([str(int(bias)) for bias in self.biases]))
        bias = "" if biases == "1" else f",bias={biases}"
        head = "" if self.head == "tanh" else f",head={self.head}"
        return f"{self.arch}:{shape}-{layers}{activation}{output}{bias}{head}"


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
    head = chosen.get("head", "tanh")
    if head not in HEADS:
        raise _not_an_option(spec, f"head={head}")
    input_shape = _parse_input(spec, arch, first)
    chain = _parse_chain(spec, arch, tokens)
    layers = sum(has_activation(token) for token in chain)
    activations = _parse_activations(spec, chosen.get("act", DEFAULT_ACTIVATION[arch]), layers - 1)
    return Spelling(
        arch=arch,
        input_shape=input_shape,
        chain=_canonical_chain(spec, chain, activations),
        activations=activations,
        output_activation=_parse_activation(spec, chosen.get("out", IDENTITY), of_outputs=True),
        biases=_parse_biases(spec, chosen.get("bias", "1"), layers),
        head=head,
    )


def spell_shape(arch: str, shape: object) -> str:
    """Return the spelling of `policy_arch` and `policy_shape`: ("cnn", (5, 12, 12, (16, 3), 64, 4)) and the like.

    Raises:
        InputError: the shape is no sequence of sizes, tuples (out_channels, kernel[, stride[, padding[, dilation[,
            groups]]]]) and texts such as "mp2".
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
    if isinstance(part, str):
        return _shape_text(part, position)
    if not isinstance(part, tuple | list):
        return str(_count(part, position, least=1))
    if not 2 <= len(part) <= 6:
        raise InputError(
            "policy_shape: expected a convolution as (out_channels, kernel[, stride[, padding[, dilation[, groups]]]])"
            f", got {shown(tuple(part))} at position {position}"
        )
    out_channels, *pairs = part[:5]
    leasts = (1, 1, 0, 1)
    groups = _count(part[5], position, least=1) if len(part) == 6 else 1
    sizes: Any = [_count_pair(pair, position, least) for pair, least in zip(pairs, leasts, strict=False)]
    return str(Convolution(_count(out_channels, position, least=1), *sizes)._replace(groups=groups))


def _shape_text(part: str, position: int) -> str:
    """Return a part that is given as it is spelled, which a size is not."""
    try:
        token = parse_token(part.strip().lower())
    except ValueError as error:
        raise InputError(f"policy_shape: {error} (position {position})") from None
    if isinstance(token, int):
        _count(part, position, least=1)
    return str(token)


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


def _parse_chain(spec: str, arch: str, tokens: list[str]) -> tuple[Token, ...]:
    """Take the chain apart, and check that its parts come in an order that some network has."""
    if arch == "mlp" and (convolution := next((token for token in tokens if "k" in token and token != "skip"), None)):
        raise _misspelt(spec, f"{shown(convolution)}: an mlp has no convolutions")
    try:
        chain = tuple(parse_token(token) for token in tokens)
    except ValueError as error:
        raise _misspelt(spec, str(error)) from None
    of_images = [place for place, token in enumerate(chain) if is_of_images(token)]
    if arch == "mlp" and of_images:
        raise _misspelt(spec, f"{shown(tokens[of_images[0]])}: an mlp has no images")
    if arch == "cnn" and not any(token != FLATTEN for token in (chain[place] for place in of_images)):
        raise _misspelt(spec, "a cnn has at least one convolution or pool")
    last_of_image = next((place for place in reversed(of_images)), -1)
    flat = next((place for place, token in enumerate(chain) if isinstance(token, int) or token == FLATTEN), len(chain))
    if flat < last_of_image:
        before = "another one" if chain[last_of_image] == FLATTEN else _kind(chain[last_of_image])
        plural = "there is one" if chain[last_of_image] == FLATTEN else f"{_kind(chain[last_of_image])[2:]}s come first"
        raise _misspelt(spec, f"{shown(tokens[flat])} stands before {before}: {plural}")
    if not chain or not isinstance(chain[-1], int):
        raise _misspelt(spec, "the last part, the number of outputs, is missing")
    return chain


def _kind(token: Token) -> str:
    return "a convolution" if isinstance(token, Convolution) else "a pool"


def _canonical_chain(spec: str, chain: tuple[Token, ...], activations: Sequence[str]) -> tuple[Token, ...]:
    """Leave out what would stand there anyway; check that each act belongs to a layer."""
    names = iter((*activations, IDENTITY))
    found: list[Token] = []
    # The activation that has no place yet, if there is one.
    open_activation: str | None = None
    for place, token in enumerate(chain):
        if has_activation(token):
            open_activation = next(names) if place < len(chain) - 1 else None
        if token == ACT:
            if open_activation is None:
                raise _misspelt(spec, "'act': expected a layer before it whose activation has no other place")
            if not has_activation(found[-1]) and open_activation != IDENTITY:
                found.append(token)
            open_activation = None
        elif token != FLATTEN or not isinstance(chain[place + 1], int):
            found.append(token)
    return tuple(found)


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


def _one_or(count: int, what: str, each: str) -> str:
    several = f"one {what}, or {count}" if count > 1 else f"one {what}"
    return f"expected {several}, one for each {each}" if count > 1 else f"expected {several}"


def _uniform(values: Sequence[str]) -> Sequence[str]:
    """One value, if all are equal."""
    return values[:1] if len(set(values)) == 1 else values


def _not_an_option(spec: str, option: str) -> InputError:
    return _misspelt(spec, f"{shown(option)} is not an option")


def _misspelt(spec: str, problem: str) -> InputError:
    return InputError(f"policy {shown(spec)}: {problem}; {GRAMMAR}")

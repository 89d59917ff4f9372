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
    mlp:8-lstm32-4                          a recurrent cell: lstm, gru, rnn, rnn_relu, then its hidden size
    mlp:4-64-2,out=sigmoid,bias=1/0         an activation of the outputs; whether each layer has biases
    mlp:3-64-1,head=clip,noise=0.1          noise on the outputs; `head_spelling` has both grammars

This module knows the letters, not what they mean together: whether the sizes fit is checked by the Policy. The parts
of the chain are those of `tokens`. Depends on tokens, activations, cells, head_spelling, scalars, messages and errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalengine.errors import InputError
from evalengine.messages import kind, shown
from evalengine.policies.activations import IDENTITY, canonical
from evalengine.policies.cells import GATES, LINEAR
from evalengine.policies.head_spelling import DEFAULT_HEAD, canonical_head, canonical_noise
from evalengine.policies.hints import instead_of, meant
from evalengine.policies.tokens import (
    ACT,
    FLATTEN,
    Convolution,
    Recurrent,
    Token,
    has_activation,
    is_of_images,
    is_unit,
    parse_token,
)
from evalengine.scalars import as_integer, is_one_of

GRAMMAR = (
    "expected mlp:4-64-2 (inputs, hidden sizes, outputs) or cnn:5x12x12-16k3-64-4 (channels x height x width, "
    "convolutions such as 16k3s2p1, pools such as mp2, hidden sizes, outputs; recurrent cells such as lstm32), then "
    "options such as ,act=relu or ,act=relu/tanh (one for each hidden layer) ,out=sigmoid ,bias=0|1 "
    ",head=tanh|clip|raw|sigmoid (of Box actions) ,head=argmax|sample|threshold:0.5 (of discrete ones) "
    ",noise=0.1|log_std"
)
DEFAULT_ACTIVATION = {"mlp": "tanh", "cnn": "relu"}
_OPTIONS = ("act", "out", "bias", "head", "noise")

# Nine digits: far beyond any network, and every product of three sizes stays cheap to print.
_SIZE = re.compile(r"[1-9]\d{0,8}")
_IMAGE = re.compile(r"([1-9]\d{0,8})x([1-9]\d{0,8})x([1-9]\d{0,8})")


@dataclass(frozen=True)
class Spelling:
    """The parts of a spec: `input_shape` is (n,) for mlp and (channels, height, width) for cnn.

    `chain` has all parts between the input and the options; `activations` has one for each convolution, size and
    recurrent cell but the last, `biases` says of each whether it has biases.
    """

    arch: str
    input_shape: tuple[int, ...]
    chain: tuple[Token, ...]
    activations: tuple[str, ...]
    output_activation: str
    biases: tuple[bool, ...]
    head: str
    noise: str

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """The convolutions of a cnn, first to last."""
        return tuple(token for token in self.chain if isinstance(token, Convolution))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The outputs of the fully connected layers and recurrent cells, first to last."""
        units = [token for token in self.chain if is_unit(token)]
        return tuple(token.hidden if isinstance(token, Recurrent) else int(str(token)) for token in units)

    @property
    def cells(self) -> tuple[str, ...]:
        """Of each size, which recurrent cell has it, "" for a fully connected layer."""
        units = [token for token in self.chain if is_unit(token)]
        return tuple(token.cell if isinstance(token, Recurrent) else LINEAR for token in units)

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
        return [isinstance(token, Recurrent) for token in self.chain if has_activation(token)][:-1]

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
        """Return the one canonical spec of these parts."""
        shape = "x".join(str(size) for size in self.input_shape)
        layers = "-".join(str(part) for part in self.chain)
        is_default = self.activation == DEFAULT_ACTIVATION[self.arch] and not self._follows_a_cell
        activation = "" if is_default else f",act={self.activation}"
        output = "" if self.output_activation == IDENTITY else f",out={self.output_activation}"
        biases = "/".join(_uniform([str(int(bias)) for bias in self.biases]))
        bias = "" if biases == "1" else f",bias={biases}"
        head = "" if self.head == DEFAULT_HEAD else f",head={self.head}"
        noise = f",noise={self.noise}" if self.noise else ""
        return f"{self.arch}:{shape}-{layers}{activation}{output}{bias}{head}{noise}"


def parse(spec: str) -> Spelling:
    """Take a spec apart; letter case and surrounding blanks do not matter.

    Raises:
        InputError: the message names the part that does not fit the grammar, and the grammar.
    """
    if not isinstance(spec, str):
        raise InputError(f"policy: expected a spec such as 'mlp:4-64-2', got {kind(spec)}{instead_of(spec)}")
    shape, *options = spec.strip().lower().split(",")
    arch, colon, sizes = shape.partition(":")
    if not colon or arch not in DEFAULT_ACTIVATION:
        raise _misspelt(spec, f"no architecture {shown(arch)}")
    chosen = _parse_options(spec, options)
    first, *tokens = sizes.split("-")
    input_shape = _parse_input(spec, arch, first)
    chain = _parse_chain(spec, arch, tokens)
    layers = [token for token in chain if has_activation(token)]
    hidden = [token.cell if isinstance(token, Recurrent) else LINEAR for token in layers[:-1]]
    activations = _parse_activations(spec, chosen.get("act"), DEFAULT_ACTIVATION[arch], hidden)
    last = layers[-1]
    head, noise = _parse_head(spec, chosen, last.hidden if isinstance(last, Recurrent) else int(str(last)))
    return Spelling(
        arch=arch,
        input_shape=input_shape,
        chain=_canonical_chain(spec, chain, activations),
        activations=activations,
        output_activation=_parse_activation(spec, chosen.get("out", IDENTITY), of_outputs=True),
        biases=_parse_biases(spec, chosen.get("bias", "1"), len(layers)),
        head=head,
        noise=noise,
    )


def spell_shape(arch: str, shape: object) -> str:
    """Return the spelling of `policy_arch` and `policy_shape`: ("cnn", (5, 12, 12, (16, 3), 64, 4)) and the like.

    Raises:
        InputError: the shape is no sequence of sizes, tuples (out_channels, kernel[, stride[, padding[, dilation[,
            groups]]]]) or, for a recurrent cell, ("lstm", hidden size), and texts such as "mp2".
    """
    if not is_one_of(arch, DEFAULT_ACTIVATION):
        whole = isinstance(arch, str) and arch.partition(":")[0] in DEFAULT_ACTIVATION
        advice = ": evaluate takes a whole spec" if whole else ""
        raise InputError(f"policy_arch: expected 'mlp' or 'cnn', got {shown(arch)}{advice}")
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
    if len(part) == 2 and is_one_of(part[0], GATES):
        return f"{part[0]}{_count(part[1], position, least=1)}"
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
    flat = next((place for place, token in enumerate(chain) if is_unit(token) or token == FLATTEN), len(chain))
    if flat < last_of_image:
        before = "another one" if chain[last_of_image] == FLATTEN else _kind(chain[last_of_image])
        plural = "there is one" if chain[last_of_image] == FLATTEN else f"{_kind(chain[last_of_image])[2:]}s come first"
        raise _misspelt(spec, f"{shown(tokens[flat])} stands before {before}: {plural}")
    if not chain or not is_unit(chain[-1]):
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
        elif token != FLATTEN or not is_unit(chain[place + 1]):
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


def _misspelt(spec: str, problem: str) -> InputError:
    return InputError(f"policy {shown(spec)}: {problem}{_advice(spec)}; {GRAMMAR}")


def _advice(spec: str) -> str:
    """Say what a text was probably meant to be, if that is a spec."""
    right = meant(spec)
    if right is None:
        return ""
    try:
        return f"; write {shown(str(parse(right)))}"
    except InputError:
        return ""

"""The policy of a population of graphs: what they are given, what their outputs mean, and whose arithmetic it is.

    >>> policy = GraphForm("neat:4-2")
    >>> policy.n_inputs, policy.n_outputs, policy.net
    (4, 2, 'feedforward')

A spelling has the numbers of inputs and of outputs, then options where they differ from the default:

    neat:4-2                      the largest of two outputs is the action
    neat:4-1,head=above:0         of one output and two actions: 1 if the output is above 0 (0.5 by default)
    neat:24-4,head=tanh           outputs of a Box: clip (default), tanh, or scale, which takes 0..1 to the bounds
    neat:8-4,net=recurrent        neat-python's RecurrentNetwork instead of its FeedForwardNetwork
    neat:8-4,inputs=list          activate(observation.tolist()) instead of activate(observation)
    neat:8-4,sum=plain            Python 3.11's sum; sum=compensated is that of 3.12 and newer

The default of `sum` is what the running Python does, so the canonical spec always says it. `GraphPolicy` adds
files, which do not know it. Depends on graphs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalengine import _engine
from evalengine.arguments import plain_array
from evalengine.errors import InputError, engine_errors
from evalengine.messages import kind, named, shown
from evalengine.policies.graphs import Graphs

if TYPE_CHECKING:
    from evalengine.environments.registry import EnvironmentEntry

NAME = "neat"
GRAMMAR = (
    "expected neat:4-2 (inputs, outputs), then options such as ,net=recurrent ,inputs=list ,sum=plain|compensated "
    ",head=argmax|above:0.5|clip|tanh|scale"
)
HEADS = ("argmax", "above", "clip", "tanh", "scale")
_CHOICES = {"net": ("feedforward", "recurrent"), "inputs": ("array", "list"), "sum": ("compensated", "plain")}
_SIZES = re.compile(r"([1-9]\d{0,8})-([1-9]\d{0,8})")
OWN_SUM = "compensated" if sys.version_info >= (3, 12) else "plain"
"""How `sum` of the running Python adds floats."""


@dataclass(frozen=True, init=False, repr=False)
class GraphForm:
    """What every graph of a population is: a value, as `Policy` is for networks of one architecture.

    `GraphPolicy`, which is it with ways to files, says what each attribute is.
    """

    n_inputs: int
    n_outputs: int
    net: str
    inputs: str
    sum: str
    head: str | None

    def __init__(self, spec: str | GraphForm) -> None:
        """Parse and check a spec; see the module.

        Raises:
            InputError: it is misspelt.
        """
        parts = _parse(spec) if isinstance(spec, str) else spec
        if not isinstance(parts, dict | GraphForm):
            raise InputError(f"policy: expected a spec such as 'neat:4-2', got {kind(spec)}")
        for part in fields(GraphForm):
            value = parts[part.name] if isinstance(parts, dict) else getattr(parts, part.name)
            object.__setattr__(self, part.name, value)

    @classmethod
    def from_sizes(
        cls,
        n_inputs: int,
        n_outputs: int,
        *,
        net: str = "feedforward",
        inputs: str = "array",
        sum: str | None = None,
        head: str | None = None,
    ) -> Self:
        """Return the policy of these parts; see the attributes. None as `sum` is what the running Python does.

        Raises:
            InputError: a part that is none.
        """
        options = {"net": net, "inputs": inputs, "sum": OWN_SUM if sum is None else sum}
        spelled = "".join(f",{name}={value}" for name, value in options.items())
        return cls(f"{NAME}:{n_inputs}-{n_outputs}{spelled}{'' if head is None else f',head={head}'}")

    def __str__(self) -> str:
        """Return the canonical spec."""
        net = "" if self.net == "feedforward" else f",net={self.net}"
        inputs = "" if self.inputs == "array" else f",inputs={self.inputs}"
        head = "" if self.head is None else f",head={self.head}"
        return f"{NAME}:{self.n_inputs}-{self.n_outputs}{net}{inputs},sum={self.sum}{head}"

    def __repr__(self) -> str:
        """Return the expression that makes this policy."""
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        """Pickle the spelling."""
        return type(self), (str(self),)

    def head_for(self, entry: EnvironmentEntry) -> tuple[str, float]:
        """Return the head's name in this environment, and the bound of "above".

        Raises:
            InputError: the graphs cannot play it; the message gives both sides.
        """
        name, _, bound = (self.head or self._usual_head(entry)).partition(":")
        wanted = (entry.n_inputs, 1 if name == "above" else entry.n_outputs)
        if (self.n_inputs, self.n_outputs) != wanted:
            outputs = f"{entry.n_outputs} outputs" + (", or 1" if entry.n_actions == 2 else "")
            raise InputError(
                f"policy: {entry.id} needs {entry.n_inputs} inputs and {outputs}, "
                f"got {self} ({self.n_inputs} inputs, {self.n_outputs} outputs)"
            )
        if name == "above" and entry.n_actions != 2:
            raise InputError(f"policy: {entry.id} has other than two actions, expected no head=above, got {self}")
        if (name in ("argmax", "above")) != (entry.n_actions is not None):
            expected = "argmax" if entry.n_actions is not None else "clip, tanh or scale"
            raise InputError(f"policy: {entry.id}: expected head={expected} for its actions, got {self}")
        return name, float(bound or 0.5)

    def _usual_head(self, entry: EnvironmentEntry) -> str:
        if entry.n_actions is None:
            return "clip"
        return "above:0.5" if (self.n_outputs, entry.n_actions) == (1, 2) else "argmax"

    def check_fits(self, entry: EnvironmentEntry) -> None:
        """Check inputs, outputs and head against an environment with its keyword arguments applied.

        Raises:
            InputError: the graphs cannot play it.
        """
        self.head_for(entry)

    def individuals(self, given: Any) -> Graphs:
        """Return a population of `given`, which is what `evaluate` takes: see `Graphs.of`."""
        return Graphs.of(given)

    def raw(self, inputs: str) -> _engine.RawForm:
        """Return what graphs of this policy have in common as the extension takes it; `inputs` as in `compiled`."""
        return (self.n_inputs, self.n_outputs), self.net == "recurrent", inputs, self.sum == "compensated"

    def compiled(self, graphs: Graphs, inputs: str, threads: int = 1) -> _engine.Graphs:
        """Return a population ready to run.

        Args:
            graphs: of this policy.
            inputs: what an observation consists of: "float32", "uint8", or "python" for its `.tolist()`.
            threads: how many work.

        Raises:
            InputError: a graph that is none, or not one of this policy; the message names individual, and node or
                connection.
        """
        with engine_errors():
            return _engine.Graphs(*self.raw(inputs), graphs.raw(), threads)

    def outputs(self, graphs: Any, observations: ArrayLike) -> NDArray[np.float64]:
        """Return what graphs give for the observations of T steps, which follow each other in one episode.

        Args:
            graphs: one individual or P of them, as `evaluate` takes them.
            observations: (T, n_inputs), the same for all; float32 or uint8, others are cast to float32.

        Returns:
            float64, (P, T, n_outputs); NaN where Python raises an error.

        Raises:
            InputError: a graph that is none, or another shape.
        """
        population = self.individuals(graphs)
        seen = plain_array("observations", observations)
        if seen.ndim != 2 or seen.shape[1] != self.n_inputs or seen.dtype.kind not in "fiu":
            expected = f"numbers of shape (T, {self.n_inputs})"
            raise InputError(f"observations: expected {expected}, got {named(seen.dtype)} of shape {seen.shape}")
        numbers = "python" if self.inputs == "list" else "uint8" if seen.dtype == np.uint8 else "float32"
        compiled = self.compiled(population, numbers)
        rows = np.broadcast_to(seen.astype(np.float32), (len(population), *seen.shape))
        with engine_errors():
            return compiled.activate(list(range(len(population))), rows)


def is_spelling(spec: object) -> bool:
    """Say whether a spec means graphs, rightly spelt or not."""
    return isinstance(spec, str) and spec.strip().lower().partition(":")[0] == NAME


def actions_of(head: tuple[str, float], outputs: NDArray[np.float64], entry: EnvironmentEntry) -> NDArray[Any]:
    """Return the engine's actions for outputs (B, n): int64 (B,), or float32 (B, n) for a Box."""
    name, bound = head
    if name == "argmax":
        return np.asarray(np.argmax(outputs, axis=1))
    if name == "above":
        return np.asarray((outputs[:, 0] > bound).astype(np.int64))
    with engine_errors():
        return _engine.graph_actions(name, outputs, list(entry.action_low or ()), list(entry.action_high or ()))


def _parse(spec: str) -> dict[str, Any]:
    sizes, *options = spec.strip().lower().split(",")
    name, _, shape = sizes.partition(":")
    match = _SIZES.fullmatch(shape)
    if name != NAME or match is None:
        raise _misspelt(spec, f"{shown(sizes)} is not inputs and outputs like neat:4-2")
    parts: dict[str, Any] = {"n_inputs": int(match[1]), "n_outputs": int(match[2]), "head": None}
    given: Mapping[str, str] = _options(spec, options)
    for option, choices in _CHOICES.items():
        chosen = given.get(option, OWN_SUM if option == "sum" else choices[0])
        if chosen not in choices:
            raise _misspelt(spec, f"{shown(f'{option}={chosen}')} is not an option")
        parts[option] = chosen
    if "head" in given:
        parts["head"] = _head(spec, given["head"])
    return parts


def _options(spec: str, options: list[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for option in options:
        name, _, value = option.partition("=")
        if name not in (*_CHOICES, "head") or not value:
            raise _misspelt(spec, f"{shown(option)} is not an option")
        if name in chosen:
            raise _misspelt(spec, f"{shown(option)}: {name} is given twice")
        chosen[name] = value
    return chosen


def _head(spec: str, text: str) -> str:
    name, colon, bound = text.partition(":")
    if name not in HEADS or (colon and name != "above"):
        raise _misspelt(spec, f"{shown(f'head={text}')} is not an option")
    if name != "above":
        return name
    try:
        number = float(bound or 0.5)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise _misspelt(spec, f"{shown(f'head={text}')}: expected a number behind above:")
    return f"above:{number:g}" if float(f"{number:g}") == number else f"above:{number!r}"


def _misspelt(spec: str, problem: str) -> InputError:
    return InputError(f"policy {shown(spec)}: {problem}; {GRAMMAR}")

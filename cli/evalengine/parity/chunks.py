"""The long proof cut into chunks that run by themselves, in any process and any order, and are never run twice.

    all_chunks(...) ──► Chunk ... ──► run_chunk, in a worker ──► [Section]

What a chunk does depends on its fields alone. Depends on the sections' modules.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from evalengine.environments.registry import EnvironmentEntry, resolve
from evalengine.parity.closed_loop import ClosedLoop
from evalengine.parity.drawn_actions import DRAWN, drawn_section
from evalengine.parity.drivers import player, policy_player
from evalengine.parity.evaluated import evaluate_section
from evalengine.parity.forward import sections
from evalengine.parity.graphs import GENOMES_PER_CHUNK, LOOPS, graph_loops, graph_section
from evalengine.parity.observed import observed_section, options_for
from evalengine.parity.open_loop import open_loop, variant_players
from evalengine.parity.probe import probe
from evalengine.parity.report import Section
from evalengine.parity.ruled import RULED, ruled_section
from evalengine.parity.sweep import ALL_ARGUMENTS, SWEPT, all_arguments, sweep_section, swept
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import PIECE
from evalengine.policies.heads import Head
from evalengine.policies.policy import Policy
from evalengine.references import Variant, reference
from evalengine.references.versions import standing
from evalengine.workloads.individuals import individuals

SHAPES_PER_CHUNK = 250
ARGUMENTS_PER_CHUNK = 2**27
_INDIVIDUALS = 4
_LOOPS_PER_CHUNK = 100
_EVALUATED_INDIVIDUALS = 16
# Every chunk has seeds of its own: no chunk has so many episodes.
_SEEDS_PER_CHUNK = 10 * PIECE


RECURRENT = {
    "cartpole": ("mlp:4-gru16-2", "mlp:4-rnn_relu7-2"),
    "lunarlander": ("mlp:8-lstm32-4",),
    "pendulum": ("mlp:3-rnn24-1",),
    "snake": ("cnn:5x12x12-8k3s2-lstm20-4",),
}
"""Policies with memory that have closed loops, too, by the short names of environments."""

ACTIVATIONS = "activations"
"""The part of the proof that sweeps all arguments of one function after the other."""

_PARTS_BY_KIND = {"forward": "networks", "graphs": "graphs", "graph loops": "graphs"}

Finished = tuple[list[Section], float]
"""The sections of a chunk, and the seconds that it took."""


@dataclass(frozen=True)
class Chunk:
    """A part of the proof.

    Attributes:
        kind: "open loop", "variant", "closed loop", "drawn", "rules", "observed", "evaluate", "forward", "sweep",
            "graphs" or "graph loops".
        env: short name; "" for the forward pass and for sweeps.
        what: the driver, the number of the variant, of the adapter's closed loop or of the case in `DRAWN` or `RULED`,
            the closed loop's policy, the activation, or "".
        number: tells chunks of one kind apart; seeds, and the first argument of a sweep, follow from it.
        steps: environment steps, random shapes of forward passes, arguments of a sweep, or genomes.
    """

    kind: str
    env: str
    what: str
    number: int
    steps: int

    @property
    def key(self) -> str:
        """The chunk's name in a journal."""
        return f"{self.kind}/{self.env}/{self.what}/{self.number}/{self.steps}"

    @property
    def part(self) -> str:
        """The part of the proof that it belongs to, one of `all_parts`."""
        return _PARTS_BY_KIND.get(self.kind, self.env or ACTIVATIONS)

    @property
    def seed(self) -> int:
        """The first seed."""
        return self.number * _SEEDS_PER_CHUNK


def all_parts(entries: list[EnvironmentEntry]) -> list[str]:
    """Return the names of the proof's parts, in the order in which they are written down."""
    return ["networks", ACTIVATIONS, *(entry.short_name for entry in entries), "graphs"]


def all_chunks(
    entries: list[EnvironmentEntry], steps: int, shapes: int, sweeps: bool = True, genomes: int = 0
) -> list[Chunk]:
    """Return the whole proof, what takes longest first.

    Args:
        entries: the environments.
        steps: of each environment's closed loop, with every form of its actions, and of its open loops, or the share
            of them that a slow reference states. Of the open loops half are with its default settings, drivers sharing
            them, and half with its variants. Evaluations, closed loops of other policies and each case of `DRAWN` have
            a tenth, as have all observation options together; each case of `RULED` has a hundredth, the policy driver a
            fortieth.
        shapes: random networks.
        sweeps: whether activations are swept over all their arguments.
        genomes: of neat-python; closed loops have a hundredth of them in each environment.
    """
    chunks = list(_shares("forward", "", [""], shapes, SHAPES_PER_CHUNK))
    for activation in SWEPT if sweeps else ():
        chunks += _shares("sweep", "", [str(activation)], ALL_ARGUMENTS, ARGUMENTS_PER_CHUNK)
    chunks += _shares("graphs", "", [""], genomes, GENOMES_PER_CHUNK)
    for name in LOOPS if genomes else ():
        chunks += _shares("graph loops", name, [""], genomes // 100, _LOOPS_PER_CHUNK)
    for entry in entries:
        name, found = entry.short_name, reference(entry.id)
        variants = [str(index) for index in range(len(found.variants))]
        drivers = ["random", "sticky", *found.drivers]
        share, piece = found.share_of(steps), found.share_of(PIECE)
        loops = {"": share} | {
            str(index): share if variant.kwargs else share // 10
            for index, (variant, _) in enumerate(found.closed_loops)
        }
        loops |= dict.fromkeys(RECURRENT.get(name, ()), share // 10)
        for loop, total in loops.items():
            chunks += _shares("closed loop", name, [loop], total, _INDIVIDUALS * piece)
        for index in (index for index, drawn in enumerate(DRAWN) if drawn.env == name):
            chunks += _shares("drawn", name, [str(index)], share // 10, piece)
        for index in (index for index, ruled in enumerate(RULED) if ruled.env == name):
            chunks += _shares("rules", name, [str(index)], share // 100, piece)
        if seen := options_for(entry):
            chunks += _shares("observed", name, list(seen), share // 10, piece)
        chunks += _shares("evaluate", name, [""], share // 10, piece)
        chunks += _shares("open loop", name, ["policy"], share // 40, piece)
        chunks += _shares("open loop", name, drivers, share // 2 if variants else share, piece)
        chunks += _shares("variant", name, variants, share // 2, piece)
    return chunks


def _shares(kind: str, env: str, parts: list[str], total: int, most: int) -> Iterator[Chunk]:
    """Divide `total` among the parts, each cut into chunks of at most `most`."""
    for part in parts:
        share = -(-total // len(parts))
        for number in range(-(-share // most)):
            yield Chunk(kind, env, part, number, min(most, share - number * most))


def run_timed(chunk: Chunk) -> tuple[Chunk, Finished]:
    """Prove one chunk, for a pool of workers that return in any order."""
    started = time.perf_counter()
    found = run_chunk(chunk)
    return chunk, (found, time.perf_counter() - started)


def run_chunk(chunk: Chunk) -> list[Section]:
    """Prove one chunk; the sections of chunks of one kind have the same names, and are merged by them."""
    if chunk.kind == "forward":
        return sections(shapes=chunk.steps, seed=chunk.number, torch_policy=_Worker.torch())
    if chunk.kind == "sweep":
        return [_sweep(chunk)]
    if chunk.kind == "graphs":
        return [graph_section(chunk.number, chunk.steps)]
    if chunk.kind == "graph loops":
        return [graph_loops(chunk.env, chunk.number, chunk.steps)]
    if chunk.kind == "closed loop":
        return [_closed_loop(chunk)]
    if chunk.kind == "drawn":
        drawn, torch_policy = DRAWN[int(chunk.what)], _Worker.torch()
        unproven = _Worker.unproven()
        return [drawn_section(drawn, seed=chunk.seed, steps=chunk.steps, torch_policy=torch_policy, unproven=unproven)]
    if chunk.kind == "rules":
        return [ruled_section(RULED[int(chunk.what)], seed=chunk.seed, steps=chunk.steps)]
    entry = resolve(chunk.env)
    if chunk.kind == "observed":
        return [observed_section(reference(entry.id), entry, chunk.what, seed=chunk.seed, steps=chunk.steps)]
    policy = Policy(entry.default_policy)
    head = Head.of(policy, entry)
    name = f"{chunk.env} {chunk.kind}"
    if chunk.kind == "evaluate":
        weights = individuals(entry, policy, _EVALUATED_INDIVIDUALS, chunk.seed)
        return [evaluate_section(name, entry.id, policy, weights, seed=chunk.seed, steps=chunk.steps)]
    weights = individuals(entry, policy, _INDIVIDUALS, chunk.seed)
    found = reference(entry.id)
    if chunk.kind == "variant":
        variant = found.variants[int(chunk.what)]
        players = variant_players(found, variant, ["random", "sticky", *found.drivers])
        name = f"{chunk.env} open loop, {variant}"
    else:
        variant = Variant()
        is_policy = chunk.what == "policy"
        begin = policy_player(policy, head, weights) if is_policy else player(chunk.what, entry, found.drivers)
        players, name = {chunk.what: begin}, f"{chunk.env} open loop, {chunk.what}"
    return [_light(open_loop(found, variant, players, name=name, seed=chunk.seed, steps=chunk.steps)[0])]


def _sweep(chunk: Chunk) -> Section:
    activation, name = swept(chunk.what), f"{chunk.what}, all float32"
    arguments = all_arguments(chunk.number * ARGUMENTS_PER_CHUNK, chunk.steps)
    unproven, slow = _Worker.unproven(), activation.slow
    return sweep_section(activation, arguments, _Worker.torch(), name=name, unproven=unproven, slow=slow)


def _closed_loop(chunk: Chunk) -> Section:
    found, entry = reference(chunk.env), resolve(chunk.env)
    if chunk.what.isdecimal():
        variant, spelling = found.closed_loops[int(chunk.what)]
    else:
        variant, spelling = Variant(), chunk.what or entry.default_policy
    loop = ClosedLoop(found, Policy(spelling), chunk.seed, variant)
    weights = individuals(loop.entry, loop.policy, _INDIVIDUALS, chunk.seed)
    section, _ = loop.section(loop.name, weights, chunk.steps, _Worker.torch())
    return dataclasses.replace(_light(section), unproven=section.unproven or _Worker.unproven())


def prepare_worker() -> None:
    """Import what is slow to import, once for each worker process."""
    import gymnasium  # noqa: F401  # the first environment would wait for it


class _Worker:
    """What a worker process keeps between chunks: PyTorch, started when it is first needed."""

    _torch: TorchPolicy | None = None
    _unproven: str | None = None
    _stack = ExitStack()

    @classmethod
    def torch(cls) -> TorchPolicy:
        # It ends with this process, whose end of the pipe it reads.
        if cls._torch is None:
            cls._torch = cls._stack.enter_context(TorchPolicy())
        return cls._torch

    @classmethod
    def unproven(cls) -> str:
        """Why PyTorch proves nothing here, or ""."""
        if cls._unproven is None:
            cls._unproven = standing("torch").unproven or probe(cls.torch()).unproven
        return cls._unproven


def _light(section: Section) -> Section:
    """The section without its step-by-step columns, which nobody reads of two million steps."""
    return dataclasses.replace(section, columns=None)

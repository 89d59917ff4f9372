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
from evalengine.parity.closed_loop import ClosedLoop, claim_of
from evalengine.parity.drivers import player, policy_player
from evalengine.parity.evaluated import evaluate_section
from evalengine.parity.forward import sections
from evalengine.parity.open_loop import open_loop, variant_players
from evalengine.parity.report import Section
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.parity.trace import PIECE
from evalengine.policies.heads import Head
from evalengine.policies.policy import Policy
from evalengine.references import Variant, reference
from evalengine.workloads.individuals import individuals

SHAPES_PER_CHUNK = 250
_INDIVIDUALS = 4
_EVALUATED_INDIVIDUALS = 16
# Every chunk has seeds of its own: no chunk has so many episodes.
_SEEDS_PER_CHUNK = 10 * PIECE


Finished = tuple[list[Section], float]
"""The sections of a chunk, and the seconds that it took."""


@dataclass(frozen=True)
class Chunk:
    """A part of the proof.

    Attributes:
        kind: "open loop", "variant", "closed loop", "evaluate" or "forward".
        env: short name; "" for the forward pass.
        what: the driver, the number of the variant, the spelling of a policy beside the default one, or "".
        number: tells chunks of one kind apart; seeds follow from it.
        steps: environment steps, or random shapes of forward passes.
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
    def seed(self) -> int:
        """The first seed."""
        return self.number * _SEEDS_PER_CHUNK


def all_chunks(entries: list[EnvironmentEntry], steps: int, shapes: int) -> list[Chunk]:
    """Return the whole proof, what takes longest first.

    Args:
        entries: the environments.
        steps: of each environment's open loops, or the share of them that a slow reference states: half with its
            default settings, drivers sharing them, and half with its variants. Evaluations have a tenth, closed loops
            and the policy driver a fortieth each, since they wait for forward passes.
        shapes: random networks.
    """
    chunks = list(_shares("forward", "", [""], shapes, SHAPES_PER_CHUNK))
    for entry in entries:
        name, found = entry.short_name, reference(entry.id)
        variants = [str(index) for index in range(len(found.variants))]
        drivers = ["random", "sticky", *found.drivers]
        share, piece = found.share_of(steps), found.share_of(PIECE)
        chunks += _shares("closed loop", name, ["", *found.policies], share // 40, piece // 4)
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
    entry = resolve(chunk.env)
    policy = Policy(chunk.what if chunk.kind == "closed loop" and chunk.what else entry.default_policy)
    head = Head.of(policy, entry)
    name = f"{chunk.env} {chunk.kind}"
    if chunk.kind == "evaluate":
        weights = individuals(entry, policy, _EVALUATED_INDIVIDUALS, chunk.seed)
        return [evaluate_section(name, entry.id, policy, weights, seed=chunk.seed, steps=chunk.steps)]
    weights = individuals(entry, policy, _INDIVIDUALS, chunk.seed)
    found = reference(entry.id)
    if chunk.kind == "closed loop":
        loop = ClosedLoop(found, policy, claim_of(policy, head)[0], chunk.seed)
        name += f", {policy}" if chunk.what else ""
        return [_light(loop.section(name, weights, chunk.steps, _Worker.torch())[0])]
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


def prepare_worker() -> None:
    """Import what is slow to import, once for each worker process."""
    import gymnasium  # noqa: F401  # the first environment would wait for it


class _Worker:
    """What a worker process keeps between chunks: PyTorch, started when it is first needed."""

    _torch: TorchPolicy | None = None
    _stack = ExitStack()

    @classmethod
    def torch(cls) -> TorchPolicy:
        # It ends with this process, whose end of the pipe it reads.
        if cls._torch is None:
            cls._torch = cls._stack.enter_context(TorchPolicy())
        return cls._torch


def _light(section: Section) -> Section:
    """The section without its step-by-step columns, which nobody reads of two million steps."""
    return dataclasses.replace(section, columns=None)

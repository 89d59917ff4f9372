"""Long closed loops of tests: Gymnasium with PyTorch on one side, the engine on the other, every bit compared."""

from __future__ import annotations

from side_by_side import MIN_STEPS

from evalengine import Policy
from evalengine.environments.registry import describe
from evalengine.parity.closed_loop import ClosedLoop
from evalengine.parity.report import Verdict
from evalengine.parity.torch_policy import TorchPolicy
from evalengine.references import Variant, reference
from evalengine.workloads.individuals import individuals

BOX2D = ("lunarlander", "bipedalwalker", "bipedalwalkerhardcore", "carracing")
"""The environments on Box2D, which take most of the time."""

INDIVIDUALS = 4
"""Trained ones and random ones in turn, where there are trained ones."""


def play(env_id: str, torch_policy: TorchPolicy, variant: Variant | None = None, steps: int = MIN_STEPS) -> int:
    """Play the default policy of an environment, all bits being equal; return how many episodes ended."""
    variant = variant or Variant()
    policy = Policy(describe(env_id, variant.kwargs).default_policy)
    loop = ClosedLoop(reference(env_id), policy, seed=1000, variant=variant)
    section, _ = loop.section(loop.name, individuals(loop.entry, policy, INDIVIDUALS, 1), steps, torch_policy)
    assert section.first_divergence is None, section.first_divergence.message()
    assert (section.verdict, section.steps) == (Verdict.HOLDS, steps)
    return section.episodes

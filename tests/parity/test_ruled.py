"""Rules of an episode against Gymnasium behind wrappers, every bit compared."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("gymnasium")

from evalengine import evaluate
from evalengine.environments.registry import entries
from evalengine.parity import ruled
from evalengine.parity.report import Verdict
from evalengine.parity.ruled import RULED, Ruled, ruled_section


def steps_of(case: Ruled) -> int:
    return 100 if case.env == "carracing" else 1000


def test_every_environment_and_every_rule_is_played() -> None:
    assert {case.env for case in RULED} == {entry.short_name for entry in entries()} - {"bipedalwalkerhardcore"}
    assert {rule for case in RULED for rule in case.stop} == {"patience", "reward_above", "return_below", "condition"}


@pytest.mark.parametrize("case", RULED, ids=str)
def test_episodes_under_rules_equal_the_plain_loop(case: Ruled) -> None:
    section = ruled_section(case, seed=300, steps=steps_of(case))
    assert section.first_divergence is None, section.first_divergence.message()
    assert section.verdict is Verdict.HOLDS
    assert {"patience", "return_below", "condition"} & section.events.keys(), section.events


@pytest.mark.parametrize(
    "other",
    [
        {"stop": None},
        {"stop": {"patience": 24, "reward_above": 0.5, "return_below": -250}},
        {"no_ops": {"count": 10, "action": 3}},
        {"no_ops": 10},
        {"action_repeat": 2},
        {"env_kwargs": {"gravity": -10.0}},
    ],
    ids=str,
)
def test_other_rules_are_found(other: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in RULED if case.env == "lunarlander")
    monkeypatch.setattr(ruled, "evaluate", lambda *given, **options: evaluate(*given, **(options | other)))
    section = ruled_section(case, seed=300, steps=1000)
    assert section.verdict is Verdict.BROKEN

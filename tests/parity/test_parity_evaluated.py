"""`evaluate` against the same episodes step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalengine import Evaluation, Policy
from evalengine.environments.registry import entries, resolve
from evalengine.evaluation.evaluate import evaluate
from evalengine.parity import evaluated
from evalengine.parity.evaluated import FIELDS, evaluate_section
from evalengine.parity.report import Section, Verdict
from evalengine.workloads.individuals import individuals


def section(name: str = "cartpole", steps: int = 1500, seed: int = 4) -> Section:
    entry = resolve(name)
    policy = Policy(entry.default_policy)
    return evaluate_section("evaluate", entry.id, policy, individuals(entry, policy, 4, seed), seed=seed, steps=steps)


@pytest.mark.parametrize("name", [entry.short_name for entry in entries()])
def test_whole_evaluations_are_their_steps(name: str) -> None:
    found = section(name)
    assert (found.verdict, found.mismatches, found.worst_error) == (Verdict.HOLDS, 0, 0.0)
    assert found.steps >= 1500
    assert found.events["terminated"] + found.events["time limit"] >= found.episodes


def test_the_largest_seeds_go_around() -> None:
    assert section(seed=2**64 - 2, steps=3000).verdict is Verdict.HOLDS


@pytest.mark.parametrize("field", FIELDS)
def test_one_ulp_or_one_flag_of_one_episode_is_found(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def tampered(*args: Any, **kwargs: Any) -> Evaluation:
        whole = evaluate(*args, **kwargs)
        values = getattr(whole, field).copy()
        spoilt = values[1:2, -1:].reshape(-1)
        if values.dtype.kind == "f":
            spoilt[-1] = np.nextafter(spoilt[-1], np.asarray(1e9, values.dtype))
        else:
            spoilt[-1] = ~spoilt[-1]
        values[1:2, -1:] = spoilt.reshape(values[1:2, -1:].shape)
        if field in whole.on_request:
            return replace(whole, on_request={**whole.on_request, field: values})
        return replace(whole, **{field: values})

    monkeypatch.setattr(evaluated, "evaluate", tampered)
    found = section()
    assert (found.verdict, found.mismatches) == (Verdict.BROKEN, 1)
    first = found.first_divergence
    assert first is not None and first.field == field
    assert first.case.startswith("individual 1 of mlp:4-64-2")

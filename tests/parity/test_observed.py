"""Observation options against Gymnasium's wrappers: the section holds, counts what it compared, and has teeth."""

from __future__ import annotations

import pytest

from evalengine.environments.observation import ObservationOptions
from evalengine.environments.registry import entries, resolve
from evalengine.parity import observed
from evalengine.parity.report import Verdict
from evalengine.references import reference
from evalengine.references.wrappers import wrapped


def test_every_environment_but_snake_has_options() -> None:
    without = [entry.short_name for entry in entries() if not observed.options_for(entry)]
    assert without == ["snake"]


def test_one_unit_in_the_last_place_of_a_bound_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found, entry = reference("lunarlander"), resolve("lunarlander")
    # The largest seed is followed by 0.
    whole = observed.observed_section(found, entry, "clip=-0.05/0.25", seed=2**64 - 1, steps=200)
    assert (whole.verdict, whole.steps, whole.mismatches) == (Verdict.HOLDS, 200, 0) and whole.episodes > 0
    other = ObservationOptions.of("clip=-0.05/0.25000003")
    monkeypatch.setattr(observed, "wrapped", lambda env, _: wrapped(env, other))
    broken = observed.observed_section(found, entry, "clip=-0.05/0.25", seed=1, steps=200)
    assert broken.verdict is Verdict.BROKEN and broken.mismatches > 0
    assert broken.first_divergence is not None and broken.first_divergence.field == "observation"

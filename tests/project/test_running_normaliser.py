"""examples/running_normaliser.py: it learns, and what it saves is played behind its normalisation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from example_modules import load_example

import evalengine

example = load_example("running_normaliser")


def test_it_learns_and_saves_its_normalisation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "lander.npy"
    example.main(generations=20, out=str(out))
    lines = capsys.readouterr().out.splitlines()
    first, last = (float(re.search(r"mean +(-?[\d.]+)", line)[1]) for line in lines[:2])  # type: ignore[index]
    assert first + 20 < last  # -134 and -83; without learning they differ by a few
    saved = evalengine.load_weights(out)
    assert saved.policy is not None and saved.normalize is not None
    played = evalengine.evaluate("LunarLander-v3", saved, saved.policy, episodes=100, seeds=10**6)
    assert lines[2] == f"the center: mean {played.fitness[0]:.2f} over 100 fresh seeds"


def test_statistics_of_generations_are_added_in_any_way() -> None:
    policy = evalengine.Policy("mlp:4-2")
    population = policy.init(4, seed=0)
    parts = [
        evalengine.evaluate("CartPole-v1", population, policy, seeds=seed, collect_statistics=True).statistics
        for seed in range(3)
    ]
    by_plus, by_sum = parts[0] + parts[1] + parts[2], sum(parts)
    assert isinstance(by_sum, evalengine.ObservationStatistics)
    started = sum(parts[1:], start=parts[0])
    for found in (by_sum, started):
        assert found.count == by_plus.count
        assert np.array_equal(found.sum, by_plus.sum) and np.array_equal(found.sum_of_squares, by_plus.sum_of_squares)

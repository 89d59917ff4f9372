"""What a rule that stops episodes saves: counted, and shown by `bench --stop`."""

from __future__ import annotations

import numpy as np
import pytest
from cli_answers import Captured

from evalengine import InputError, evaluate
from evalengine.bench.savings import savings
from evalengine.environments.registry import resolve
from evalengine.terminal import app
from evalengine.workloads.catalogue import workload


def test_steps_are_those_of_evaluate() -> None:
    case = workload("random", resolve("cartpole"), "mlp:4-8-2")
    (found,) = savings([case], "patience=9,reward_above=1", 1, 6, 2)
    whole = evaluate("cartpole", case.weights()[:6], case.policy, seeds=case.seeds()[:2])
    assert (found.population, found.episodes, found.steps) == (6, 2, whole.steps)
    assert found.stopped_steps == np.minimum(whole.lengths, 9).sum()
    assert found.stopped == {"patience": int((whole.lengths > 9).sum())}
    assert found.to_json()["factor"] == found.factor == found.steps / found.stopped_steps


def test_the_command_shows_them(capsys: Captured) -> None:
    given = ["bench", "cartpole", "--policy", "mlp:4-8-2", "--stop", "condition=step > 4", "--population", "3"]
    assert app.main(given) == app.OK
    shown = capsys.readouterr().out
    assert "CartPole-v1, stopped by condition=step > 4" in shown and "times fewer" in shown
    for other, message in (
        (["--out", "x.csv"], "out: expected none beside --stop, got x.csv"),
        (["--rounds", "3"], ""),
    ):
        assert app.main([*given, *other]) == app.BAD_INPUT
        assert f"error: {message or 'rounds: expected none beside --stop, got 3'}\n" in capsys.readouterr().err
    assert app.main(["bench", "all", "--stop", "patience=3"]) == app.BAD_INPUT
    assert capsys.readouterr().err == "error: env: expected one environment beside --stop, got all\n"


def test_random_drivers_play_a_fifth_of_the_frames_and_trained_ones_all() -> None:
    """What a genetic algorithm on CarRacing saves, and that it costs no driver that drives."""
    environment = resolve("carracing")
    cases = [workload(name, environment, None) for name in ("random", "trained")]
    random, trained = savings(cases, "patience=30", None, 3, 1)
    assert round(random.factor) == 21  # as docs/api.md, docs/carracing.md and CHANGELOG.md say
    assert random.stopped == {"patience": 3}
    assert (trained.factor, trained.stopped) == (1, {})


def test_rules_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match=r"^stop: patience: expected an integer from 1"):
        savings([workload("random", resolve("cartpole"), None)], "patience=0", 1, 2, 1)

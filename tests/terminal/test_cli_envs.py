"""`evalengine envs`: the registry, for people and for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from evalengine import Policy, streams
from evalengine.environments import registry
from evalengine.environments.registry import EnvironmentEntry, registered
from evalengine.terminal import app
from evalengine.terminal.envs import run as envs
from evalengine.terminal.envs.tables import actions_text, environments_report, observation_text

Captured = pytest.CaptureFixture[str]


def printed(capsys: Captured, *arguments: str) -> str:
    assert app.main(["envs", *arguments]) == app.OK
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_the_table_has_every_environment(capsys: Captured) -> None:
    text = printed(capsys)
    for entry in registered():
        [line] = [line for line in text.splitlines() if line.split()[:1] == [entry.id]]
        cells = [cell for cell in line.split("  ") if cell.strip()]
        assert [cell.strip() for cell in cells[:5]] == [
            entry.id,
            entry.short_name,
            observation_text(entry),
            actions_text(entry),
            entry.default_policy,
        ]


@pytest.mark.parametrize("entry", registered(), ids=lambda entry: entry.short_name)
def test_one_environment_is_told_in_full(entry: EnvironmentEntry, capsys: Captured) -> None:
    text = printed(capsys, entry.short_name.upper())
    assert text.startswith(f"{entry.id}: {entry.summary}\n")
    for name, value in [*entry.kwargs.items(), *entry.reset_options.items()]:
        assert f"{name}={value}" in text
    assert printed(capsys, entry.id) == text


def test_json_is_the_registry(capsys: Captured) -> None:
    listed = json.loads(printed(capsys, "--json"))["environments"]
    assert [row["id"] for row in listed] == [entry.id for entry in registered()]
    for row, entry in zip(listed, registered(), strict=True):
        for name in ("short_name", "summary", "observation_dtype", "n_actions", "max_episode_steps", "default_policy"):
            assert row[name] == getattr(entry, name)
        assert tuple(row["observation_shape"]) == entry.observation_shape
        assert row["kwargs"] == dict(entry.kwargs) and row["reset_options"] == dict(entry.reset_options)
        assert row["action_low"] == (None if entry.action_low is None else list(entry.action_low))
        assert row["claim"] == "EXACT"
    [alone] = json.loads(printed(capsys, "pendulum", "--json"))["environments"]
    assert alone in listed


def test_every_bit_of_the_default_policies_is_claimed() -> None:
    for listed in envs.run().environments:
        assert listed.claim == "EXACT"
        assert Policy(listed.entry.default_policy).network.exactness is None


def test_names_of_fields_are_shown_where_the_registry_has_them(capsys: Captured) -> None:
    entry: Any = replace(registry.resolve("cartpole"))
    object.__setattr__(entry, "observation_fields", ["x", "x_dot"])
    object.__setattr__(entry, "event_fields", ())
    listed = envs.ListedEnvironment(entry, "EXACT")
    assert listed.fields == {"observation_fields": ("x", "x_dot")}
    assert listed.to_json()["observation_fields"] == ["x", "x_dot"]
    streams.write_renderables(environments_report(envs.EnvironmentsResult((listed,)), 200))
    assert "observation fields   x, x_dot\n" in capsys.readouterr().out


def test_the_table_fits_a_usual_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """As a table: what is wider than the terminal is written as records."""
    monkeypatch.setattr(streams, "output_width", lambda: 80)
    streams.write_renderables(environments_report(envs.run(), 80))
    text = capsys.readouterr().out
    assert text.splitlines()[2].split() == ["id", "observation", "actions"]
    assert max(map(len, text.splitlines())) <= 80
    for entry in registered():
        [line] = [line for line in text.splitlines() if line.split()[:1] == [entry.id]]
        assert observation_text(entry) in line and line.endswith(actions_text(entry))


def test_an_unknown_environment_is_one_line(capsys: Captured) -> None:
    assert app.main(["envs", "carpole"]) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and "CartPole-v1" in captured.err


def test_nothing_but_the_registry_is_needed() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'gymnasium', 'pandas', 'imageio_ffmpeg'): sys.modules[name] = None\n"
        "from evalengine.terminal.app import main; sys.exit(main(['envs']))\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "CartPole-v1" in finished.stdout

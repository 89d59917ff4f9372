"""`evalengine parity` on the command line: what it proves, what it says, its exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from evalengine import make
from evalengine.environments.registry import entries, resolve
from evalengine.errors import MissingDependencyError
from evalengine.parity import open_loop
from evalengine.parity.probe import PROBED_SUMS, Probe, our_tanh, tanh_arguments
from evalengine.references import versions
from evalengine.terminal import app, completion
from evalengine.terminal.parity import run as parity

Captured = pytest.CaptureFixture[str]

KEYS = {"name", "claim", "steps", "mismatches", "first_divergence", "worst_error"}


class NoTorch:
    """`TorchPolicy` where torch is not installed: what the tests that do not need it run with, for their speed."""

    def __enter__(self) -> None:
        raise MissingDependencyError.of("torch", extra="torch")

    def __exit__(self, *exception: object) -> None:
        pass


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "TorchPolicy", NoTorch)


def document(line: str, capsys: Captured) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of a command."""
    code = app.main([*line.split(), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("known_order")
def test_everything_holds(capsys: Captured) -> None:
    code, found = document("parity all --steps 100", capsys)
    assert (code, found["verdict"]) == (app.OK, "holds")
    sections = {section["name"]: section for section in found["sections"]}
    assert len(sections) == len(found["sections"])
    for section in found["sections"]:
        assert set(section) >= KEYS
        assert (section["mismatches"], section["first_divergence"], section["verdict"]) == (0, None, "holds")
    for entry in entries():
        name = entry.short_name
        for part in ("open loop, random", "open loop, sticky", "open loop, policy", "closed loop"):
            assert sections[f"{name} {part}"]["steps"] == 100
        for part in ("golden traces", "evaluate"):
            assert sections[f"{name} {part}"]["steps"] >= 100
        assert [title for title in sections if title.startswith(f"{name} logits")] != []
    assert {section["claim"] for section in found["sections"]} == {"EXACT"}
    assert sections["lunarlander closed loop, continuous=True"]["steps"] == 100
    assert found["versions"].keys() == {"evalengine", "torch", "gymnasium", "numpy", "box2d", "pygame-ce"}


@pytest.mark.usefixtures("known_order")
def test_a_table_says_what_was_proven(capsys: Captured) -> None:
    line = "parity CartPole-v1 --steps 100 --seed 5 --driver heuristic --policy mlp:4-2"
    assert app.main(line.split()) == app.OK
    output = capsys.readouterr()
    headings, rule, *lines = output.out.split("\n")[2:]
    assert headings.split("  ")[0].strip() == "section" and set(rule.strip()) == {"─"}
    for title in ("steps", "episodes", "mismatches", "worst error", "verdict"):
        assert title in headings
    names = [line.split("   ")[0].strip() for line in lines[: lines.index("")]]
    assert names[2:5] == ["cartpole open loop, heuristic", "cartpole open loop, variants", "cartpole golden traces"]
    assert "cartpole closed loop, mlp:4-2" in names
    assert lines[-2].startswith("Verdict: holds with evalengine ") and "gymnasium 1.4.0" in lines[-2]
    assert output.err.startswith("PyTorch: start")


def test_what_is_not_claimed_is_said_in_one_line_and_breaks_nothing(capsys: Captured) -> None:
    policy = "cnn:5x12x12-64k5p5-4"  # a matrix product that is large for a cache
    code, found = document(f"parity snake --steps 20 --driver policy --policy {policy}", capsys)
    by_name = {section["name"]: section for section in found["sections"]}
    section = by_name["snake closed loop and logits"]
    assert (section["claim"], section["verdict"], section["steps"]) == ("none", "not claimed", 0)
    reason = "layer 1 (conv2d, 64 channels, kernel 5x5): PyTorch cuts this shape's sums by the processor's cache"
    assert section["notes"] == [f"not claimed: {reason}"]
    assert not any(name.startswith(("snake closed loop,", "snake logits")) for name in by_name)
    assert (by_name["snake open loop, policy"]["steps"], by_name["snake open loop, policy"]["verdict"]) == (20, "holds")
    if found["verdict"] == "holds":  # the probe knows the order here
        assert code == app.OK
    assert app.main(f"parity snake --steps 20 --driver policy --policy {policy}".split()) == code
    assert f"snake closed loop and logits: not claimed: {reason}" in capsys.readouterr().out


@pytest.mark.usefixtures("no_torch")
def test_without_torch_the_environments_are_proven_and_the_extra_is_named(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, found = document("parity snake --steps 50", capsys)
    assert (code, found["verdict"]) == (app.MISSING_DEPENDENCY, "unproven")
    verdicts = {section["name"]: section["verdict"] for section in found["sections"]}
    assert verdicts.pop("snake closed loop") == verdicts.pop("snake logits") == "unproven"
    assert set(verdicts.values()) == {"holds"} and len(verdicts) == 9
    # What "all" adds is the forward pass of random shapes; that all environments hold is proven above.
    monkeypatch.setattr(parity, "entries", lambda: (resolve("cartpole"), resolve("pendulum")))
    assert app.main(["parity", "all", "--steps", "50"]) == app.MISSING_DEPENDENCY
    output = capsys.readouterr().out
    assert "unproven: torch is not installed: pip install 'evalengine[torch]'" in output
    assert "Verdict: unproven" in output


@pytest.mark.usefixtures("known_order")
def test_without_gymnasium_the_policy_is_proven_and_the_extra_is_named(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(env_id: str) -> None:
        raise MissingDependencyError.of("gymnasium", extra="gymnasium")

    monkeypatch.setattr(parity, "reference", missing)
    code, found = document("parity cartpole --steps 50 --policy mlp:4-2", capsys)
    assert (code, found["verdict"]) == (app.MISSING_DEPENDENCY, "unproven")
    by_verdict: dict[str, list[str]] = {}
    for section in found["sections"]:
        by_verdict.setdefault(section["verdict"], []).append(section["name"])
    assert by_verdict["unproven"] == ["cartpole open loop", "cartpole closed loop"]
    assert {"cartpole golden traces", "cartpole evaluate", "cartpole logits, mlp:4-2"} <= set(by_verdict["holds"])
    (open_loops,) = (section for section in found["sections"] if section["name"] == "cartpole open loop")
    assert "pip install 'evalengine[gymnasium]'" in open_loops["unproven"]


@pytest.mark.usefixtures("no_torch")
def test_a_version_outside_of_the_table_is_compared_and_named(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(versions.TABLED, "gymnasium", ("0.1", "0.2"))
    app.main(["parity", "cartpole", "--steps", "50"])
    lines = capsys.readouterr().out.split("\n")
    (said,) = [line for line in lines if line.startswith("not among")]
    assert said.endswith("and compared here: gymnasium 1.4.0 (0.1, 0.2)")
    compared = [line for line in lines if line.lstrip().startswith("cartpole open loop, ") and "EXACT" in line]
    assert len(compared) == 5 and all(line.rstrip().endswith("holds") for line in compared)


@pytest.mark.parametrize(("agrees", "seventh"), [(False, 1.0), (True, 2.0)])
def test_another_order_or_another_tanh_of_pytorch_is_unproven(
    agrees: bool, seventh: float, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    tanh = our_tanh(tanh_arguments())
    tanh[7] *= seventh
    monkeypatch.setattr(parity, "probe", lambda torch_policy: Probe(PROBED_SUMS[:1], (agrees,), tanh))
    code, found = document("parity cartpole --steps 50 --policy mlp:4-2", capsys)
    assert (code, found["verdict"]) == (app.MISSING_DEPENDENCY, "unproven")
    verdicts = {section["name"]: section["verdict"] for section in found["sections"]}
    changed = "PyTorch's tanh, a sample" if agrees else "PyTorch's order of summation"
    kept = "PyTorch's order of summation" if agrees else "PyTorch's tanh, a sample"
    assert (verdicts[changed], verdicts[kept]) == ("unproven", "holds")
    # A linear policy needs the order, and no tanh.
    assert {verdicts["cartpole closed loop, mlp:4-2"], verdicts["cartpole logits, mlp:4-2"]} == {
        "holds" if agrees else "unproven"
    }


class Tampered:
    """An environment whose 31st observation is one ulp off."""

    def __init__(self, env: Any) -> None:
        self.env, self.steps = env, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self.steps += 1
        if self.steps == 31:
            observation = np.nextafter(observation, np.float32(9))
        return observation, *rest


@pytest.mark.usefixtures("no_torch")
def test_a_broken_claim_is_exit_code_1_and_reads_like_assert_close(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(open_loop, "make", lambda *args, **kwargs: Tampered(make(*args, **kwargs)))
    out = tmp_path / "steps.csv"
    code = app.main(["parity", "cartpole", "--steps", "60", "--driver", "random", "--out", str(out)])
    assert code == app.MISMATCH
    output = capsys.readouterr().out
    assert "First divergence in cartpole open loop, random:" in output
    assert "Tensor-likes are not equal!" in output and "Mismatched elements: 4 / 4 (100.0%)" in output
    assert f"Step by step: {out}" in output
    with out.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["section"] == "cartpole open loop, random"]
    assert sum(row["step"] != "0" for row in rows) == 60
    (differing,) = (row for row in rows if row["equal"] == "False")
    assert (differing["observation_differing"], differing["schema_version"]) == ("4", "2")
    assert float(differing["largest_difference"]) > 0
    code, found = document("parity cartpole --steps 60 --driver random", capsys)
    assert (code, found["verdict"]) == (app.MISMATCH, "broken")
    first = found["sections"][0]["first_divergence"]
    assert first["field"] == "observation" and first["ours_hex"] != first["reference_hex"]
    assert (first["our_action"], first["message"].count("\n")) == (first["reference_action"], 9)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("parity snke", 'unknown environment "snke"; did you mean "snake"?'),
        ("parity snake --driver heuristik", "got 'heuristik' (did you mean 'heuristic'?)"),
        ("parity snake --steps 0", "steps: expected an integer from 1 to 1000000000, got 0"),
        ("parity snake --seed -1", "seed: expected an integer from 0 to 18446744073709551615, got -1"),
        ("parity snake --policy mlp:4-2", "policy: evalengine/Snake-v0 needs 720 inputs"),
        ("parity snake --policy nonsense", "nonsense"),
        ("parity all --policy mlp:4-2", "policy: evalengine/Snake-v0 needs 720 inputs"),
    ],
)
def test_bad_input_is_refused_before_any_work(line: str, message: str, capsys: Captured) -> None:
    assert app.main(line.split()) == app.BAD_INPUT
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("error: ") and output.err.count("\n") == 1
    assert message in output.err


def test_an_unwritable_path_is_refused_before_any_work(capsys: Captured, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "steps.csv"
    assert app.main(["parity", "snake", "--out", str(missing)]) == app.INTERNAL
    output = capsys.readouterr()
    assert output.err == f"error: output: cannot write {missing}: no folder {missing.parent}\n"


@pytest.mark.usefixtures("no_torch")
def test_the_largest_seed_goes_around(capsys: Captured) -> None:
    code, found = document(f"parity cartpole --steps 50 --seed {2**64 - 1}", capsys)
    assert code == app.MISSING_DEPENDENCY
    assert [section["verdict"] for section in found["sections"]].count("holds") == 12


def test_the_shell_offers_environments_all_and_drivers() -> None:
    offered = [name for name, _ in completion.complete_environment_or_all("")]
    assert "all" in offered and {entry.short_name for entry in entries()} <= set(offered)
    assert [name for name, _ in completion.complete_environment_or_all("al")] == ["all"]

    def drivers(env: str | None, incomplete: str = "") -> list[str]:
        command = typer.main.get_command(app.app)
        context = typer.Context(command)
        context.params = {"env": env}
        return [name for name, _ in completion.complete_driver(context, incomplete)]

    assert drivers("snake") == ["random", "sticky", "policy", "heuristic", "tour"]
    assert drivers("snake", "t") == ["tour"]
    assert drivers("all") == drivers(None) == ["random", "sticky", "policy"]
    assert drivers("chess") == []

"""The long proof: cut into chunks, resumable, and written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evalengine.clusters.workers import WorkerPool
from evalengine.environments.registry import entries
from evalengine.errors import EvalEngineError, InputError
from evalengine.parity import long
from evalengine.parity.chunks import Chunk, all_chunks, all_parts, prepare_worker, run_chunk, run_timed
from evalengine.parity.evidence import BEGIN, END, Evidence, record_evidence
from evalengine.parity.long import Journal, merged_by_name, prove, sweep
from evalengine.parity.report import Claim, Report, Section, Verdict
from evalengine.parity.sweep import SWEPT
from evalengine.parity.trace import PIECE
from evalengine.references import reference
from evalengine.references.versions import Standing

OPEN = Chunk("open loop", "cartpole", "random", 0, 300)
VARIANT = Chunk("variant", "snake", "3", 1, 200)
WHERE = {
    "started_at": "2026-01-02T03:04:05+00:00", "cpu": "a CPU", "cores": 2, "platform": "Linux", "commit": "abc",
    "dirty": "false",
}  # fmt: skip


def test_the_default_proof_has_two_million_steps_of_every_environment_and_two_thousand_shapes() -> None:
    options = long._parser().parse_args([])
    assert (options.steps, options.shapes) == (2_000_000, 2_000)
    found = all_chunks(entries(), options.steps, options.shapes)
    steps = Counter[str]()
    for chunk in found:
        assert chunk.steps > 0
        kind = "open loop" if chunk.kind == "variant" else chunk.kind
        steps[f"{kind} {chunk.env}"] += chunk.steps
        steps[f"{kind} {chunk.env} {chunk.what}"] += chunk.steps
    for entry in entries():
        share = reference(entry.id).share_of(2_000_000)
        assert steps[f"open loop {entry.short_name}"] >= share
        assert steps[f"closed loop {entry.short_name} "] >= share
    assert steps["closed loop carracing "] >= 200_000
    assert steps["closed loop lunarlander 0"] >= 2_000_000
    assert steps["forward "] >= 2_000
    assert all(steps[f"sweep  {activation}"] == 2**32 for activation in SWEPT)
    assert not any(chunk.kind == "sweep" for chunk in all_chunks(entries(), 1, 1, sweeps=False))
    assert len({chunk.key for chunk in found}) == len(found)
    kinds = {(chunk.env, chunk.kind) for chunk in found}
    for entry in entries():
        assert {(entry.short_name, kind) for kind in ("open loop", "closed loop", "evaluate")} <= kinds


def test_chunks_of_one_kind_have_seeds_of_their_own() -> None:
    found = [chunk for chunk in all_chunks(entries(), 2_000_000, 1) if chunk.kind == "variant" and chunk.what == "0"]
    starts = sorted(chunk.seed for chunk in found if chunk.env == found[0].env)
    assert all(later - start > PIECE for start, later in pairwise(starts))


OBSERVED = Chunk("observed", "cartpole", "skip=3,stack=4,clip=-0.5/0.75", 1, 200)


@pytest.mark.parametrize(
    "chunk",
    [OPEN, VARIANT, Chunk("open loop", "cartpole", "policy", 2, 100), Chunk("evaluate", "snake", "", 0, 200), OBSERVED],
)
def test_a_chunk_proves_its_steps(chunk: Chunk) -> None:
    (section,) = run_chunk(chunk)
    assert section.verdict is Verdict.HOLDS and section.steps >= chunk.steps
    assert section.name.startswith(chunk.env)
    assert section.columns is None


BESIDE_PYTORCH = {
    Chunk("closed loop", "pendulum", "", 0, 900): "pendulum closed loop",
    Chunk("closed loop", "lunarlander", "0", 1, 300): "lunarlander closed loop, continuous=True",
    Chunk("drawn", "cartpole", "0", 1, 300): "cartpole actions, mlp:4-16-2,head=sample",
    Chunk("sweep", "", "tanh", 7, 5000): "tanh, all float32",
    Chunk("sweep", "", "relu", 31, 5000): "relu, all float32",
}


@pytest.mark.usefixtures("known_order")
def test_chunks_beside_pytorch_prove_their_steps() -> None:
    with WorkerPool(1, prepare_worker) as pool:
        for chunk, (found, _) in pool.map_unordered(run_timed, list(BESIDE_PYTORCH)):
            (section,) = found
            assert (section.name, section.verdict) == (BESIDE_PYTORCH[chunk], Verdict.HOLDS)
            # Whole episodes where `evaluate` is what is compared.
            assert section.steps >= chunk.steps if chunk.kind == "drawn" else section.steps == chunk.steps


def test_a_proof_is_resumed_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = merged_by_name(prove([OPEN], Journal(tmp_path), 1))
    assert [(section.verdict, section.steps) for section in first] == [(Verdict.HOLDS, 300)]
    # As if the next chunk's line had been cut short.
    journal = Journal(tmp_path)
    with journal.path.open("a") as stream:
        stream.write('{"chunk": "variant/sna')
    both = prove([OPEN, VARIANT], Journal(tmp_path), 2)
    assert [sections[0].steps for sections, _ in both] == [300, 200]
    assert both[0][0] == first

    def refuse(*arguments: object) -> None:
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(long, "WorkerPool", refuse)
    assert prove([OPEN, VARIANT], Journal(tmp_path), 2) == both


def test_a_changed_engine_or_another_version_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Journal(tmp_path).path
    assert Journal(tmp_path).path == before
    (tmp_path / "engine").write_bytes(b"another extension")
    with monkeypatch.context() as changed:
        changed.setattr(long._engine, "__file__", str(tmp_path / "engine"))  # type: ignore[attr-defined]
        assert Journal(tmp_path).path != before
    monkeypatch.setattr(long, "standing", lambda *packages: Standing({"torch": "9"}, ()))
    assert Journal(tmp_path).path != before


def test_what_a_worker_raises_comes_through_and_a_dead_worker_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chess"):
        prove([Chunk("evaluate", "chess", "", 0, 10)], Journal(tmp_path), 1)
    assert Journal(tmp_path).read() == {}
    with WorkerPool(1, prepare_worker) as pool, pytest.raises(EvalEngineError, match="a worker process died"):
        list(pool.map_unordered(os._exit, [1]))


def section(name: str, **changes: Any) -> Section:
    return Section(**{"name": name, "claim": Claim.EXACT, "steps": 10, **changes})


def test_sections_of_one_name_are_merged_in_order() -> None:
    merged = merged_by_name([([section("a"), section("b")], 1.0), ([section("a", mismatches=1)], 1.0)])
    assert [(part.name, part.steps, part.verdict) for part in merged] == [
        ("a", 20, Verdict.BROKEN),
        ("b", 10, Verdict.HOLDS),
    ]


def stand_in_cargo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\n{program}\n")
    cargo.chmod(0o755)
    monkeypatch.setattr(long.shutil, "which", lambda name: str(cargo))  # type: ignore[attr-defined]


def sweep_tanh(journal: Journal) -> Section:
    ((section,), _) = sweep(journal, Chunk("sweep_tanh", "", "", 0, 2**32), "tanh against its table")
    return section


@pytest.mark.parametrize(("exit_code", "verdict"), [(0, Verdict.HOLDS), (1, Verdict.BROKEN)])
def test_the_sweep_of_tanh_is_run_once_and_its_exit_code_judges(
    exit_code: int, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_cargo(tmp_path, monkeypatch, f"echo largest error 0.7 ulp; exit {exit_code}")
    journal = Journal(tmp_path / "journal")
    found = sweep_tanh(journal)
    assert (found.verdict, found.steps, found.notes) == (verdict, 2**32, ("largest error 0.7 ulp",))
    stand_in_cargo(tmp_path, monkeypatch, "exit 99")
    assert sweep_tanh(journal) == found


def test_a_sweep_that_does_not_run_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_cargo(tmp_path, monkeypatch, "exit 101")
    with pytest.raises(EvalEngineError, match="the sweep did not run \\(exit code 101\\)"):
        sweep_tanh(Journal(tmp_path / "journal"))
    monkeypatch.setattr(long.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    assert sweep_tanh(Journal(tmp_path / "journal")).unproven == "tanh against its table: needs cargo and the sources"


PARTS = ["networks", "snake", "cartpole"]


def evidence(*sections: Section, **where: str) -> Evidence:
    return Evidence(Report(sections, {"torch": "2.13.0"}), {**WHERE, **where}, 3661.4)


def test_the_tables_of_evidence_that_a_run_made_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "PARITY.md"
    path.write_text(f"before\n{BEGIN}\nstale numbers\n\n### chess\n\ndropped\n\n{END}\nafter\n")
    snake = evidence(section("snake open loop", events={"fruit": 1234}), section("b", steps=2_000_000))
    record_evidence(path, {"snake": snake}, PARTS)
    text = path.read_text()
    run = "Run of 2026-01-02T03:04:05+00:00: holds, on a CPU, Linux; commit abc; torch 2.13.0; 3,661 s of one core."
    assert text.startswith(f"before\n{BEGIN}\n\n### snake\n\n{run}\n\n| section |")
    assert text.endswith(f"\n\n{END}\nafter\n") and "stale" not in text and "chess" not in text
    assert "| snake open loop | 10 | 0 | 0 | holds |\n| b | 2,000,000 | 0 | 0 | holds |" in text
    assert "- snake open loop: fruit 1,234." in text
    record_evidence(path, {"snake": snake}, PARTS)
    assert path.read_text() == text


def test_parts_are_recorded_one_after_the_other_and_stand_in_order(tmp_path: Path) -> None:
    path = tmp_path / "PARITY.md"
    path.write_text(f"{BEGIN}\n{END}\n")
    record_evidence(path, {"cartpole": evidence(section("c"), commit="first")}, PARTS)
    record_evidence(path, {"networks": evidence(section("n"), commit="second", dirty="true")}, PARTS)
    record_evidence(path, {"snake": evidence(section("s", mismatches=1), commit="third")}, PARTS)
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### networks",
        "### snake",
        "### cartpole",
    ]
    assert [text.count(f"commit {name}") for name in ("first", "second with changes", "third")] == [1, 1, 1]
    assert text.index("commit second with changes") < text.index("broken, on a CPU") < text.index("commit first")


def test_a_file_without_a_place_for_evidence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "PARITY.md"
    path.write_text("no markers")
    with pytest.raises(InputError, match="expected the lines"):
        record_evidence(path, {"snake": evidence(section("s"))}, PARTS)
    assert path.read_text() == "no markers"


def test_every_chunk_belongs_to_one_part() -> None:
    parts = all_parts(entries())
    assert {chunk.part for chunk in all_chunks(entries(), 1, 1, genomes=100)} == set(parts)
    assert [chunk.part for chunk in (OPEN, VARIANT)] == ["cartpole", "snake"]
    assert all(chunk.part == "activations" for chunk, _ in long._SWEEPS)


def test_the_evidence_of_this_project_can_be_replaced() -> None:
    text = (Path(__file__).parents[2] / "parity" / "PARITY.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    for entry in entries():
        assert entry.id in text


@pytest.mark.usefixtures("known_order")
def test_the_command_runs_everything_and_leaves_a_report(tmp_path: Path) -> None:
    # Of the environments whose Gymnasium is slow LunarLander is enough: the others' chunks are of the same kinds.
    slow = {"carracing", "bipedalwalker", "bipedalwalkerhardcore"}
    parts = [part for part in all_parts(entries()) if part not in slow]
    options = ["--steps", "20", "--shapes", "2", "--genomes", "200", "--no-sweep", "--only", *parts]
    command = [sys.executable, "-m", "evalengine.parity.long", *options]
    finished = subprocess.run([*command, "--cache", str(tmp_path)], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Verdict: holds" in finished.stdout
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["verdict"] == "holds" and document["provenance"]["cores"] >= 1
    names = [found["name"] for found in document["sections"]]
    assert set(parts) - {"activations", "networks", "graphs"} <= {name.split()[0] for name in names}
    assert any(name.endswith(".activate") for name in names)
    again = subprocess.run([*command, "--cache", str(tmp_path)], capture_output=True, text=True, check=True)
    total = again.stderr.split(" chunks, ")[0]
    assert again.stderr.startswith(f"{total} chunks, {total} of them in ")


def test_one_part_is_proved_and_recorded_by_itself(tmp_path: Path) -> None:
    record = tmp_path / "PARITY.md"
    record.write_text(f"{BEGIN}\n\n### snake\n\nformer\n\n{END}\n")
    command = [sys.executable, "-m", "evalengine.parity.long", "--steps", "40", "--cache", str(tmp_path)]
    options = ["--only", "activations", "cartpole", "--no-sweep", "--record", str(record)]
    finished = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert "cartpole" in finished.stdout and "acrobot" not in finished.stdout, finished.stdout + finished.stderr
    headings = [line for line in record.read_text().splitlines() if line.startswith("### ")]
    assert headings == ["### snake", "### cartpole"] and "\nformer\n" in record.read_text()
    refused = subprocess.run([*command, "--only", "chess"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "invalid choice: 'chess'" in refused.stderr


def test_bad_numbers_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalengine.parity.long", "--steps", "0", "--cache", str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr == "error: --steps, --shapes, --genomes, --threads: expected at least 1\n"

"""The two streams: what goes wrong with them is told once, or not at all where nobody is left to be told."""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
import time
from pathlib import Path

import pytest
from rich.table import Table

from evalengine import Evaluation, Policy, evaluate, replay, streams
from evalengine.errors import InputError, OutputError
from evalengine.progress import progress_bar
from evalengine.terminal.progress import round_progress

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv(streams.TRACEBACK_VARIABLE, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def table_of(cell: str) -> Table:
    table = Table(title="title", title_style="bold red")
    table.add_column("column", no_wrap=True)
    table.add_row(cell, style="green")
    return table


def test_a_result_ends_in_one_newline(capsys: pytest.CaptureFixture[str]) -> None:
    streams.write_result("4.5")
    assert capsys.readouterr() == ("4.5\n", "")


def test_json_has_null_where_it_has_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    streams.write_json({"fitness": [1.5, math.nan, -math.inf], "nested": {"max": (math.inf, 2)}, "ok": True})
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert json.loads(text) == {"fitness": [1.5, None, None], "nested": {"max": [None, 2]}, "ok": True}


def test_tables_in_a_pipe_are_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    streams.write_renderables([table_of("9" * 500), "note [bold]:smile: 1"])
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "9" * 500 in text
    assert text.endswith("note [bold]:smile: 1\n")


def test_a_narrow_terminal_cuts_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    streams.write_renderables([table_of("9" * 50)])
    assert "9" * 50 in terminal.getvalue()


def test_tables_on_a_terminal_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    streams.write_renderables([table_of("1")])
    assert "\x1b[" in terminal.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    streams.write_renderables([table_of("1")])
    assert "\x1b[32m" not in terminal.getvalue()


def test_text_that_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_stream)
    streams.write_result("weights-\u00fc\udcff.npy")
    ascii_stream.seek(0)
    assert ascii_stream.read() == "weights-\\xfc\\udcff.npy\n"


def test_a_closed_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match=r"^output: cannot write the result to stdout: it is closed$"):
        streams.write_result("4.5")


def test_a_reader_that_has_left_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        streams.write_result("4.5")
        streams.write_result("still no error")


@needs_dev_full
def test_a_full_disk_behind_stdout_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputError, match=r"^output: cannot write the result to stdout: No space left on device$"):
            streams.write_result("4.5")


def test_an_error_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    streams.report_error(InputError("seeds: expected"), "seeds: expected")
    assert capsys.readouterr() == ("", "error: seeds: expected\n")


def test_notes_that_point_at_a_character_follow_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for error, notes in [(InputError("stop: no"), "    x =< 3\n      ^\n"), (ValueError("stop: no"), "")]:
        error.add_note("    x =< 3")
        error.add_note("      ^")
        streams.report_error(error, "stop: no")
        assert capsys.readouterr() == ("", f"error: stop: no\n{notes}")


def test_the_traceback_is_printed_if_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(streams.TRACEBACK_VARIABLE, "1")
    try:
        raise InputError("seeds: expected")
    except InputError as error:
        streams.report_error(error, "seeds: expected")
    text = capsys.readouterr().err
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("evalengine.errors.InputError: seeds: expected\nerror: seeds: expected\n")


def test_without_stderr_nothing_lands_in_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    streams.note("progress")
    with progress_bar("evaluating") as progress:
        assert progress is None
    assert capsys.readouterr().out == ""


@needs_dev_full
def test_a_full_disk_behind_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        streams.note("progress")
        streams.note("more")


def test_a_terminal_gets_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("evaluating") as progress:
        assert progress is not None
        progress(3, 8)
        progress(5, 8)
        progress(7, 8)
    shown = re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue())
    assert "evaluating" in shown
    assert re.search(r"7/8 episodes [\d,]+/s \S*\d:\d\d", shown)


def test_progress_true_draws_the_bar_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    policy = Policy("mlp:4-8-2")
    calls: list[Evaluation] = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        calls.append(evaluate("cartpole", policy.init(8, seed=0), policy, episodes=2, progress=True))
    assert re.search(r"16/16 episodes", re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue()))
    silent = evaluate("cartpole", policy.init(8, seed=0), policy, episodes=2, progress=False)
    assert calls[0].returns.tobytes() == silent.returns.tobytes()


def test_a_replay_draws_a_bar_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    policy = Policy("mlp:4-8-2")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        found = replay("cartpole", policy.init(2, seed=0), policy, episodes=2, progress=True)
    steps = int(sum(found.returns))
    assert re.search(rf"{steps}/{steps} steps", re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue()))


def test_progress_false_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    policy = Policy("mlp:4-8-2")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        evaluate("cartpole", policy.init(8, seed=0), policy, progress=False)
    assert terminal.getvalue() == ""


def test_a_log_gets_a_line_a_minute(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    with progress_bar("evaluating") as progress:
        assert progress is not None
        for now, done in ((1000.1, 2000), (1059.9, 2500), (1060.0, 3500), (1119.0, 4000), (1120.0, 4400)):
            clock.append(now)
            progress(done, 10_000)
    # 2,000 episodes were an earlier process's: (3500 - 2000) / 60 s = 25/s, and 6,500 are left.
    assert capsys.readouterr().err.splitlines() == [
        "evaluating: 3,500 of 10,000 episodes, 25.0 episodes/s, 0:04:20 left",
        "evaluating: 4,400 of 10,000 episodes, 20.0 episodes/s, 0:04:40 left",
    ]


def test_a_short_evaluation_logs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("evaluating") as progress:
        assert progress is not None
        progress(8, 8)
    assert capsys.readouterr() == ("", "")


# Tables that are wider than the terminal


def wide_table() -> Table:
    table = Table(title="title", caption="caption")
    table.add_column("individual", no_wrap=True)
    table.add_column("mean", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_row("7", "1" * 20, "best", style="green")
    table.add_row("8", "2" * 20, "")
    return table


def written(monkeypatch: pytest.MonkeyPatch, columns: int, *renderables: Table | str) -> str:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    streams.write_renderables(renderables)
    return terminal.getvalue()


def plain(text: str) -> str:
    """Without colours and styles."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_table_that_is_too_wide_becomes_records(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain(written(monkeypatch, 30, wide_table(), "a line")).split("\n") == [
        "title",
        "",
        "individual  7",
        f"mean        {'1' * 20}",
        "            best",
        "",
        "individual  8",
        f"mean        {'2' * 20}",
        "",
        "caption",
        "a line",
        "",
    ]


def test_a_table_turns_into_records_one_column_before_it_would_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = plain(written(monkeypatch, 200, wide_table()))
    width = max(len(line) for line in whole.splitlines())
    assert plain(written(monkeypatch, width, wide_table())) == whole
    assert "individual  7" in plain(written(monkeypatch, width - 1, wide_table()))


def test_a_title_is_not_broken_within_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    table = streams.plain_table("LunarLander-v3  cnn:4x84x84-32k8s4-64k4s2-64k3-512-4  10 episodes each")
    table.add_column("individual")
    table.add_row("7")
    lines = [line.rstrip() for line in plain(written(monkeypatch, 60, table)).splitlines()]
    assert lines[:2] == ["LunarLander-v3  cnn:4x84x84-32k8s4-64k4s2-64k3-512-4  10", "episodes each"]
    assert "individual" in lines[3] and table.title is not None


def test_records_keep_the_colour_of_their_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"\x1b[32mmean        {'1' * 20}\x1b[0m" in written(monkeypatch, 30, wide_table())


def test_a_column_that_may_wrap_does_so(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("claim", "EXACT: every bit of an episode")
    assert written(monkeypatch, 25, table) == "claim  EXACT: every bit\n       of an episode\n"
    assert written(monkeypatch, 12, table) == "claim: EXACT: every bit of an episode\n"


def test_a_benchmark_shows_lines_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with round_progress("starting") as (line, doing, count):
        doing("warming up")
        line("round 1 [bold]")
        count(1, 8)
    assert capsys.readouterr() == ("", "round 1 [bold]\n")


def test_a_benchmark_shows_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    with round_progress("starting") as (line, doing, count):
        doing("warming up")
        line("round 1 [bold]")
        count(3, 8)
    text = terminal.getvalue()
    assert "warming up" in text
    assert "3/8" in text and "left" in text and "round 1 [bold]" in text


def test_lines_without_a_table_are_a_result_too(capsys: pytest.CaptureFixture[str]) -> None:
    streams.write_renderables(["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"

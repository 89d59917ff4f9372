"""The command line: what it parses, where it prints, and which exit code it returns."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalengine import _engine, errors
from evalengine.terminal import app
from evalengine.terminal.bench import run as bench
from evalengine.terminal.bench.run import BenchConfig, BenchResult

HEAVY = {"numpy", "pandas", "torch", "gymnasium", "rich", "pydantic", "evalengine._engine"}

Captured = pytest.CaptureFixture[str]


def evalengine(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evalengine", *arguments], capture_output=True, text=True, check=False, **options
    )


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def failing_bench(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(config: BenchConfig, *progress: Callable[..., object]) -> BenchResult:
        raise error

    monkeypatch.setattr(bench, "run", run)


# Help, version, usage

COMMANDS: list[list[str]] = [[], ["evaluate"], ["replay"], ["draw"], ["bench"], ["compare"], ["parity"], ["envs"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_goes_to_stdout(command: list[str]) -> None:
    finished = evalengine(*command, "--help")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith(f"Usage: {' '.join(['evalengine', *command])} ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_none_of_typers_own_marks(command: list[str], capsys: Captured) -> None:
    assert app.main([*command, "--help"]) == 0
    assert re.search(r"<\w|\w>|\{WEIGHTS|x>=|if left out", capsys.readouterr().out) is None


def test_help_lists_commands_and_exit_codes(capsys: Captured) -> None:
    assert app.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert app.main(["-h"]) == 0
    assert capsys.readouterr().out == text
    assert "  evaluate  Evaluate the individuals in one or more weights files.\n" in text
    assert "  replay    Replay one individual in Gymnasium; record or watch it.\n" in text
    assert "  envs      List the environments.\n" in text
    assert "  bench     Measure the engine's speed against the alternatives.\n" in text
    assert "  compare   Compare two benchmark runs.\n" in text
    assert " ".join(text.split()).endswith(app.EXIT_CODES)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; from evalengine.terminal.app import main; code = main(sys.argv[1:]);"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    finished = python(code, *command, "--help")
    assert (finished.returncode, finished.stderr) == (0, "[]\n")


def test_version_names_version_and_build(capsys: Captured) -> None:
    assert app.main(["--version"]) == 0
    info = _engine.build_info()
    text = capsys.readouterr().out
    assert text.startswith(f"evalengine {info['version']} (")
    assert f"commit {info['commit']}" in text


def test_without_a_command_the_help_is_an_error(capsys: Captured) -> None:
    assert app.main([]) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: evalengine")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["measure"], "No such command 'measure'"),
        (["bench"], "Missing argument 'ENV|all'"),
        (["bench", "snake", "--round", "3"], "No such option: --round"),
        (["bench", "snake", "--rounds", "three"], "Invalid value for '--rounds'"),
        (["bench", "snake", "--workload", "easy"], "Invalid value for '--workload'"),
        (["bench", "snake", "extra"], "extra"),
        (["evaluate", "w.npy", "--top", "-1"], "Invalid value for '--top'"),
        (["evaluate", "w.npy", "--env"], "--env"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], expected: str, capsys: Captured) -> None:
    assert app.main(arguments) == app.BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert expected in captured.err
    assert "--help)" in captured.err


# Exit codes


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.InputError("rounds: expected"), 2, "rounds: expected"),
        (errors.NonFiniteError("weights: expected", 1, 2), 2, "weights: expected"),
        (errors.MissingDependencyError.of("a", extra="b"), 3, "a is not installed: pip install 'evalengine[b]'"),
        (ModuleNotFoundError("No module named 'pandas'"), 3, "No module named 'pandas'"),
        (errors.UnsupportedError("EnvPool has no Snake"), 2, "EnvPool has no Snake"),
        (errors.OutputError("output: cannot write"), 4, "output: cannot write"),
        (OSError(28, "No space left on device"), 4, "[Errno 28] No space left on device"),
        (BrokenPipeError(32, "Broken pipe"), 4, "[Errno 32] Broken pipe"),
        (MemoryError(), 4, "MemoryError: (EVALENGINE_TRACEBACK=1 shows where)"),
        (RuntimeError("two\n  lines"), 4, "RuntimeError: two lines (EVALENGINE_TRACEBACK=1 shows where)"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_exit_code(
    error: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    failing_bench(monkeypatch, error)
    assert app.main(["bench", "snake"]) == code
    assert capsys.readouterr() == ("", f"error: {message}\n")


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    failing_bench(monkeypatch, KeyboardInterrupt())
    assert app.main(["bench", "snake"]) == app.INTERRUPTED
    assert capsys.readouterr() == ("", "interrupted\n")


def test_ctrl_c_ends_a_running_evaluation(tmp_path: Path) -> None:
    from evalengine import Policy

    policy = Policy("mlp:4-64-2")
    policy.save(tmp_path / "w.npy", policy.init(64, seed=0), "cartpole")
    code = (
        "import contextlib, signal, sys\n"
        "from evalengine.terminal import app\n"
        "from evalengine.terminal.evaluate import wiring\n"
        "@contextlib.contextmanager\n"
        "def progress(*what):\n"
        "    yield lambda done, total: signal.raise_signal(signal.SIGINT)\n"
        "wiring.progress_bar = progress\n"
        "sys.exit(app.main(sys.argv[1:]))\n"
    )
    out = tmp_path / "out.csv"
    finished = python(code, "evaluate", str(tmp_path / "w.npy"), "--episodes", "1000", "--out", str(out))
    assert (finished.returncode, finished.stdout, finished.stderr) == (130, "", "interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.npy", "w.npy.json"]


def test_the_traceback_can_be_asked_for() -> None:
    finished = evalengine("bench", "chess", env=os.environ | {"EVALENGINE_TRACEBACK": "1"})
    assert finished.returncode == app.BAD_INPUT
    assert finished.stderr.startswith("Traceback (most recent call last):\n")
    assert finished.stderr.splitlines()[-1].startswith("error: ")


def test_the_exit_code_reaches_the_shell() -> None:
    finished = evalengine("bench", "carpole")
    assert (finished.returncode, finished.stdout) == (app.BAD_INPUT, "")
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1
    assert "CartPole-v1" in finished.stderr


def test_main_is_what_the_console_script_calls() -> None:
    finished = python(
        "import sys; from evalengine.terminal.app import main; sys.argv[1:] = ['--version']; sys.exit(main())"
    )
    assert finished.returncode == 0
    assert finished.stdout.startswith("evalengine ")


def test_a_missing_extension_is_a_missing_dependency() -> None:
    finished = python(
        "import sys; sys.modules['evalengine._engine'] = None;"
        "from evalengine.terminal.app import main; sys.exit(main(['--version']))"
    )
    assert (finished.returncode, finished.stdout) == (app.MISSING_DEPENDENCY, "")
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1


# Streams


@pytest.mark.parametrize("arguments", [["--help"], ["bench", "--help"], ["--version"], ["envs"], ["envs", "--json"]])
def test_a_reader_that_has_left_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "evalengine", *arguments]
    finished = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [["--help"], ["bench", "--help"], ["--version"], ["envs"], ["envs", "--json"]])
def test_a_full_disk_behind_stdout_is_an_error(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "evalengine", *arguments]
    for unbuffered in ("", "1"):  # as images of containers set it
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        with open("/dev/full", "w") as full:
            finished = subprocess.run(
                command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment
            )
        message = "error: output: cannot write the result to stdout: No space left on device\n"
        assert (finished.returncode, finished.stderr) == (app.INTERNAL, message)


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs a POSIX shell")
@pytest.mark.parametrize(("redirection", "code"), [(">&-", 4), ("2>&-", 0), (">/dev/null 2>&-", 0)])
def test_closed_streams_are_no_crash(redirection: str, code: int) -> None:
    finished = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m evalengine --version {redirection}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == code
    assert "Traceback" not in finished.stderr


# Locales, terminals, pipes

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "weights" / "cartpole.npy"
COMMANDS = [["envs"], ["envs", "lunarlander"], ["evaluate", str(TRAINED)], ["replay", str(TRAINED)], ["--version"]]


def without(*names: str, **values: str) -> dict[str, str]:
    """The environment variables of this process, without some and with others."""
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | values


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii streams", "C locale"],
)
def test_a_locale_without_unicode_is_no_obstacle(arguments: list[str], locale: dict[str, str]) -> None:
    environment = without("PYTHONUTF8", "LANG", "LC_CTYPE", **locale)
    finished = subprocess.run(
        [sys.executable, "-m", "evalengine", *arguments], capture_output=True, check=False, env=environment
    )
    assert finished.returncode == 0
    assert finished.stdout.isascii() and finished.stderr.isascii()
    assert b"\\u" not in finished.stdout


def on_a_terminal(arguments: list[str], **variables: str) -> str:
    """What a command writes to a terminal (both streams), with these environment variables."""
    import pty

    controller, terminal = pty.openpty()
    environment = without("COLUMNS", "NO_COLOR", "FORCE_COLOR", **{"TERM": "xterm-256color"} | variables)
    with subprocess.Popen(
        [sys.executable, "-m", "evalengine", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    ) as process:
        os.close(terminal)
        written = b""
        try:
            while piece := os.read(controller, 1 << 16):
                written += piece
        except OSError:  # Linux' way to say that the other end is closed
            pass
    os.close(controller)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_narrow_terminal_is_written_line_by_line(arguments: list[str]) -> None:
    """No table is wider than 40 columns, and no cell is cut short."""
    text = on_a_terminal(arguments, COLUMNS="40", NO_COLOR="1")
    assert "\u2026" not in text and "\u2500" not in text
    if arguments == ["envs"]:
        assert "\nid           LunarLander-v3\nobservation  (8,) float32\n" in text
    if arguments[0] == "replay":
        assert "\nreturn      500.0\nevaluate's  500.0\nsteps       500\n" in text


def test_a_wide_terminal_has_tables() -> None:
    text = on_a_terminal(["envs"], COLUMNS="200", NO_COLOR="1")
    assert "\u2500" * 100 in text
    assert any(line.split()[:2] == ["LunarLander-v3", "lunarlander"] for line in text.splitlines())


@pytest.mark.parametrize("columns", ["0", "1", "-5", "many", ""])
def test_a_width_that_is_none_is_no_crash(columns: str) -> None:
    assert "LunarLander-v3" in on_a_terminal(["envs"], COLUMNS=columns, NO_COLOR="1").replace("\n", "")


def test_colours_are_for_those_who_want_them() -> None:
    evaluate = ["evaluate", str(TRAINED)]
    coloured = "\x1b[1;32m"
    assert coloured in on_a_terminal(evaluate)
    assert coloured not in on_a_terminal(evaluate, NO_COLOR="1")
    assert coloured not in on_a_terminal(evaluate, NO_COLOR="1", FORCE_COLOR="1")
    assert "\x1b[" not in evalengine(*evaluate, env=without("FORCE_COLOR")).stdout
    forced = evalengine(*evaluate, env=without("NO_COLOR", FORCE_COLOR="1", COLUMNS="40")).stdout
    assert coloured in forced
    assert "individual" in forced.splitlines()[2] and "mean length" in forced.splitlines()[2], "a pipe has no width"

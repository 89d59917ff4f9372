"""The command line's answers, for tests: the document of a run that succeeds, the line of one that is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evalengine.terminal import app

Captured = pytest.CaptureFixture[str]


def document(command: str, capsys: Captured, *arguments: object, code: int = app.OK, notes: bool = False) -> Any:
    """Runs a command with --json, which must end with `code`, and returns what it prints.

    Unless it may write `notes` there, nothing must stand on stderr.
    """
    assert app.main([command, *map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    assert notes or captured.err == ""
    return json.loads(captured.out)


def refusal(command: str, capsys: Captured, *arguments: object, code: int = app.BAD_INPUT) -> str:
    """Runs a command, which must fail with one line on stderr, and returns that line without "error: "."""
    assert app.main([command, *map(str, arguments)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")

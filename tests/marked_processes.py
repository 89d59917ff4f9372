"""A program and all processes that it ever starts, found by an environment variable, also once their parent is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

# A bound for a test that would fail, not a measure: each wait ends as soon as what it waits for is there.
_AT_MOST = 120.0


class MarkedProgram:
    """`python -m evalengine ...`, whose descendants inherit a mark; needs Linux's /proc."""

    def __init__(self, *arguments: str) -> None:
        self._mark = f"EVALENGINE_TESTS_MARK={uuid.uuid4().hex}"
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evalengine", *arguments],
            env=os.environ | {name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def alive(self) -> list[int]:
        """The processes that bear the mark and are no zombies."""
        return [
            int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and self._is_ours(folder)
        ]

    def _is_ours(self, folder: Path) -> bool:
        try:
            is_marked = self._mark.encode() in (folder / "environ").read_bytes()
            return is_marked and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the program does; fail if it ends before."""
        deadline = time.monotonic() + _AT_MOST
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal to the program alone; its status and stderr, once all that it has started has ended."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=_AT_MOST)
        deadline = time.monotonic() + _AT_MOST
        while left := self.alive():
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.01)
        return self.process.returncode, errors

    def __enter__(self) -> MarkedProgram:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.alive():
            os.kill(process, 9)
        self.process.communicate()

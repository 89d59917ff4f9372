"""Resident memory of a process and all its descendants, from Linux's /proc: now, and its peak since a moment.

Each process has a peak of its own; their sum is what is reported, so it is an upper bound of what all of them held at
one moment. Pages that processes share count once for each.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from evalengine.errors import UnsupportedError

_PROC = Path("/proc")


@dataclass(frozen=True)
class Resident:
    """The processes that are watched, and what they held when that began.

    Attributes:
        processes: their ids.
        bytes_before: resident bytes of all of them together at the beginning.
    """

    processes: tuple[int, ...]
    bytes_before: int

    @classmethod
    def of_this_process_and_its_children(cls) -> Resident:
        """Begin to watch: peaks count from here.

        Raises:
            UnsupportedError: this system does not let a process look at its peak and reset it.
        """
        processes = (os.getpid(), *descendants(os.getpid()))
        for process in processes:
            try:
                (_PROC / str(process) / "clear_refs").write_text("5")  # proc(5): resets the peak resident set size
            except OSError as error:
                raise UnsupportedError(
                    f"memory: expected Linux with /proc/PID/clear_refs, got {error.strerror or error}"
                ) from None
        return cls(processes, sum(_status_bytes(process, "VmRSS") for process in processes))

    def peak_bytes(self) -> int:
        """The sum of the largest resident set of each process since the beginning, new processes included."""
        processes = {*self.processes, *descendants(os.getpid())}
        return sum(_status_bytes(process, "VmHWM") for process in processes)


def resident_bytes() -> int:
    """What this process holds now.

    Raises:
        UnsupportedError: this system does not say.
    """
    size = _status_bytes(os.getpid(), "VmRSS")
    if size == 0:
        raise UnsupportedError("resident: expected Linux with /proc/PID/status, got none")
    return size


def descendants(process: int) -> list[int]:
    """The ids of all processes that `process` started, and of those that they started, as far as they still run."""
    found = []
    for task in (_PROC / str(process) / "task").iterdir():
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # The thread has ended meanwhile.
        for child in children:
            found += [child, *descendants(child)]
    return found


def _status_bytes(process: int, field: str) -> int:
    """A size in /proc/PID/status; 0 for a process that has ended."""
    try:
        lines = (_PROC / str(process) / "status").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        name, _, rest = line.partition(":")
        if name == field:
            return 1024 * int(rest.split()[0])
    return 0

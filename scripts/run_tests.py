"""Runs every test of the project, Rust (debug and optimised) then Python, and ends with their counts.

Cargo prints one result line per test binary, so the total is summed here. All suites always run: a failing Rust test
does not hide what Python has to say. Python's files are dealt to a process for each core by pytest-xdist; cargo's tests
use all cores anyway. Exit status 1 if any test failed, a suite ran none, or a test of Python was skipped for a reason
that is not in `EXPECTED_SKIPS`: a claim that is not looked at must not look like one that holds.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CARGO_RESULT = re.compile(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored")
# With xdist as without: "SKIPPED [2] tests/test_a.py:34: why", the line number where there is one.
PYTEST_SKIP = re.compile(r"^SKIPPED \[(\d+)\] (?:\S*/)?(tests/[\w/]+\.py)(?::\d+)?: (.*)$", re.MULTILINE)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
PYTEST_SUMMARY = re.compile(r"^=* ?(?:\d+ \w+(?:, )?)+ in [\d.]+s")


@dataclass(frozen=True)
class Counts:
    """How many tests of a suite passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def cargo_counts(output: str) -> Counts:
    """The sum over cargo's result lines, one for each test binary and each crate's documentation."""
    return sum((Counts(*map(int, counts)) for counts in CARGO_RESULT.findall(output)), start=Counts())


def pytest_counts(output: str) -> Counts:
    """The counts of pytest's last summary line; an error while collecting or setting up counts as a failure."""
    summaries = [line for line in output.splitlines() if PYTEST_SUMMARY.match(line)]
    found = {outcome: int(count) for count, outcome in PYTEST_COUNT.findall(summaries[-1] if summaries else "")}
    return Counts(found.get("passed", 0), found.get("failed", 0) + found.get("error", 0), found.get("skipped", 0))


# What CI does not have: (files in tests, how reasons begin, where to get it). Where it is there nothing is skipped.
EXPECTED_SKIPS = (
    (r"bench/test_bench_peers", r"(envpool|gymnax|jax) is not installed", "requirements/peers.txt"),
    (r"project/test_slot_ins", r"[\w, ]+ not installed: see requirements/examples.txt", "requirements/examples.txt"),
    (r"clusters/test_mpi", r"could not import 'mpi4py'|no mpiexec here", "mpi4py and an MPI"),
    # A PyTorch whose MKL cannot be kept from its sums for Intel's processors, or has others: the probe finds them.
    (
        r"parity/test_(parity|closed_loops)_\w+|terminal/test_cli_parity|project/test_docs",
        r"PyTorch on this machine (sums in another order|computes tanh otherwise)",
        "PyTorch with MKL, as PyPI has it",
    ),
)


def is_promised_platform() -> bool:
    """Whether this is what the README's promises are made for; elsewhere tests run as far as libm and system allow."""
    return (
        sys.platform == "linux"
        and platform.machine() == "x86_64"
        and platform.libc_ver()[0] == "glibc"
        # Without fused multiply-adds glibc's sin and pow have other bits than the recorded ones.
        and " fma " in Path("/proc/cpuinfo").read_text()
    )


def unexpected_skips(output: str) -> list[str]:
    """The skips of pytest's summary that no line of `EXPECTED_SKIPS` foresees."""
    return [
        f"{file}: {reason}"
        for _, file, reason in PYTEST_SKIP.findall(output)
        if not any(
            re.fullmatch(rf"tests/(?:{expected})\.py", file) and re.match(pattern, reason)
            for expected, pattern, _ in EXPECTED_SKIPS
        )
    ]


def unlisted_skips(output: str, counts: Counts) -> int:
    """How many tests were skipped without a line that says why: zero, unless the lines have changed their form."""
    return counts.skipped - sum(int(number) for number, *_ in PYTEST_SKIP.findall(output))


def run(command: Sequence[str]) -> tuple[int, str]:
    """Runs a command in the project's root, shows its output as it comes, and returns its status and output."""
    print("$", *command, flush=True)
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CARGO_TEST = (
    *(os.environ.get("CARGO", "cargo"), "test", "--manifest-path", "rust/Cargo.toml"),
    *("--workspace", "--locked", "--no-fail-fast"),
)
# Each worker holds PyTorch and starts processes and threads of its own: more than these would want memory, not cores.
MOST_WORKERS = 4
# A file's tests stay together and in order: what a module makes once is made once, and some add up what others found.
# In the order in which they are collected, which conftest.py begins with the longest, so that none is left for the end.
PYTEST = (
    *(sys.executable, "-m", "pytest", "--color=no"),
    *(f"--numprocesses={min(cores(), MOST_WORKERS)}", "--dist=loadfile", "--no-loadscope-reorder"),
    *("--durations=40", "--durations-min=5"),  # what to look at when CI takes too long
)
# Optimised code must give the same bits: some traps, such as pow(x, 2.0) folded to x * x, exist only there. Link-time
# optimisation moves no floating-point operation and would be paid for in every test binary.
OPTIMISED = (
    *("--release", "--lib", "--tests"),
    *("--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"),
)
SUITES: tuple[tuple[str, tuple[str, ...], Callable[[str], Counts]], ...] = (
    ("rust", CARGO_TEST, cargo_counts),
    ("rust, optimised", (*CARGO_TEST, *OPTIMISED), cargo_counts),
    ("python", PYTEST, pytest_counts),
)


def main() -> int:
    """Runs all suites and prints the counts of each, then of all."""
    total, complete = Counts(), True
    summary = []
    for name, command, counts_of in SUITES:
        status, output = run(command)
        counts = counts_of(output)
        summary.append(f"{name}: {counts}")
        total += counts
        complete = complete and status == 0 and counts.passed > 0
        if name == "python" and is_promised_platform():
            unexpected = unexpected_skips(output)
            if unlisted := unlisted_skips(output, counts):
                unexpected.append(f"{unlisted} skips without a line that says why")
            summary += [f"unexpected skip: {skip}" for skip in unexpected]
            complete = complete and not unexpected
    print("", *summary, total, sep="\n")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())

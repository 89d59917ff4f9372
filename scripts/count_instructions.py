"""How many instructions a step of each workload takes, which valgrind counts: a guard of speed that noise cannot reach.

    workloads ──► played under callgrind ──► instructions per step ──► rust/instructions.csv, or compared with it

Times differ from run to run by more than most regressions; the instructions of one build do not. They are no time: what
waits for memory, or for the result before, costs no instruction. A step that takes 2% more than recorded fails; whoever
means it records anew (`make instructions`) and says in the commit why. Counts are those of one compiler, one C library
and AVX2, the best that valgrind knows: elsewhere nothing is compared, which is said in a frame and is no failure. They
are those of `make build`, too; other profiles inline less.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "rust" / "instructions.csv"

MOST_GROWTH = 0.02
"""By how much a step's instructions may grow before it is a regression."""

# The extension's function that everything happens in: what is counted, and where each count ends.
COUNTED = "_engine::evaluate::__pyfunction_evaluate"


@dataclass(frozen=True)
class Plays:
    """What is played of a workload: enough for some million instructions, and a few resets."""

    environment: str
    workload: str
    population: int
    episodes: int
    limit: int | None = None
    policy: str | None = None


PLAYED = (
    Plays("cartpole", "random", 64, 16),
    Plays("cartpole", "trained", 16, 1),
    Plays("cartpole", "random", 64, 16, policy="mlp:4-16-2"),
    Plays("cartpole", "trained", 16, 1, policy="mlp:4-16-2"),
    Plays("acrobot", "random", 16, 1),
    Plays("acrobot", "trained", 16, 4),
    Plays("pendulum", "random", 16, 4),
    Plays("pendulum", "trained", 16, 4),
    Plays("mountaincar", "random", 16, 4),
    Plays("mountaincar", "trained", 16, 4),
    Plays("mountaincarcontinuous", "random", 16, 1, 300),
    Plays("mountaincarcontinuous", "trained", 16, 4),
    Plays("lunarlander", "random", 16, 4),
    Plays("lunarlander", "trained", 8, 4),
    Plays("lunarlander", "random", 4, 8, policy="mlp:8-256-256-4"),
    Plays("bipedalwalker", "random", 8, 4, 150),
    Plays("bipedalwalker", "trained", 8, 4, 150),
    Plays("snake", "random", 4, 8, 60),
    Plays("snake", "trained", 4, 8, 60),
    Plays("carracing", "random", 1, 2, 25),
    Plays("carracing", "trained", 1, 1, 40),
    Plays("carracing", "trained", 1, 1, 40, policy="mlp:27648-3"),
)


@dataclass(frozen=True)
class Count:
    """One line of the file."""

    environment: str
    workload: str
    policy: str
    steps: int
    instructions_per_step: int

    @property
    def name(self) -> str:
        """What is counted: counts of one name are compared."""
        return f"{self.environment} {self.workload} {self.policy}"


def play() -> None:
    """Play everything, the first once more beforehand; a line with name and steps for each. Run under valgrind."""
    from evalengine import evaluate
    from evalengine.environments.registry import resolve
    from evalengine.workloads.catalogue import workload

    for plays in (PLAYED[0], *PLAYED):
        known = workload(plays.workload, resolve(plays.environment), plays.policy)
        known = replace(known, population=plays.population, episodes=plays.episodes)
        result = evaluate(
            known.env_id,
            known.weights(),
            known.policy,
            seeds=known.seeds(),
            max_episode_steps=plays.limit,
            threads=1,
        )
        print(plays.environment, plays.workload, known.policy, result.steps, flush=True)


def counted() -> list[Count]:
    """Play under valgrind; what everything took per step."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={out}",
            f"--toggle-collect={COUNTED}",
            f"--dump-after={COUNTED}",
            sys.executable,
            __file__,
            "--play",
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=surroundings(os.environ), check=False)
        if done.returncode != 0:
            sys.exit(f"instructions: valgrind failed\n{done.stdout}{done.stderr}")
        totals = [total_of((out.parent / f"{out.name}.{number}").read_text()) for number in range(1, len(PLAYED) + 2)]
    # The first call also asks the processor and the C library what they are.
    return counts_of(done.stdout.splitlines()[1:], totals[1:])


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that are played with: AVX2, and the same hashes every time."""
    return {**environment, "EVALENGINE_ISA": "avx2", "PYTHONHASHSEED": "0"}


def total_of(dump: str) -> int:
    """The instructions of one of callgrind's files."""
    found = re.search(r"^(?:totals|summary): (\d+)$", dump, re.MULTILINE)
    total = int(found.group(1)) if found else 0
    if total == 0:
        sys.exit(f"instructions: expected valgrind to count {COUNTED}, got nothing: is the extension stripped?")
    return total


def counts_of(lines: Sequence[str], totals: Sequence[int]) -> list[Count]:
    """What `play` printed, and the instructions of each."""
    counts = []
    for line, total in zip(lines, totals, strict=True):
        environment, workload, policy, steps = line.split()
        counts.append(Count(environment, workload, policy, int(steps), round(total / int(steps))))
    return counts


def kind() -> str:
    """On what counts depend beside the code; two kinds are not compared."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.split()[:2]
    return f"{' '.join(rustc)}, {'-'.join(platform.libc_ver())}, avx2"


def write(path: Path, counts: Sequence[Count], of_kind: str) -> None:
    """Write the file, whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        file.write(f"# {of_kind}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Count)])
        writer.writerows(astuple(count) for count in counts)
    part.replace(path)


def read(path: Path) -> tuple[str, list[Count]]:
    """What was recorded: of which kind, and the counts."""
    first, *lines = path.read_text().splitlines()
    rows = csv.DictReader(lines)
    counts = [
        Count(
            row["environment"],
            row["workload"],
            row["policy"],
            int(row["steps"]),
            int(row["instructions_per_step"]),
        )
        for row in rows
    ]
    return first.removeprefix("# "), counts


def verdicts(recorded: Sequence[Count], now: Sequence[Count]) -> tuple[list[str], list[str]]:
    """What is worse than recorded, a line each, and what is only different."""
    before = {count.name: count for count in recorded}
    worse, different = [], []
    for count in now:
        known = before.pop(count.name, None)
        if known is None:
            worse.append(f"{count.name}: expected a recorded count, got none")
            continue
        if known.steps != count.steps:
            worse.append(f"{count.name}: expected {known.steps} steps, got {count.steps}")
            continue
        growth = count.instructions_per_step / known.instructions_per_step - 1
        line = f"{count.name}: {known.instructions_per_step:,} -> {count.instructions_per_step:,} ({growth:+.1%})"
        if count.instructions_per_step > known.instructions_per_step * (1 + MOST_GROWTH):
            worse.append(line)
        elif count.instructions_per_step < known.instructions_per_step * (1 - MOST_GROWTH):
            different.append(line)
    worse += [f"{name}: recorded, but no longer counted" for name in before]
    return worse, different


def why_not(of_kind: str | None) -> str | None:
    """Why nothing can be counted or compared here; None if it can. `of_kind` is that of the record, if any."""
    if platform.machine() != "x86_64":
        return f"expected x86_64, got {platform.machine()}"
    for program, where in (("valgrind", "apt-get install valgrind"), ("rustc", "https://rustup.rs")):
        if shutil.which(program) is None:
            return f"{program} is not installed ({where})"
    if of_kind not in (None, here := kind()):
        return f"recorded with {of_kind}, here is {here}"
    return None


def say_not_compared(reason: str) -> None:
    """Say it so that nobody takes silence for a comparison: in a frame, and as GitHub shows warnings."""
    line = f"instructions: NOT COMPARED: {reason}"
    note = "Nothing in this run notices a step that takes more instructions than rust/instructions.csv has."
    rule = "!" * max(len(line), len(note))
    print(rule, line, note, rule, sep="\n", file=sys.stderr, flush=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(f"::warning title=make counted::{line}", flush=True)


def main() -> int:
    """Count, and compare or record; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.relative_to(ROOT)} anew")
    parser.add_argument("--play", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.play:
        play()
        return 0
    of_kind, recorded = (None, []) if arguments.record else read(RECORDED)
    if (reason := why_not(of_kind)) is not None:
        say_not_compared(reason)
        return int(arguments.record)
    print(f"instructions: counting {len(PLAYED)} workloads under valgrind: 100 seconds", flush=True)
    counts = counted()
    if arguments.record:
        write(RECORDED, counts, kind())
        print(f"instructions: {len(counts)} workloads recorded in {RECORDED.relative_to(ROOT)}")
        return 0
    worse, different = verdicts(recorded, counts)
    for line in different:
        print(f"fewer instructions: {line}")
    for line in worse:
        print(f"more instructions: {line}", file=sys.stderr)
    print(f"instructions: {len(counts)} workloads, {len(worse)} worse; `make instructions` records them anew")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())

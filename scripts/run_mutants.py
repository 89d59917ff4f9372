"""Changes the code of files, journals and shares, one expression at a time, and tells which changes no test notices.

    make mutants ──► .cache/mutants: a copy of package and tests ──► mutmut ──► rates, and each survivor's diff

mutmut takes its settings from a pyproject.toml beside the package and names modules by their path, so the copy has the
package at its top, and mutmut.toml joined to this project's settings. Takes some minutes; a second run goes on where
the first was interrupted. Exit status 1 if mutmut itself failed: survivors are for people to judge.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".cache" / "mutants"
# mutmut's exit statuses of the tests: what a test fell over, hung at or died of was noticed.
_NOTICED = {1: "killed", 3: "killed", 36: "timeout", 24: "timeout", -24: "timeout", 255: "timeout", -11: "crashed"}
_LEFT = {0: "survived", 33: "no tests"}


def copied() -> None:
    """Lay out the copy; what mutmut has found so far (its folder `mutants`) stays."""
    COPY.mkdir(parents=True, exist_ok=True)
    for source, name in ((ROOT / "cli" / "evalengine", "evalengine"), (ROOT / "tests", "tests")):
        shutil.rmtree(COPY / name, ignore_errors=True)
        shutil.copytree(source, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = [(ROOT / "pyproject.toml").read_text(), Path(__file__).with_name("mutmut.toml").read_text()]
    (COPY / "pyproject.toml").write_text("\n".join(settings))
    (COPY / "scripts").mkdir(exist_ok=True)


def found() -> dict[str, Counter[str]]:
    """How many mutants of each file were noticed, survived, or are run by no test."""
    outcomes: dict[str, Counter[str]] = {}
    for path in sorted((COPY / "mutants").rglob("*.meta")):
        statuses = json.loads(path.read_text())["exit_code_by_key"].values()
        names = [_NOTICED.get(status, _LEFT.get(status, f"status {status}")) for status in statuses]
        if names:
            outcomes[path.relative_to(COPY / "mutants").as_posix().removesuffix(".meta")] = Counter(names)
    return outcomes


def table(outcomes: dict[str, Counter[str]]) -> list[str]:
    """A line for each file: the rate of what was noticed, then what happened how often."""
    lines = []
    for name, counts in [*outcomes.items(), ("all", sum(outcomes.values(), Counter()))]:
        noticed = sum(counts[outcome] for outcome in set(_NOTICED.values()))
        details = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        lines.append(f"{name}: {noticed}/{counts.total()} noticed ({noticed / max(counts.total(), 1):.0%}): {details}")
    return lines


def survivors(mutmut: list[str], environment: dict[str, str]) -> list[str]:
    """The diff of every mutant that no test noticed."""
    diffs = []
    for path in sorted((COPY / "mutants").rglob("*.meta")):
        for key, status in json.loads(path.read_text())["exit_code_by_key"].items():
            if status in _LEFT:
                command = [*mutmut, "show", key]
                shown = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True).stdout
                changed = [line for line in shown.splitlines() if re.match(r"[+-](?![+-]{2})", line)]
                diffs += [f"{key} ({_LEFT[status]})", *(f"    {line}" for line in changed)]
    return diffs


def main() -> int:
    """Run mutmut on the copy and print what it found; returns the exit status."""
    copied()
    mutmut = [str(Path(sys.executable).with_name("mutmut"))]
    # The copy comes first on mutmut's own path, and a PYTHONPATH would come before it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    status = subprocess.run([*mutmut, "run", *sys.argv[1:]], cwd=COPY, env=environment).returncode
    outcomes = found()
    print("", *survivors(mutmut, environment), "", *table(outcomes), sep="\n")
    return 0 if status == 0 and outcomes else 1


if __name__ == "__main__":
    sys.exit(main())

"""What holds the repository together: pins against ranges, the Makefile, the version, the counting of tests."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import LONGEST
from packaging.requirements import Requirement
from packaging.version import Version

from evalengine.references.versions import REFERENCES, TABLED
from run_tests import (
    EXPECTED_SKIPS,
    MOST_WORKERS,
    SUITES,
    Counts,
    cargo_counts,
    pytest_counts,
    unexpected_skips,
    unlisted_skips,
)
from version_matrix import NEWEST

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKSPACE: dict[str, Any] = tomllib.loads((ROOT / "rust" / "Cargo.toml").read_text())["workspace"]
CRATES = {tomllib.loads(path.read_text())["package"]["name"] for path in ROOT.glob("rust/*/Cargo.toml")}
PROJECT = PYPROJECT["project"]
PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,]+\])?==(?P<version>[0-9.]+)")


def pins(file: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    matches = [PIN.fullmatch(line) for line in lines if line and not line.startswith("#")]
    return {match["name"]: Version(match["version"]) for match in matches if match is not None}


def ranges() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    written = [*PROJECT["dependencies"], *(range for extra in extras for range in extra)]
    return [requirement for requirement in map(Requirement, written) if requirement.name != "evalengine"]


def planned(target: str) -> list[str]:
    """The commands that `make target` would run in a fresh clone, one a line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "--always-make", "--no-print-directory", target]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()


@pytest.mark.parametrize("file", ["dev.txt", "dist.txt", "examples.txt", "mutants.txt", "peers.txt"])
def test_every_requirement_is_one_exact_version_and_nothing_else(file: str) -> None:
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]
    assert requirements
    assert [line for line in requirements if PIN.fullmatch(line) is None] == []


def test_the_references_are_pinned_to_the_newest_versions_that_were_compared() -> None:
    wanted = {name: NEWEST[name] for name in REFERENCES}
    assert {name: str(pins("dev.txt")[name]) for name in wanted} == wanted


def test_what_was_compared_lies_in_the_ranges_that_users_get() -> None:
    wide = {requirement.name: requirement.specifier for requirement in ranges()}
    for name in ("torch", "gymnasium", "numpy"):
        assert [version for version in TABLED[name] if not wide[name].contains(version)] == []


@pytest.mark.parametrize("requirement", ranges(), ids=str)
def test_pin_lies_in_the_range_that_users_get(requirement: Requirement) -> None:
    pinned = pins("dev.txt") | pins("peers.txt")
    assert requirement.name in pinned
    assert requirement.specifier.contains(pinned[requirement.name])


def test_the_peers_are_pinned_once_and_ci_does_not_install_them() -> None:
    assert set(pins("peers.txt")) == {"envpool", "gymnax", "jax", "six"}
    assert set(pins("peers.txt")).isdisjoint(pins("dev.txt"))


def test_users_ranges_have_no_upper_bound_but_the_build_backends() -> None:
    bounded = [str(requirement) for requirement in ranges() if "<" in str(requirement.specifier).replace("<=", "<")]
    assert [name for name in bounded if not name.startswith("maturin")] == []


def test_the_wheel_needs_only_numpy_pandas_rich_and_typer() -> None:
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == {"numpy", "pandas", "rich", "typer"}
    assert set(PROJECT["optional-dependencies"]) == {
        "torch", "gymnasium", "video", "bench", "parity", "plots", "envpool", "gymnax", "peers",
        "ray", "dask", "docs", "dev", "draw", "neat", "all",
    }  # fmt: skip


def test_the_environment_that_runs_the_tests_is_the_pinned_one() -> None:
    installed = {name: Version(importlib.metadata.version(name)).base_version for name in pins("dev.txt")}
    assert installed == {name: str(version) for name, version in pins("dev.txt").items()}


def test_the_version_stands_once() -> None:
    version = WORKSPACE["package"]["version"]
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert importlib.metadata.version("evalengine") == version
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == version


def test_supported_pythons_are_the_same_everywhere() -> None:
    classified = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    setup = (ROOT / "scripts" / "setup.sh").read_text()
    assert classified == ["3.11", "3.12", "3.13", "3.14"]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    # What contributors set up has the pinned Box2D, which has no wheel for the last one: there it is compiled.
    assert f"python: {json.dumps(classified[:-1])}" in workflow and f'python-version: "{classified[-1]}"' in workflow
    assert PROJECT["requires-python"] == ">=3.11"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in setup
    assert "abi3-py311" in WORKSPACE["dependencies"]["pyo3"]["features"]
    for text in ("Python 3.11 to 3.13", "On Python 3.14", f"cargo {WORKSPACE['package']['rust-version']}"):
        assert text in (ROOT / "README.md").read_text()


def test_licence_files_are_there_and_shipped() -> None:
    assert PROJECT["license"] == WORKSPACE["package"]["license"] == "MIT OR Apache-2.0"
    for name in PROJECT["license-files"]:
        assert (ROOT / name).read_text().strip(), name


def test_every_configured_tool_runs_in_ci() -> None:
    commands = "\n".join(planned("ci"))
    evidence = {
        "maturin": "maturin develop --release" in commands,
        "ruff": "ruff check" in commands and "ruff format --check" in commands,
        "mypy": ".venv/bin/mypy" in commands,
        "pytest": "scripts/run_tests.py" in commands and any("pytest" in command for _, command, _ in SUITES),
    }
    assert set(PYPROJECT["tool"]) == set(evidence)
    assert [tool for tool, runs in evidence.items() if not runs] == []
    for tool in ("actionlint", "zizmor", "check-jsonschema"):
        assert f".venv/bin/{tool} " in commands, tool


def test_the_sdist_needs_no_crate_from_elsewhere_than_crates_io() -> None:
    lock = tomllib.loads((ROOT / "rust" / "Cargo.lock").read_text())
    sources = {package.get("source") for package in lock["package"] if package["name"] not in CRATES}
    assert sources == {"registry+https://github.com/rust-lang/crates.io-index"}
    manifests = [*ROOT.glob("rust/Cargo.toml"), *ROOT.glob("rust/*/Cargo.toml")]
    assert [path for path in manifests if re.search(r"\bgit *=", path.read_text())] == []


@pytest.mark.parametrize(
    "command",
    [
        "cargo fmt --manifest-path rust/Cargo.toml --all --check",
        "cargo clippy --manifest-path rust/Cargo.toml --workspace --all-targets --locked -- -D warnings",
        "RUSTDOCFLAGS=-Dwarnings cargo doc --manifest-path rust/Cargo.toml --workspace --no-deps --locked",
    ],
)
def test_cargo_checks_run_in_ci_on_the_whole_workspace(command: str) -> None:
    assert command in planned("ci")


def test_the_documentation_is_built_strictly_in_ci_and_before_the_long_tests() -> None:
    commands = planned("ci")
    [built] = [line for line in commands if "mkdocs build" in line]
    assert built.endswith(".venv/bin/mkdocs build --strict")
    assert commands.index(built) < commands.index(".venv/bin/python scripts/run_tests.py")


def test_ci_compares_instructions_and_ends_with_the_count_of_tests() -> None:
    commands = [line for line in planned("ci") if line]
    counting = commands.index(".venv/bin/python scripts/count_instructions.py")
    assert commands[-1] == ".venv/bin/python scripts/run_tests.py" and counting < len(commands) - 1


def test_bench_sets_up_builds_and_measures_snake() -> None:
    commands = [line for line in planned("bench") if line]
    assert "scripts/setup.sh" in commands[0]
    assert any("maturin develop --release" in line for line in commands[1:-1])
    assert commands[-1] == ".venv/bin/evalengine bench snake"


def test_examples_come_with_their_libraries_beside_the_pins_and_all_run() -> None:
    commands = planned("examples")
    [install] = [line for line in commands if "requirements/examples.txt" in line]
    assert "--constraints requirements/dev.txt" in install
    [loop] = [line for line in commands if "examples/slot_ins/*.py" in line]
    assert commands.index(install) < commands.index(loop)
    assert loop.startswith("set -e; ") and ".venv/bin/python $example" in loop


def test_ci_entry_point_calls_make_ci_and_nothing_else() -> None:
    entry = ROOT / ".ci" / "run"
    assert os.access(entry, os.X_OK)
    assert entry.read_text().splitlines()[-1] == "exec make ci"


def test_help_lists_every_public_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^make (\S+)", shown, flags=re.MULTILINE)) == sorted(targets)


def test_a_files_tests_run_together_beside_those_of_others() -> None:
    [command] = [command for name, command, _ in SUITES if name == "python"]
    assert "--dist=loadfile" in command
    [workers] = [option for option in command if option.startswith("--numprocesses=")]
    assert 1 <= int(workers.partition("=")[2]) <= min(MOST_WORKERS, os.cpu_count() or 1)


def test_the_files_that_begin_are_there() -> None:
    assert [name for name in LONGEST if not any((ROOT / "tests").rglob(f"{name}.py"))] == []
    assert len(set(LONGEST)) == len(LONGEST)


def test_counts_of_cargo_are_summed_over_its_test_binaries() -> None:
    output = (
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s\n"
        "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s\n"
    )
    assert cargo_counts(output) == Counts(passed=15, failed=2, skipped=1)
    assert str(cargo_counts(output)) == "15 passed, 2 failed, 1 skipped"
    assert cargo_counts("error: could not compile `envs`") == Counts()


@pytest.mark.parametrize(
    ("summary", "counts"),
    [
        ("===== 7 passed in 1.25s =====", Counts(passed=7)),
        ("== 1 failed, 7 passed, 2 skipped in 75.25s (0:01:15) ==", Counts(passed=7, failed=1, skipped=2)),
        ("===== 5 passed, 3 warnings, 2 errors in 0.10s =====", Counts(passed=5, failed=2)),
        ("===== 1 error in 0.10s =====", Counts(failed=1)),
        ("===== no tests ran in 0.01s =====", Counts()),
    ],
)
def test_counts_of_pytest_are_read_from_its_last_line(summary: str, counts: Counts) -> None:
    assert pytest_counts(f"tests/test_a.py ....... [100%]\n{summary}\n") == counts


SKIPS = """=========================== short test summary info ============================
SKIPPED [3] tests/bench/test_bench_peers.py:101: envpool is not installed (requirements/peers.txt)
SKIPPED [1] ../../tmp/wt/tests/project/test_slot_ins.py:46: evotorch not installed: see requirements/examples.txt
SKIPPED [1] tests/project/test_slot_ins.py:46: evosax, jax not installed: see requirements/examples.txt
SKIPPED [1] tests/clusters/test_mpi.py:48: could not import 'mpi4py': No module named 'mpi4py'
"""


def test_what_ci_does_not_install_may_be_skipped() -> None:
    assert unexpected_skips(SKIPS) == []
    assert unlisted_skips(SKIPS, Counts(skipped=6)) == 0
    assert unlisted_skips(SKIPS, Counts(skipped=7)) == 1
    assert unexpected_skips("") == [] and unlisted_skips("", Counts(passed=9)) == 0


@pytest.mark.parametrize(
    "skip",
    [
        "tests/parity/test_parity_golden.py:34: acrobot: recorded with another math library: sin differ here",
        "tests/parity/test_parity_forward.py:37: torch 2.14.0: not compared",
        "tests/clusters/test_ray_cluster.py:12: could not import 'ray': No module named 'ray'",
        "tests/clusters/test_mpi.py:48: no time",
        "tests/bench/test_bench.py:1: envpool is not installed (requirements/peers.txt)",
        "tests/test_a.py: unconditional skip",
    ],
)
def test_every_other_skip_is_a_failure(skip: str) -> None:
    (found,) = unexpected_skips(f"{SKIPS}SKIPPED [1] {skip}\n")
    assert found.split(":")[0] == skip.split(":")[0]


def test_every_expected_skip_is_of_a_file_that_is_there() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    for pattern, *_ in EXPECTED_SKIPS:
        assert any(re.fullmatch(rf"tests/(?:{pattern})\.py", file) for file in files), pattern


@pytest.mark.parametrize("plugins", [(), ("-n", "1")])
def test_the_lines_of_skips_have_the_form_that_is_read(plugins: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = ['-ra']\n")
    (tmp_path / "tests" / "test_skips.py").write_text(
        "import pytest\n"
        "@pytest.mark.skipif(True, reason='by a mark')\ndef test_a(): pass\n"
        "@pytest.mark.parametrize('x', [1, 2])\ndef test_b(x): pytest.skip('by a call')\n"
        "def test_c(): pytest.importorskip('no_such_module')\n"
    )
    command = [sys.executable, "-m", "pytest", "--color=no", *plugins]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert unlisted_skips(ran.stdout, pytest_counts(ran.stdout)) == 0
    reasons = [skip.removeprefix("tests/test_skips.py: ") for skip in sorted(unexpected_skips(ran.stdout))]
    assert reasons[:2] == ["by a call", "by a mark"] and reasons[2].startswith("could not import 'no_such_module'")

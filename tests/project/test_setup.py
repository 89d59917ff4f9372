"""`make setup` says in one line what a machine lacks, before it makes anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POSIX_TOOLS = ("dirname", "grep", "head", "rm", "sed", "sh", "sort")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the set-up reads of the repository, without a .venv."""
    for name in ("scripts/setup.sh", "requirements/dev.txt", "rust/Cargo.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder to stand alone on PATH: POSIX tools, a linker, a new cargo; no Python and no uv."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for tool in POSIX_TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (folder / tool).symlink_to(found)
    program(folder / "cc", "exit 0")
    program(folder / "cargo", "echo 'cargo 1.100.0 (0123abcd 2026-01-01)'")
    return folder


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def refusal(clone: Path, programs: Path, **environment: str) -> str:
    """The one line on stderr of a set-up that must refuse, and must leave nothing behind."""
    command = [clone / "scripts" / "setup.sh"]
    ran = subprocess.run(command, env={"PATH": str(programs), **environment}, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stderr
    assert not (clone / ".venv").exists()
    [line] = ran.stderr.splitlines()
    return line


def test_missing_cargo(clone: Path, programs: Path) -> None:
    (programs / "cargo").unlink()
    wanted = "setup: cargo is missing: install Rust 1.89 or newer (https://rustup.rs)"
    assert refusal(clone, programs) == wanted


@pytest.mark.parametrize("version", ["1.88.1", "1.9.0", "0.99.0"])
def test_old_cargo(clone: Path, programs: Path, version: str) -> None:
    program(programs / "cargo", f"echo 'cargo {version} (0123abcd 2025-01-01)'")
    wanted = f"setup: cargo {version} is too old: evalengine needs 1.89 or newer (rustup update)"
    assert refusal(clone, programs) == wanted


@pytest.mark.parametrize("version", ["1.89.0", "1.89.0-nightly", "1.100.0", "2.0.0"])
def test_new_cargo_is_not_the_reason(clone: Path, programs: Path, version: str) -> None:
    program(programs / "cargo", f"echo 'cargo {version} (0123abcd 2026-01-01)'")
    assert "CPython" in refusal(clone, programs)


def test_missing_linker(clone: Path, programs: Path) -> None:
    (programs / "cc").unlink()
    wanted = "setup: cc is missing: cargo links with it (Debian: gcc; macOS: xcode-select --install)"
    assert refusal(clone, programs) == wanted


def test_no_python(clone: Path, programs: Path) -> None:
    line = refusal(clone, programs)
    assert line.startswith("setup: no 64-bit CPython 3.11, 3.12 or 3.13 on PATH: install one, or name it")


def test_named_python_of_another_version(clone: Path, programs: Path) -> None:
    old = program(programs / "python-old", "exit 1")
    wanted = f"setup: PYTHON={old} is not a 64-bit CPython 3.11, 3.12 or 3.13"
    assert refusal(clone, programs, PYTHON=str(old)) == wanted


def test_named_uv_that_does_not_run(clone: Path, programs: Path) -> None:
    assert refusal(clone, programs, PYTHON=sys.executable, UV="/nowhere/uv") == "setup: UV=/nowhere/uv does not run"


def test_python_without_pip_and_venv(clone: Path, programs: Path) -> None:
    script = f'case "$2" in pip|venv) exit 1 ;; esac\nexec "{sys.executable}" "$@"'
    bare = program(programs / "python-bare", script)
    ran = subprocess.run(
        [clone / "scripts" / "setup.sh"],
        env={"PATH": str(programs), "PYTHON": str(bare)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        f"setup: {bare} has neither pip nor venv, so uv cannot be installed: "
        "install uv, or Python's pip (Debian: python3-pip)"
    )


def test_python_that_does_not_run_is_passed_over(clone: Path, programs: Path) -> None:
    """As the shims of version managers are that stand for no installed version."""
    program(programs / "python3", "exit 127")
    program(programs / "python3.12", f'exec "{sys.executable}" "$@"')
    asked = clone / "asked"
    program(programs / "uv", f'[ "$1" = --version ] || {{ echo "$@" > "{asked}"; exit 1; }}')
    ran = subprocess.run([clone / "scripts" / "setup.sh"], env={"PATH": str(programs)}, capture_output=True)
    assert ran.returncode == 1
    assert asked.read_text() == f"venv --quiet --python {sys.executable} .venv\n"


@pytest.mark.parametrize("reachable", [True, False])
def test_pytorch_is_the_cpu_s_where_it_can_be_had_and_said_before_the_download_where_not(
    clone: Path, programs: Path, reachable: bool
) -> None:
    log = clone / "log"
    uv = (
        f'echo "${{UV_TORCH_BACKEND:-none}} $*" >> "{log}"\n'
        f'case "$*" in *--dry-run*) exit {0 if reachable else 2} ;; venv*) mkdir -p .venv/bin ;; esac'
    )
    (programs / "mkdir").symlink_to(shutil.which("mkdir") or "mkdir")
    program(programs / "uv", uv)
    environment = {"PATH": str(programs), "PYTHON": sys.executable}
    ran = subprocess.run([clone / "scripts" / "setup.sh"], env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    install = log.read_text().splitlines()[-1]
    assert install.endswith("pip install --python .venv/bin/python --requirements requirements/dev.txt")
    assert install.partition(" ")[0] == ("cpu" if reachable else "none")
    said = ran.stderr.splitlines()
    assert said[-1] == "setup: downloading what requirements/dev.txt pins into .venv: minutes, most of them PyTorch's"
    assert said[:-1] == ([] if reachable else [CUDA])
    log.unlink()
    subprocess.run([clone / "scripts" / "setup.sh"], env={**environment, "UV_TORCH_BACKEND": "auto"}, check=True)
    assert "--dry-run" not in log.read_text()


CUDA = "setup: https://download.pytorch.org cannot be reached: PyPI's PyTorch brings CUDA, .venv will take 6.6 GB"

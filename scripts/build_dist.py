"""Builds the sdist, and the wheel from that sdist: what a user's pip would build is what is shipped.

    build_dist.py OUT             a wheel for this machine
    build_dist.py OUT --portable  on Linux a manylinux wheel, linked by zig against an old glibc
    build_dist.py OUT --quick     without the slow optimisations, for tests: the same results, later

Cargo's target folder is kept, so the dependencies are built once; the engine itself is built every time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# glibc 2.17, the oldest that Rust itself supports.
MANYLINUX = ["--zig", "--compatibility", "manylinux2014"]


# Not the folder of the other builds: cargo tells a workspace's crates apart by their place in it, not by the workspace.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "rust" / "target")) / "dist"


def maturin(command: str, *options: str, source: Path) -> None:
    """Runs a command of this environment's maturin, its zig included, on the source tree `source`."""
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "CARGO_TARGET_DIR": str(TARGET),
    }
    arguments = [command, "--manifest-path", "rust/python/Cargo.toml", *options]
    subprocess.run([programs / "maturin", *arguments], cwd=source, env=environment, check=True)


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpacks an sdist and returns its root.

    An sdist's files carry a fixed time of long ago, by which cargo would take them for unchanged: they get today's.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = folder.iterdir()
    for path in source.rglob("*"):
        path.touch()
    return source


# Link-time optimisation, for which the whole engine is compiled again, is most of a build.
QUICK = ["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"]


def build(out: Path, *, portable: bool, quick: bool) -> None:
    """Leaves exactly one sdist and one wheel of the current version in `out`."""
    maturin("sdist", "--out", str(out), source=ROOT)
    [sdist] = out.glob("evalengine-*.tar.gz")
    options = [*MANYLINUX] if portable and sys.platform == "linux" else ["--compatibility", "linux"]
    if quick:
        options += QUICK
    with tempfile.TemporaryDirectory() as folder:
        source = unpack(sdist, Path(folder))
        maturin("build", "--release", "--interpreter", sys.executable, "--out", str(out), *options, source=source)


def main() -> None:
    """Parses the command line and builds."""
    parser = argparse.ArgumentParser(description="Builds the sdist, and the wheel from that sdist.")
    parser.add_argument("out", type=Path, help="an empty or new folder")
    parser.add_argument("--portable", action="store_true", help="on Linux: a manylinux wheel")
    parser.add_argument("--quick", action="store_true", help="without the slow optimisations: for tests")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if any(arguments.out.iterdir()):
        parser.error(f"expected an empty folder, got {arguments.out} with files in it")
    build(arguments.out.resolve(), portable=arguments.portable, quick=arguments.quick)


if __name__ == "__main__":
    main()

"""The wheel as a user meets it: built from the sdist, installed into an empty environment, used there.

`make wheel` checks the distributions that it leaves in dist/ (EVALENGINE_DIST names the folder); otherwise they are
built here for this machine, quickly: without link-time optimisation.
"""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

import evalengine

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cli" / "evalengine"
UV = Path(sys.executable).parent / "uv"
OUR_DEPENDENCIES = {"numpy", "pandas", "rich", "typer"}
MISSING_DEPENDENCY = 3


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel."""
    if "EVALENGINE_DIST" in os.environ:
        return ROOT / os.environ["EVALENGINE_DIST"]
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "scripts" / "build_dist.py", folder, "--quick"], check=True)
    return folder


@pytest.fixture(scope="module")
def sdist(distributions: Path) -> Path:
    [path] = distributions.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    [path] = distributions.glob("*.whl")
    return path


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel in it, and an empty folder to work in."""

    root: Path
    folder: Path

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs; nothing of the environment that runs the tests is in reach."""
        environment = {"PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "HOME": str(self.folder)}
        command = [self.root / "bin" / program, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    root = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, root], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--python", root / "bin" / "python", wheel], check=True)
    return Installation(root, tmp_path_factory.mktemp("work"))


def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def wheel_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def package_sources() -> set[str]:
    """The package's files as the wheel should hold them, but for the extension."""
    names = {path.relative_to(PACKAGE.parent).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    return {name for name in names if "__pycache__" not in name and not name.endswith((".so", ".pyd"))}


def test_wheel_is_abi3_for_every_supported_python(wheel: Path) -> None:
    _, _, _, tags = parse_wheel_filename(wheel.name)
    assert {(tag.interpreter, tag.abi) for tag in tags} == {("cp311", "abi3")}
    if "EVALENGINE_DIST" in os.environ and sys.platform == "linux":
        assert all(tag.platform.startswith("manylinux") for tag in tags)


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    files = wheel_files(wheel)
    assert {name.split("/")[0].split("-")[0] for name in files} == {"evalengine"}
    package = {name for name in files if name.startswith("evalengine/")}
    extensions = {name for name in package if name.endswith((".so", ".pyd"))}
    assert len(extensions) == 1
    assert all(name.startswith("evalengine/_engine.") for name in extensions)
    assert package - extensions == package_sources()
    assert {"evalengine/py.typed", "evalengine/_engine.pyi"} <= package


def test_wheel_brings_the_licences(wheel: Path) -> None:
    licences = {name.rsplit("/", 1)[1] for name in wheel_files(wheel) if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "NOTICE"}
    assert wheel_metadata(wheel)["License-Expression"] == "MIT OR Apache-2.0"


def test_wheel_declares_four_dependencies_and_the_extras(wheel: Path) -> None:
    metadata = wheel_metadata(wheel)
    requirements = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    assert {requirement.name for requirement in requirements if requirement.marker is None} == OUR_DEPENDENCIES
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "torch", "gymnasium", "video", "bench", "parity", "plots", "envpool", "gymnax", "peers",
        "ray", "dask", "docs", "dev", "draw", "neat", "all",
    }  # fmt: skip


def test_sdist_has_what_a_build_needs_and_no_build(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "rust/Cargo.lock", "rust/Cargo.toml"} <= files
    assert {f"cli/{name}" for name in package_sources()} <= files
    assert [name for name in files if "target/" in name or name.endswith(".so")] == []


def test_installation_brings_neither_torch_nor_gymnasium(installation: Installation) -> None:
    listing = subprocess.run(
        [UV, "pip", "list", "--format", "json", "--python", installation.root / "bin" / "python"],
        capture_output=True,
        text=True,
        check=True,
    )
    installed = {canonicalize_name(package["name"]) for package in json.loads(listing.stdout)}
    assert OUR_DEPENDENCIES | {"evalengine"} <= installed
    assert installed & {"torch", "gymnasium", "box2d", "pygame-ce", "pytest"} == set()


def test_version(installation: Installation) -> None:
    ran = installation.run("evalengine", "--version")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert evalengine.__version__ in ran.stdout


def test_evaluate_gives_the_fitness_that_this_build_gives(installation: Installation) -> None:
    weights = ROOT / "examples" / "weights" / "cartpole.npy"
    ran = installation.run("evalengine", "evaluate", weights, "--episodes", "3", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    here = subprocess.run(
        [sys.executable, "-m", "evalengine", "evaluate", weights, "--episodes", "3", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)["fitness"] == json.loads(here.stdout)["fitness"]


def test_library_works(installation: Installation) -> None:
    script = (
        "import evalengine; policy = evalengine.Policy('mlp:4-64-2'); "
        "fitness = evalengine.batch_evaluate('CartPole-v1', policy.init(8, seed=0), 2, 'mlp', (4, 64, 2)); "
        "print(fitness.shape, fitness.dtype, bool((fitness > 0).all()), evalengine.__file__)"
    )
    ran = installation.run("python", "-c", script)
    assert ran.stderr == ""
    assert ran.stdout.startswith("(8,) float32 True ")
    assert str(installation.root) in ran.stdout


def test_bench_names_the_extra_that_is_missing(installation: Installation) -> None:
    ran = installation.run("evalengine", "bench", "cartpole", "--backends", "rust,multiprocessing")
    assert (ran.returncode, ran.stdout) == (MISSING_DEPENDENCY, "")
    [line] = ran.stderr.splitlines()
    assert "is not installed: pip install 'evalengine[" in line

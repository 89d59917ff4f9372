"""README.md is true: its Python runs, its commands work as typed; the tables of the site are the registry's."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evalengine
from code_blocks import code_blocks
from evalengine.environments.registry import EnvironmentEntry, entries

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LIBRARIES = (ROOT / "docs" / "libraries.md").read_text(encoding="utf-8")
ENVIRONMENTS = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [block.code for block in code_blocks(README) if block.language == language]


def commands(program: str) -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.split()[0] == program]


def test_python_example_does_what_its_comments_say() -> None:
    names: dict[str, object] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    population, result = names["population"], names["result"]
    assert isinstance(population, np.ndarray)
    assert isinstance(result, evalengine.Evaluation)
    assert population.shape == (256, 450)
    assert result.fitness.shape == (256,)
    assert result.returns.shape == (256, 8)
    assert result.seeds[0].tolist() == list(range(1000, 1008))
    same = evalengine.batch_evaluate("CartPole-v1", population, 8, "mlp", (4, 64, 2), seeds=1000)
    assert same.tobytes() == result.fitness.tobytes()


def write_whole_examples(folder: Path) -> list[str]:
    """Write the programs of both pages into files of their own, and return them."""
    examples = [block.code for page in (README, LIBRARIES) for block in code_blocks(page) if block.language == "python"]
    whole = [code for code in examples if code.startswith("import")]
    assert len(whole) >= 2
    for number, code in enumerate(whole):
        (folder / f"example_{number}.py").write_text(code)
    return whole


def test_python_examples_pass_mypy_strict(tmp_path: Path) -> None:
    """With the cache of `make lint`, which has read the package already."""
    whole = write_whole_examples(tmp_path)
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--strict"]
    ran = subprocess.run([*command, *map(str, sorted(tmp_path.iterdir()))], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (tmp_path / "example_0.py").write_text(whole[0] + "wrong: int = result.fitness\n")
    ran = subprocess.run([*command, str(tmp_path / "example_0.py")], cwd=ROOT, capture_output=True, text=True)
    assert "Incompatible types in assignment" in ran.stdout


def test_python_examples_pass_pyright_strict(tmp_path: Path) -> None:
    """By basedpyright, which is pyright with a Node.js in its wheel: pyright's own downloads one where it runs."""
    pytest.importorskip("basedpyright", reason="basedpyright is not installed: make setup")
    whole = write_whole_examples(tmp_path)
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT / "cli")], "include": ["."]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(tmp_path), "--pythonpath", sys.executable]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0 and "0 errors" in ran.stdout, ran.stdout + ran.stderr
    (tmp_path / "example_0.py").write_text(whole[0] + "wrong: int = result.descriptors\n")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1 and 'is not assignable to declared type "int"' in ran.stdout, ran.stdout


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_descriptors_and_trajectories_are_as_shown() -> None:
    names: dict[str, object] = {}
    [example] = [block.code for block in code_blocks(LIBRARIES) if "descriptors=" in block.code]
    exec(compile(example, "libraries.md", "exec"), names)
    flight = names["flight"]
    assert isinstance(flight, evalengine.Evaluation)
    assert flight.descriptors.shape == (64, 2, 3)
    length = int(flight.lengths[0, 1])
    assert flight.trajectories[0][1].observations.shape == (length + 1, 8)
    listed = {row.split("|")[1].strip(): row.split("|")[2] for row in LIBRARIES.splitlines() if row.startswith("| ")}
    for entry in entries():
        named = entry.id.removeprefix("evalengine/").split("-")[0].removesuffix("Hardcore")
        assert tuple(re.findall(r"`(\w+)`", listed.get(named, ""))) == entry.event_fields


@pytest.mark.parametrize("command", [line for line in commands("evalengine") if " evaluate " in line])
def test_evaluate_works_as_typed(command: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    arguments = shlex.split(command)[1:]
    ran = subprocess.run([sys.executable, "-m", "evalengine", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "individual" in ran.stdout
    for csv in (argument for argument in arguments if argument.endswith(".csv")):
        assert (tmp_path / csv).read_text().startswith("schema_version,")


@pytest.mark.parametrize("command", [line for line in commands("evalengine") if " replay " in line or " envs" in line])
def test_replay_and_envs_work_as_typed(command: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    arguments = shlex.split(command)[1:]
    ran = subprocess.run([sys.executable, "-m", "evalengine", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "LunarLander-v3" in ran.stdout
    for video in (argument for argument in arguments if argument.endswith((".mp4", ".gif"))):
        assert (tmp_path / video).stat().st_size > 10_000


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"\bmake ([a-z]+)\b", "\n".join([*blocks("sh"), *re.findall(r"`(make [a-z]+)`", README)]))
    assert {"bench", "ci"} <= set(targets)
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.short_name)
def test_environments_are_listed_as_registered(entry: EnvironmentEntry) -> None:
    [row] = [line for line in ENVIRONMENTS.splitlines() if line.startswith(f"| `{entry.id}`")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    spelled = [
        ", ".join(f"`{key}={value}`" for key, value in options.items())
        for options in (entry.kwargs, entry.reset_options)
    ]
    assert cells == [
        f"`{entry.id}`",
        f"`{entry.short_name}`",
        f"{entry.observation_shape} {entry.observation_dtype}",
        actions_of(entry),
        f"`{entry.default_policy}`",
        *spelled,
    ]


def actions_of(entry: EnvironmentEntry) -> str:
    if entry.n_actions is not None:
        return str(entry.n_actions)
    assert entry.action_low is not None and entry.action_high is not None
    bounds = [f"[{low:g}, {high:g}]" for low, high in zip(entry.action_low, entry.action_high, strict=True)]
    return f"{entry.n_outputs} in {', '.join(bounds if len(set(bounds)) > 1 else bounds[:1])}"


@pytest.mark.parametrize("spelling", re.findall(r"`((?:mlp|cnn):[^`]+)`", README + ENVIRONMENTS))
def test_every_spelling_is_canonical(spelling: str) -> None:
    assert str(evalengine.Policy(spelling)) == spelling

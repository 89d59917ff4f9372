"""The examples with graphs learn, and the line that README.md gives for neat-python works."""

from __future__ import annotations

import importlib.util
import itertools
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import evalengine
from evalengine import evaluate, load_weights

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examples_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_neat_python_learns_cartpole_and_its_line_in_the_readme_works() -> None:
    pytest.importorskip("neat")
    example = load(EXAMPLES / "slot_ins" / "neat_python.py")
    best = example.learn()
    fitness = evaluate("CartPole-v1", best, example.POLICY, seeds=range(10**6, 10**6 + 100)).fitness[0]
    assert fitness >= 475
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"\(examples/slot_ins/neat_python\.py\) \| `([^`]+)` \|", text)
    names: dict[str, Any] = {"evalengine": evalengine, "evaluate": evaluate, "config": example.CONFIG}
    names["genomes"], names["generations"] = [(7, best)], itertools.count()
    best.fitness = None
    exec(line, names)
    assert best.fitness == evaluate("CartPole-v1", best, example.POLICY, episodes=4).fitness[0]


def test_neat_evolves_landers_and_writes_the_best(tmp_path: Path) -> None:
    pytest.importorskip("neat")
    out = tmp_path / "lander.npz"
    command = [sys.executable, str(EXAMPLES / "neat_lunar_lander.py"), "--generations", "3", "--out", str(out)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 4
    found = load_weights(out)
    again = evaluate("lunarlander", found.weights, found.policy, seeds=range(2 * 10**6, 2 * 10**6 + 100)).fitness[0]
    assert f"mean of 100 fresh episodes: {again:.1f}; written to" in lines[-1]


def test_structures_play_with_whatever_weight() -> None:
    example = load(EXAMPLES / "weight_agnostic.py")
    first = example.returns([example.Topology()], range(5))
    best, fresh = example.learn(12)
    assert first.shape == (1, 6)
    assert fresh.shape == (6,)
    assert fresh.mean() > 3 * first.mean()
    graph = best.with_weight(1.0)
    assert np.shape(graph.connections)[1] == 2

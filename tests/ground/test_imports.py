"""Importing the package is cheap: heavy packages are loaded by the functions that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evalengine


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after running `code`."""
    printing = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    finished = subprocess.run([sys.executable, "-c", printing], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


@pytest.mark.parametrize("code", ["import evalengine", "from evalengine import *", "import evalengine._engine"])
def test_import_loads_numpy_and_the_extension_only(code: str) -> None:
    loaded = modules_after(code) - modules_after("import numpy") - set(sys.stdlib_module_names)
    assert loaded == {"evalengine"}


def test_an_evaluation_loads_nothing_more() -> None:
    code = (
        "import evalengine\n"
        "policy = evalengine.Policy('mlp:4-2')\n"
        "evalengine.evaluate('cartpole', policy.init(2, seed=0), policy, episodes=2)\n"
    )
    heavy = {"pandas", "rich", "typer", "torch", "gymnasium"}
    assert not modules_after(code) & heavy


@pytest.mark.parametrize("name", evalengine.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(evalengine, name) is not None
    assert name in dir(evalengine)


def test_the_api_is_complete() -> None:
    assert {"batch_evaluate", "evaluate", "make", "Policy", "load_weights"} <= set(evalengine.__all__)
    assert evalengine.__version__[0].isdigit()
    assert not hasattr(evalengine, "no_such_name")

"""Importing the package is cheap: heavy packages are loaded by the functions that need them."""

from __future__ import annotations

import subprocess
import sys

import evalengine


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after running `code`."""
    printing = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    finished = subprocess.run([sys.executable, "-c", printing], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


def test_import_loads_numpy_and_the_extension_only() -> None:
    loaded = modules_after("import evalengine") - modules_after("import numpy") - set(sys.stdlib_module_names)
    assert loaded == {"evalengine"}


def test_an_evaluation_loads_nothing_more() -> None:
    code = (
        "import evalengine\n"
        "policy = evalengine.Policy('mlp:4-2')\n"
        "evalengine.evaluate('cartpole', policy.init(2, seed=0), policy, episodes=2)\n"
    )
    heavy = {"pandas", "rich", "typer", "torch", "gymnasium"}
    assert not modules_after(code) & heavy


def test_everything_public_is_there() -> None:
    assert {"batch_evaluate", "evaluate", "make", "Policy", "load_weights"} <= set(evalengine.__all__)
    assert all(hasattr(evalengine, name) for name in evalengine.__all__)
    assert evalengine.__version__[0].isdigit()

"""examples/slot_ins: each library learns through `evaluate`, and the line that README.md gives for it works.

Every example runs as users run it, in a process of its own: some of the libraries start threads or change global state.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from evalengine import evaluate

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples" / "slot_ins").glob("*.py"))}
# The modules that an example needs and `make setup` does not install.
LARGE = {"evosax_cma_es": ["evosax", "jax"], "evotorch_pgpe": ["evotorch"]}
CARTPOLE = "mlp:4-16-2"

RUN = """
import runpy, sys
import numpy as np
script, result, more = sys.argv[1:]
names = runpy.run_path(script, run_name="__main__")
np.save(result, names["best"])
exec(more, names)
"""
LOAD = RUN.replace('"__main__"', '"example"').replace('np.save(result, names["best"])', 'names["result"] = result')


def run(program: str, name: str, folder: Path, more: str) -> tuple[list[str], NDArray[Any]]:
    """Run an example in an empty folder; return its lines and the one array that it leaves there."""
    missing = [module for module in LARGE.get(name, []) if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: see requirements/examples.txt")
    command = [sys.executable, "-c", program, str(EXAMPLES[name]), "result.npy", more]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in folder.iterdir()] == ["result.npy"]
    return ran.stdout.splitlines(), np.load(folder / "result.npy")


def lines_of_code(text: str) -> set[int]:
    """The lines that hold anything but comments and docstrings."""
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in nothing]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return code


def test_lines_of_code_are_counted() -> None:
    text = (
        '"""One\ntwo."""\n\nimport sys  # here\n\ndef f(x):\n    """Three."""\n    # four\n    return (\n        x)\n'
    )
    assert lines_of_code(text) == {4, 6, 9, 10}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_at_most_30_lines(name: str) -> None:
    assert 10 <= len(lines_of_code(EXAMPLES[name].read_text(encoding="utf-8"))) <= 30


# What the line of README.md needs, and what must be so after it. `policy` and `evaluate` are there.
AROUND: dict[str, tuple[str, str]] = {
    "numpy_openai_es": (
        "generation, mean, sigma = 3, np.zeros(policy.n_params), 0.1\n"
        "noise = np.random.default_rng(0).random((6, policy.n_params))",
        "assert fitness.shape == (6,) and fitness.dtype == np.float32",
    ),
    "pycma_cma_es": (
        "es = cma.CMAEvolutionStrategy(policy.n_params * [0.0], 0.5, {'seed': 1, 'verbose': -9}); solutions = es.ask()",
        "assert es.result.evaluations == len(solutions) and es.result.fbest < -9",
    ),
    "deap_ga": (
        "import itertools; generations = itertools.count(); toolbox.register('evaluate', lambda individual: 1 / 0)",
        "best, log = algorithms.eaSimple(toolbox.population(5), toolbox, 0.0, 0.0, 2, verbose=False)\n"
        "assert log.select('nevals') == [5, 0, 0] and all(len(one.fitness.values) == 1 for one in best)",
    ),
    "nevergrad_cma": (
        "optimizer = ng.optimizers.CMA(policy.n_params, budget=12, num_workers=5)\n"
        "calls = []\n"
        "losses = lambda vectors: calls.append(len(vectors)) or [0.5 * len(calls)] * len(vectors)",
        "assert calls == [5, 5, 2] and optimizer.num_tell == 12\n"
        "ng.optimizers.CMA(policy.n_params, budget=12, num_workers=5).minimize(losses, executor=BatchExecutor())\n"
        "assert calls == [5, 5, 2, 5, 5, 2]  # batch_mode=False asks in the same order\n"
        "executor = BatchExecutor()\n"
        "first = [executor.submit(np.cumsum, number) for number in (1, 2)]\n"
        "assert first[1].result() == 3 and executor.submit(np.cumsum, 5).result() == 5 and first[0].result() == 1",
    ),
    "evosax_cma_es": (
        "generation = 0\n"
        "es = CMA_ES(population_size=6, solution=jax.numpy.zeros(policy.n_params)); params = es.default_params\n"
        "key = jax.random.key(0)\n"
        "state = es.init(key, jax.numpy.zeros(policy.n_params), params)\n"
        "population, state = es.ask(key, state, params)",
        "assert int(state.generation_counter) == 1 and float(state.best_fitness) < -8",
    ),
    "evotorch_pgpe": (
        "import itertools; generations = itertools.count()",
        "batch = problem.generate_batch(5)\n"
        "before = batch.values.clone()\n"
        "assert type(batch.values).__name__ == 'ReadOnlyTensor'\n"
        "problem.evaluate(batch)\n"
        "wanted = evaluate('CartPole-v1', np.asarray(before), policy, episodes=4).fitness\n"
        "assert batch.evals[:, 0].tolist() == wanted.tolist() and (batch.values == before).all()",
    ),
}


def readme_line(name: str) -> str:
    [row] = [
        row
        for row in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if f"({EXAMPLES[name].relative_to(ROOT)})" in row
    ]
    line = re.search(r"`([^`]+)` \|$", row)
    assert line is not None, row
    return line[1]


@pytest.mark.parametrize("name", AROUND)
def test_a_library_learns_cartpole_and_its_line_in_the_readme_works(name: str, tmp_path: Path) -> None:
    before, after = AROUND[name]
    lines, best = run(RUN, name, tmp_path, "\n".join(["policy = POLICY", before, readme_line(name), after]))
    claimed = evaluate("CartPole-v1", best, CARTPOLE, seeds=range(1000, 1100)).fitness[0]
    assert f"mean of 100 fresh episodes: {claimed!s}" in lines
    assert len(lines) > 30  # a line for each generation
    assert evaluate("CartPole-v1", best, CARTPOLE, seeds=range(10**6, 10**6 + 100)).fitness[0] >= 475


# pyribs: the archive's best, or all of it, one elite in a row: weights, objective, measures.
PYRIBS_LINE = """
generation, policy = 3, Policy("mlp:4-16-2")
archive = GridArchive(solution_dim=policy.n_params, dims=[5, 5], ranges=[(-1, 1), (-1, 1)])
scheduler = Scheduler(archive, [EvolutionStrategyEmitter(archive, x0=np.zeros(policy.n_params), sigma0=1.0)])
"""
ON_CARTPOLE = """
measures = {"mean(x)": (-0.5, 0.5), "max(theta)": (0.0, 0.2)}
best = illuminate("CartPole-v1", Policy("mlp:4-2,bias=0"), measures, 15, range(8)).best_elite
np.save(result, best["solution"])
"""
ON_LUNAR_LANDER = """
elites = illuminate("LunarLander-v3", POLICY, MEASURES, 3, [52]).data(["solution", "objective", "measures"])
np.save(result, np.column_stack([elites["solution"], elites["objective"], elites["measures"]]))
"""


def test_pyribs_learns_cartpole_and_its_line_in_the_readme_works(tmp_path: Path) -> None:
    told = "assert len(archive) > 0 and archive.stats.obj_max >= 8"
    more = "\n".join([ON_CARTPOLE, PYRIBS_LINE, readme_line("pyribs_lunar_lander"), told])
    lines, best = run(LOAD, "pyribs_lunar_lander", tmp_path, more)
    assert len(lines) == 15
    assert evaluate("CartPole-v1", best, "mlp:4-2,bias=0", seeds=range(10**6, 10**6 + 100)).fitness[0] >= 475


def test_pyribs_elites_land_in_gymnasium_as_its_documentation_says(tmp_path: Path) -> None:
    _, elites = run(LOAD, "pyribs_lunar_lander", tmp_path, ON_LUNAR_LANDER)
    assert len(elites) > 50
    touched = 0
    with gymnasium.make("LunarLander-v3") as env:
        for elite in elites[:: len(elites) // 20]:
            total, x, y_velocity, has_touched = first_impact(env, elite[:32].reshape(4, 8))
            assert (float(np.float32(total)), x, y_velocity) == tuple(elite[32:])
            touched += has_touched
    assert touched > 0


def first_impact(env: gymnasium.Env[Any, Any], model: NDArray[np.float64]) -> tuple[float, float, float, bool]:
    """Return, of an episode: x position and y velocity at the first impact, or where it ends and the fastest fall."""
    observation, _ = env.reset(seed=52)
    total, is_over, impact, fastest = 0.0, False, None, np.inf
    while not is_over:
        observation, reward, terminated, truncated, _ = env.step(np.argmax(model.astype(np.float32) @ observation))
        total += float(reward)
        is_over = terminated or truncated
        fastest = min(fastest, observation[3])
        if impact is None and (observation[6] or observation[7]):
            impact = float(observation[0]), float(observation[3])
    x, y_velocity = impact or (float(observation[0]), float(fastest))
    return total, x, y_velocity, impact is not None


def test_every_example_is_tested_and_every_library_pinned() -> None:
    assert set(EXAMPLES) == {*AROUND, "neat_python", "pyribs_lunar_lander"}
    everywhere = (ROOT / "requirements" / "dev.txt").read_text()
    large = (ROOT / "requirements" / "examples.txt").read_text()
    for name in EXAMPLES:
        library = {"neat": "neat-python", "pycma": "cma", "pyribs": "ribs"}.get(name.split("_")[0], name.split("_")[0])
        assert f"\n{library}==" in (large if name in LARGE else everywhere), name

"""Nothing that Rust does reaches Python but errors: no panic, no end of the process, whatever it is given."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evalengine import EvalEngineError, InternalError, OutOfMemoryError, Policy, _engine, evaluate
from evalengine.errors import engine_errors
from evalengine.terminal import app

POLICY = Policy("mlp:4-8-2")
POPULATION = POLICY.init(4, seed=0)
# 110,000 images of 96 x 96 float32 for each of sixteen rows.
HUGE = Policy("cnn:3x96x96-110000k1-1k1-3")


class Liar(list[float]):
    """A list that claims to be longer than any memory."""

    def __len__(self) -> int:
        """Lie."""
        return 2**60


HOSTILE: list[Any] = [
    *(np.zeros(shape, np.float32) for shape in ((), (0,), (2, 0), (0, 2), (1, 4), (1, 2, 4), (0, 0, 0))),
    *(np.zeros(shape, np.uint64) for shape in ((0, 0), (1, 0), (1, 3), (0, 3))),
    np.zeros(3),
    np.broadcast_to(np.float32(0.5), (2**20, 2**30)),
    np.broadcast_to(np.float64(0.5), (2**50,)),
    np.asfortranarray(POPULATION),
    np.frombuffer(bytes(4 * 8 + 1), np.float32, offset=1).reshape(2, 4),
    range(2**60),
    range(2**40),
    Liar(),
    [],
    [0.0],
    [2**70],
    (),
    (2, 3),
    (2**63, 2**63, 2**63),
    (2**21, 2**21, 2**21),
    [("linear", 2**63, True)],
    [("linear", 2, True), ("conv2d", 2, (0, 0), (0, 0), (2**62, 2**62), (1, 1), 1, True)],
    [("conv2d", 2**20, (1, 1), (1, 1), (2**28, 2**28), (1, 1), 1, False)],
    [("conv2d", 4, (3, 3), (1, 1), (1, 1), (2**62, 2**62), 2**62, False)],
    [("max_pool2d", (2**62, 1), (2**62, 0), (2**61, 0)), ("linear", 2, True)],
    [("avg_pool2d", (2, 2), (1, 1), (1, 1), True), ("layer_norm", float("nan"), True, True), ("linear", 2, True)],
    [("skip",), ("linear", 2, True)],
    [("linear", 2, True), ("add_skip",), ("add_skip",)],
    [("conv2d",)],
    [()],
    [("solid", (1, 2, 3), [(float("nan"), float("inf"))] * 4)],
    [("antialiased", (1, 2, 3), [(1e308, -1e308), (0.0, 1e308), (1e308, 0.0)])],
    [("indicator", (1, 2, 300), [])],
    {},
    {"low": 2**70},
    {"gravity": float("nan")},
    "cartpole",
    "carracing",
    "tanh",
    "clip",
    "sin",
    "\ud800",
    b"bytes",
    None,
    True,
    -1,
    0,
    3,
    2**64 - 1,
    float("nan"),
    {"skip": 2**63, "grayscale": True, "resize": (2**40, 2**40), "stack": 2**40, "padding": "reset"},
    {"skip": None, "grayscale": False, "resize": (0, 0), "stack": 0, "padding": "none"},
    (np.zeros(4, np.float32), np.ones(4, np.float32), float("nan")),
    [([("mean", ("observation", 2**63), [])], None)],
    [([], 0.0)],
    POLICY.network,
    lambda *_: None,
]

# All that there is but `multiply_adds`, which takes as long as it is told to, and `fail`, which panics.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "Network": (_engine.Network, 2),
    "logits": (POLICY.network.logits, 2),
    "Environment": (_engine.Environment, 4),
    "reset": (lambda *arguments: _engine.Environment("cartpole", {}, None).reset(*arguments), 2),
    "step": (lambda *arguments: _engine.Environment("pendulum", {}, None).step(*arguments), 1),
    "discrete step": (lambda *arguments: _engine.Environment("cartpole", {}, None).step(*arguments), 1),
    "describe": (_engine.describe, 3),
    "activation": (_engine.activation, 4),
    "libm": (_engine.libm, 3),
    "raster_polygons": (_engine.raster_polygons, 1),
    "render_scene": (_engine.render_scene, 3),
    "continuous_actions": (_engine.continuous_actions, 4),
    "Graphs": (_engine.Graphs, 5),
    "graph_actions": (_engine.graph_actions, 4),
    "graph_functions": (_engine.graph_functions, 0),
    "read_genomes": (_engine.read_genomes, 1),
}

EVALUATE: dict[str, Any] = {
    "env_id": "cartpole",
    "env_kwargs": {},
    "reset_options": {},
    "network": POLICY.network,
    "head": "tanh",
    "weights": POPULATION,
    "seeds": np.zeros((1, 2), np.uint64),
    "threads": 2,
    "max_episode_steps": 5,
    "on_nan": None,
    "keep_final_observation": True,
    "progress": None,
    "observation": None,
    "normalization": None,
    "descriptors": (),
    "trajectories": (),
    "most_trajectory_bytes": 2**20,
    "statistics": True,
    "share": None,
    "exploration": ((), 0.5, 0.5),
    "graphs": None,
    "rules": (0, (), None, 0.0, None, ()),
}


def survives(call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """The call may refuse, but not panic: a `PanicException` is no `Exception`."""
    try:
        call(*arguments, **options)
    except _engine.InternalError as error:
        raise AssertionError(f"{call} panicked for {arguments} {options}") from error
    except Exception:
        pass


def test_every_function_is_tried() -> None:
    public = {name for name in dir(_engine) if not name.startswith("_")}
    exceptions = {"EngineError", "NonFiniteError", "OutOfMemoryError", "InternalError"}
    untried = {"available_threads", "build_info", "environments", "instruction_sets", "libm_in_lanes"}
    untried |= {"multiply_adds", "fail", "evaluate"}
    assert public == exceptions | untried | (FUNCTIONS.keys() & public)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_argument_makes_a_function_panic(name: str) -> None:
    function, n_arguments = FUNCTIONS[name]
    rng = random.Random(name)
    for _ in range(300):
        survives(function, *(rng.choice(HOSTILE) for _ in range(n_arguments)))
    for number in range(n_arguments + 1):
        survives(function, *HOSTILE[:number])


def test_no_argument_of_an_evaluation_makes_it_panic() -> None:
    for name in EVALUATE:
        for hostile in HOSTILE:
            # As many threads as there is a number are memory and time, which the package's own limits bound.
            if name not in ("threads", "max_episode_steps") or not isinstance(hostile, int):
                survives(_engine.evaluate, **{**EVALUATE, name: hostile})


def test_no_dimensions_and_no_rows_are_no_values() -> None:
    for shape in ((2, 0), (0, 0), (0, 2)):
        bounds = [1.0] * shape[1]
        for head in ("clip", "tanh", "raw", "sigmoid"):
            actions = _engine.continuous_actions(head, np.zeros(shape, np.float32), bounds, bounds)
            assert actions.shape == shape and actions.dtype == np.float32


def test_no_head_and_no_exploration_makes_it_panic() -> None:
    numbers: list[Any] = [*HOSTILE, -0.5, float("nan")]
    for value in numbers:
        for exploration in [(value, 0.1, 0.1), ((value,), 0.1, 0.1), ((0.1,), value, 0.1), ((0.1,), 0.1, value)]:
            survives(_engine.evaluate, **{**EVALUATE, "exploration": exploration})
    heads = [
        "",
        "/",
        "tanh/",
        "argmax/argmax",
        "sample/sample",
        "threshold:",
        "threshold:nan",
        "threshold:1/tanh",
        "raw/",
    ]
    logits = np.zeros((2, 2), np.float32)
    for head in heads:
        survives(_engine.evaluate, **{**EVALUATE, "head": head})
        survives(_engine.continuous_actions, head, logits, [0.0, 0.0], [1.0, 1.0])
    with pytest.raises(
        _engine.EngineError, match=r'^head: expected argmax, sample, threshold:NUMBER, tanh, .* got "up"$'
    ):
        _engine.evaluate(**{**EVALUATE, "head": "up"})
    with pytest.raises(_engine.EngineError, match=r"^head: expected one for each of 2 outputs, got 3$"):
        _engine.continuous_actions("raw/raw/raw", logits, [0.0, 0.0], [1.0, 1.0])


def test_arrays_in_another_order_are_refused() -> None:
    with pytest.raises(_engine.EngineError, match=r"^weights: expected an aligned, C-contiguous array$"):
        _engine.evaluate(**{**EVALUATE, "weights": np.asfortranarray(POPULATION)})


def test_sequences_are_lists_or_tuples() -> None:
    for sequence in (range(2**60), "ab", np.zeros(2)):
        with pytest.raises(_engine.EngineError, match="expected a list or a tuple"):
            _engine.continuous_actions("clip", np.zeros((1, 2), np.float32), sequence, [])  # type: ignore[arg-type]


def test_a_panic_is_an_internal_error() -> None:
    with pytest.raises(_engine.InternalError, match=r"^internal error: a thread panicked: a bug$"):
        _engine.fail("a bug")
    with pytest.raises(InternalError, match=r"^internal error: a thread panicked: a bug$") as raised, engine_errors():
        _engine.fail("a bug")
    assert isinstance(raised.value, EvalEngineError) and isinstance(raised.value, RuntimeError)


def test_memory_that_cannot_be_had_is_a_memory_error() -> None:
    message = rf"^memory: expected {2**60} bytes to be free, got fewer$"
    with pytest.raises(_engine.OutOfMemoryError, match=message):
        _engine.fail("", 2**60)
    with pytest.raises(OutOfMemoryError, match=message) as raised, engine_errors():
        _engine.fail("", 2**60)
    assert isinstance(raised.value, EvalEngineError) and isinstance(raised.value, MemoryError)


def test_an_internal_error_is_exit_code_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(*_: Any) -> None:
        with engine_errors():
            _engine.fail("a bug")

    monkeypatch.setattr("evalengine.terminal.envs.run.registered", failing)
    assert app.main(["envs"]) == app.INTERNAL
    assert capsys.readouterr().err.splitlines()[-1] == "error: internal error: a thread panicked: a bug"


# A process that may have 6 GiB: what is larger cannot be had on any machine.
LIMITED = """
import resource
import numpy as np
import evalengine
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
policy = evalengine.Policy("cnn:3x96x96-110000k1-1k1-3")
weights = np.zeros(policy.n_params, np.float32)
try:
    CALL
except evalengine.OutOfMemoryError as error:
    print(error)
small = evalengine.Policy("mlp:4-2")
assert evalengine.evaluate("cartpole", small.init(2, seed=0), small).steps > 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize(
    ("call", "bytes_"),
    [
        ("policy.logits(weights, np.zeros((1, 3, 96, 96)))", 16 * 110_000 * 96 * 96 * 4),
        ("evalengine.evaluate('carracing', weights, policy, episodes=2, threads=1)", 2 * 110_000 * 96 * 96 * 4),
    ],
)
def test_numbers_between_layers_that_have_no_room_are_refused(call: str, bytes_: int) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", LIMITED.replace("CALL", call)], capture_output=True, text=True, timeout=120
    )
    expected = f"memory: expected {bytes_} bytes to be free, got fewer\n"
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, expected, "")


def test_results_that_have_no_room_are_refused_before_the_first_episode() -> None:
    calls: list[int] = []
    pilot = Policy("mlp:27648-3")
    with pytest.raises(OutOfMemoryError, match=r"^memory: expected \d{13,} bytes to be free, got fewer$"):
        evaluate(
            "carracing",
            np.zeros((100, pilot.n_params), np.float32),
            pilot,
            episodes=10**6,
            keep=("final_observation",),
            progress=lambda done, _: calls.append(done),
        )
    assert calls == []

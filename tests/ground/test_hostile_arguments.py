"""Every argument of every public function is given what it cannot be: the answer is evalengine's own error, one line.

Where a value happens to be a good one, the call does what it should. Nothing else may come out.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_values import hostile_values

import evalengine
from evalengine.errors import EvalEngineError
from evalengine.evaluation.call import evaluate_part

POLICY = evalengine.Policy("mlp:3-2-1")
POPULATION = POLICY.init(2, seed=0)


def statistics() -> evalengine.ObservationStatistics:
    return evalengine.ObservationStatistics(2, np.zeros(3), np.ones(3))


def on_threads(function: Callable[..., Any], executor: Any = None, **arguments: Any) -> Any:
    if executor is not None:
        return function(executor, **arguments)
    with ThreadPoolExecutor(1) as own:
        return function(own, **arguments)


def reset(**arguments: Any) -> Any:
    return evalengine.make("pendulum").reset(**arguments)


def step(env_id: str, action: Any) -> Any:
    env = evalengine.make(env_id)
    env.reset(seed=0)
    return env.step(action)


OPTIONS: dict[str, Any] = {
    "env_kwargs": {"g": 9.0},
    "reset_options": {"x_init": 1.0},
    "observation": None,
    "max_episode_steps": 2,
    "epsilon": 0.1,
    "sticky": 0.2,
    "stop": {"patience": 1, "return_below": -9},
    "no_ops": 1,
    "action_repeat": 2,
    "on_nan": -1.0,
    "normalize": None,
}
CALL: dict[str, Any] = {"env_id": "pendulum", "weights": POPULATION, "policy": POLICY, "episodes": 2, "seeds": 5}
MORE: dict[str, Any] = {
    "keep": (),
    "descriptors": ["last(theta_dot)"],
    "trajectories": [0],
    "collect_statistics": False,
    "progress": None,
    "cancel": None,
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "evaluate": (evalengine.evaluate, {**CALL, **OPTIONS, **MORE, "threads": 1}),
    "evaluate_part": (partial(evaluate_part, None), {**CALL, **OPTIONS, **MORE, "threads": 1}),
    "evaluate_on": (
        partial(on_threads, evalengine.evaluate_on),
        {**CALL, **OPTIONS, **MORE, "executor": None, "threads": 1, "shares": 2},
    ),
    "batch_evaluate": (
        evalengine.batch_evaluate,
        {
            "env_id": "pendulum",
            "weights": POPULATION,
            "n_episodes": 1,
            "policy_arch": "mlp",
            "policy_shape": (3, 2, 1),
            "seeds": 5,
            "activation": "tanh",
            "bias": True,
            "head": "clip",
            "noise": 0.1,
            **OPTIONS,
        },
    ),
    "RayEvaluator": (evalengine.RayEvaluator, {"threads": 1, "shares_per_node": 2, "address": "auto"}),
    "Policy": (evalengine.Policy, {"spec": "mlp:3-1"}),
    "Policy.from_shape": (
        evalengine.Policy.from_shape,
        {"arch": "mlp", "shape": (3, 1), "activation": "relu", "bias": False, "head": "tanh", "noise": 0},
    ),
    "Policy.from_shape, within": (lambda size: evalengine.Policy.from_shape("mlp", (3, size)), {"size": 1}),
    "Policy.from_shape, convolution": (
        lambda part: evalengine.Policy.from_shape("cnn", (1, 5, 5, (2, part), 1)),
        {"part": 3},
    ),
    "Policy.init": (POLICY.init, {"population": 2, "seed": 0}),
    "Policy.logits": (POLICY.logits, {"weights": POPULATION[0], "observations": np.zeros((1, 3))}),
    "Policy.flatten": (POLICY.flatten, {"individuals": POPULATION}),
    "Policy.from_state_dict": (
        POLICY.from_state_dict,
        {"state_dict": POLICY.to_state_dict(POPULATION[0]), "prefix": ""},
    ),
    "Policy.to_state_dict": (POLICY.to_state_dict, {"vector": POPULATION[0], "like": None}),
    "Policy.to_torch": (POLICY.to_torch, {"vector": POPULATION[0]}),
    "Policy.from_torch": (
        evalengine.Policy.from_torch,
        {"module": POLICY.to_torch(POPULATION[0]), "observation_shape": None},
    ),
    "make": (evalengine.make, {"env_id": "pendulum", "max_episode_steps": 2, "observation": None, "g": 9.0}),
    "reset": (reset, {"seed": 0, "options": {}}),
    "step, discrete": (partial(step, "cartpole"), {"action": 1}),
    "step, box": (partial(step, "pendulum"), {"action": np.zeros(1, np.float32)}),
    "Condition": (evalengine.Condition, {"spec": "x < 1"}),
    "Condition.of": (evalengine.Condition.of, {"value": "x < 1"}),
    "Descriptor": (evalengine.Descriptor, {"reducer": "last", "value": "x", "where": "y", "otherwise": None}),
    "Descriptor.of": (evalengine.Descriptor.of, {"value": "last(x)"}),
    "ObservationOptions": (
        evalengine.ObservationOptions,
        {"skip": 2, "grayscale": True, "resize": (4, 4), "stack": 2, "padding": "zero"},
    ),
    "ObservationOptions.of": (evalengine.ObservationOptions.of, {"value": {"skip": 2}}),
    "Normalization": (evalengine.Normalization, {"mean": np.zeros(3), "std": np.ones(3), "clip": 5.0}),
    "ObservationStatistics": (
        evalengine.ObservationStatistics,
        {"count": 2, "sum": np.zeros(3), "sum_of_squares": np.ones(3)},
    ),
    "normalization": (statistics().normalization, {"least_std": 0.1, "clip": 5.0}),
}
FILE_FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "load_weights": (evalengine.load_weights, {"path": "best.npy", "policy": None, "memory_map": False}),
    "save_weights": (
        evalengine.save_weights,
        {"path": "new.npy", "weights": POPULATION, "policy": POLICY, "env_id": "pendulum"},
    ),
    "Policy.save": (POLICY.save, {"path": "new.npy", "weights": POPULATION, "env_id": "pendulum"}),
}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)  # no cluster is started where the value happens to be a good one
    POLICY.save("best.npy", POPULATION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch, about dtypes that are experimental
        yield


def cases(functions: dict[str, tuple[Callable[..., Any], dict[str, Any]]]) -> list[Any]:
    return [
        pytest.param(name, argument, id=f"{name} {argument}") for name in functions for argument in functions[name][1]
    ]


@pytest.mark.parametrize("name", FUNCTIONS | FILE_FUNCTIONS)
def test_the_other_arguments_are_good(name: str) -> None:
    function, arguments = (FUNCTIONS | FILE_FUNCTIONS)[name]
    if name == "RayEvaluator":
        with pytest.raises(evalengine.MissingDependencyError):
            function(**arguments)
    else:
        function(**arguments)


@pytest.mark.parametrize(("name", "argument"), cases(FUNCTIONS | FILE_FUNCTIONS))
def test_every_hostile_value_is_refused_in_one_line_or_used(name: str, argument: str) -> None:
    function, arguments = (FUNCTIONS | FILE_FUNCTIONS)[name]
    values = hostile_values()
    if argument == "progress":  # what a function of the caller's own raises is the caller's own
        values = {kind: value for kind, value in values.items() if not callable(value)}
    check_answers(function, arguments, argument, values)


def check_answers(
    function: Callable[..., Any], arguments: dict[str, Any], argument: str, values: dict[str, Any]
) -> None:
    failures = []
    for kind, value in values.items():
        try:
            function(**(arguments | {argument: value}))
        except EvalEngineError as refused:
            message = str(refused)
            if not message.isprintable() or len(message) > 1500:
                failures.append(f"{kind}: {message[:300]!r}")
        except Exception as error:
            failures.append(f"{kind}: {type(error).__name__}: {error!s:.200}")
    assert not failures, "\n".join(failures)


def is_key(value: Any) -> bool:
    try:
        hash(value)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("argument", [*CALL, *OPTIONS, *MORE])
def test_hostile_values_within_others_are_refused_too(argument: str) -> None:
    function, arguments = FUNCTIONS["evaluate"]
    name = {"reset_options": "x_init", "observation": "resize"}.get(argument, "g")
    for wrapped in (lambda value: [value], lambda value: (value, value), lambda value: {name: value}):
        check_answers(function, arguments, argument, {kind: wrapped(v) for kind, v in hostile_values().items()})
    keys = {kind: {value: 1.0} for kind, value in hostile_values().items() if is_key(value)}
    check_answers(function, arguments, argument, keys)


@pytest.mark.parametrize("argument", ["where", "otherwise"])
def test_hostile_parts_of_a_descriptor_are_refused_too(argument: str) -> None:
    function, arguments = FUNCTIONS["Descriptor"]
    check_answers(function, arguments, argument, {kind: (value,) for kind, value in hostile_values().items()})


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_no_bad_argument(ending: type[BaseException]) -> None:
    def end(_: object) -> int:
        raise ending

    value: Any = type("Ending", (), {"__index__": end, "__repr__": end, "__array__": end})()
    for argument in ("weights", "seeds", "episodes", "threads"):
        with pytest.raises(ending):
            evalengine.evaluate(**(CALL | {argument: value}))

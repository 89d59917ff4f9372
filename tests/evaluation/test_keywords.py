"""The keywords of an evaluation are the same wherever one is asked for; any other is Python's own TypeError."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evalengine import InputError, Policy, RayEvaluator, _engine, batch_evaluate, evaluate, evaluate_on
from evalengine.evaluation.call import evaluate_part
from evalengine.evaluation.options import DEFAULTS, EvaluateOptions
from evalengine.evaluation.settings import _KEYWORDS, settled

# Nothing of it can be used: a call that gets as far as looking at its arguments ends in an InputError.
BAD = ("nowhere", None, "mlp:0")
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "evaluate": (evaluate, BAD),
    "batch_evaluate": (batch_evaluate, ("nowhere", None, 0, "mlp", (0,))),
    "evaluate_part": (evaluate_part, (None, *BAD)),
    "evaluate_on": (evaluate_on, (None, *BAD)),
    "RayEvaluator.evaluate": (RayEvaluator.evaluate, (None, *BAD)),
}
# E is the positional `n_episodes`; threads are the actors', not a call's.
NOT_OF = {("batch_evaluate", "episodes"), ("RayEvaluator.evaluate", "threads")}


def refused(name: str, keyword: str) -> str:
    return f"^{name}\\(\\) got an unexpected keyword argument '{keyword}'$"


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("keyword", ["x", "episode", "group_width", "options", "n_individuals"])
def test_a_keyword_that_there_is_not_is_refused_before_anything_else(name: str, keyword: str) -> None:
    function, bad = FUNCTIONS[name]
    with pytest.raises(TypeError, match=refused(name, keyword)):
        function(*bad, on_nan=1.0, **{keyword: 1}, keep=())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("keyword", "default"), DEFAULTS.items())
def test_every_function_has_every_keyword(name: str, keyword: str, default: Any) -> None:
    function, bad = FUNCTIONS[name]
    with pytest.raises(TypeError if (name, keyword) in NOT_OF else InputError) as error:
        function(*bad, **{keyword: default})
    if (name, keyword) in NOT_OF:
        error.match(refused(name, keyword))


def test_every_keyword_has_a_default() -> None:
    assert set(DEFAULTS) == EvaluateOptions.__optional_keys__


def test_the_signature_of_evaluate_and_its_docstring_have_them_in_the_same_order() -> None:
    own, stated = ["env_id", "weights", "policy"], inspect.signature(evaluate).parameters
    assert list(stated) == [*own, *DEFAULTS]
    assert {name: stated[name].default for name in DEFAULTS} == DEFAULTS
    assert {stated[name].kind for name in DEFAULTS} == {inspect.Parameter.KEYWORD_ONLY}
    assert stated["on_nan"].annotation == "Literal['raise'] | float"
    assert stated["cancel"].annotation == "CancelToken | None"
    text = inspect.getdoc(evaluate) or ""
    documented = re.findall(r"^    (\w+): ", text[text.index("Args:") : text.index("Raises:")], flags=re.MULTILINE)
    assert documented == [*own, *DEFAULTS]


def test_what_is_looked_up_does_not_take_an_equal_value_of_another_type() -> None:
    weights = Policy("mlp:4-1-2").init(1, 0)
    options: dict[str, Any] = {"seeds": 3, "threads": 1}
    expected = evaluate("CartPole-v1", weights, "mlp:4-1-2", max_episode_steps=1, **options)
    assert evaluate("CartPole-v1", weights, Policy("mlp:4-1-2"), max_episode_steps=1, **options).lengths == [[1]]
    assert evaluate("CartPole-v1", weights, "mlp:4-1-2", max_episode_steps=2, **options).lengths == [[2]]
    limits: list[Any] = [True, 1.0, [1]]
    for limit in limits:
        with pytest.raises(InputError, match=r"^max_episode_steps: expected an integer from 1 to"):
            evaluate("CartPole-v1", weights, "mlp:4-1-2", max_episode_steps=limit, **options)
    options["max_episode_steps"] = 1
    assert batch_evaluate("CartPole-v1", weights, 1, "mlp", (4, 1, 2), **options) == expected.fitness
    one: Any = np.int64(1)
    assert batch_evaluate("CartPole-v1", weights, 1, "mlp", (4, one, 2), **options) == expected.fitness
    for size in (True, 1.0):
        with pytest.raises(InputError, match=r"^policy_shape"):
            batch_evaluate("CartPole-v1", weights, 1, "mlp", (4, size, 2), **options)  # type: ignore[arg-type]


def test_to_name_the_extensions_defaults_changes_nothing() -> None:
    settings = settled("cartpole", Policy("mlp:4-3-2"), EvaluateOptions())
    assert settings.keywords == {}
    weights, seeds = Policy("mlp:4-3-2").init(5, seed=1), np.arange(3, dtype=np.uint64)[np.newaxis]
    acting = (settings.network, settings.head, weights, seeds)
    engine: Any = _engine.evaluate
    plain = engine(settings.entry.id, settings.kwargs, settings.reset_options, *acting, threads=1)
    named = engine(settings.entry.id, settings.kwargs, settings.reset_options, *acting, threads=1, **_KEYWORDS)
    assert plain.keys() == named.keys()
    for name in plain.keys() - {"seconds"}:
        np.testing.assert_array_equal(plain[name], named[name])

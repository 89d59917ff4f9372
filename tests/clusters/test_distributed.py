"""Evaluations on executors and clusters: the bits of one machine, also where workers die."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalengine
from evalengine import CancelledError, Evaluation, InputError, NonFiniteError, Policy, evaluate, evaluate_on

MLP = Policy("mlp:4-8-2")
POPULATION = MLP.init(37, seed=5)
SEEDS_OF_EACH = np.arange(37 * 3, dtype=np.uint64).reshape(37, 3) * 1000


RULES: dict[str, Any] = {
    "episodes": 3,
    "stop": {"patience": 5, "reward_above": 2.0, "condition": "abs(theta) > 0.15"},
    "no_ops": {"count": 3, "action": 1},
    "action_repeat": 2,
    "env_kwargs": {"sutton_barto_reward": [False, True, False]},
    "descriptors": ["count(action == 1)", "share(x > 0)"],
}
"""Rules of an episode, and an argument that varies by episode."""


def one_machine(**options: Any) -> Evaluation:
    return evaluate("CartPole-v1", POPULATION, MLP, threads=1, **options)


def assert_equal_bits(found: Any, expected: Any, name: str = "result") -> None:
    """Everything but the wall time has the same type, shape and bytes, and dictionaries have the same order."""
    assert type(found) is type(expected), name
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes()), name
    elif is_dataclass(expected):
        for field in fields(expected):
            if field.name != "seconds":
                assert_equal_bits(getattr(found, field.name), getattr(expected, field.name), f"{name}.{field.name}")
    elif isinstance(expected, dict):
        assert list(found) == list(expected), name
        for key, value in expected.items():
            assert_equal_bits(found[key], value, f"{name}[{key}]")
    elif isinstance(expected, tuple):
        assert len(found) == len(expected), name
        for number, value in enumerate(expected):
            assert_equal_bits(found[number], value, f"{name}[{number}]")
    else:
        assert found == expected, name


class Inline:
    """Runs every share at once, where it is submitted; counts them."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        self.sizes.append(len(arguments[2]))
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


class Last(Inline):
    """Answers the newest share first: an order of arrival is not an order of individuals."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        class Lazy(Future[Any]):
            def result(lazy, timeout: float | None = None) -> Any:
                while self.calls:
                    future, function, arguments = self.calls.pop()
                    future.set_result(function(*arguments))
                return super().result(timeout)

        future = Lazy()
        self.calls.append((future, function, arguments))
        return future


@pytest.mark.parametrize("shares", [1, 2, 5, 37, 1000, None])
def test_every_cut_gives_the_bits_of_one_machine(shares: int | None) -> None:
    executor = Inline()
    found = evaluate_on(executor, "CartPole-v1", POPULATION, MLP, episodes=3, seeds=7, shares=shares)
    assert_equal_bits(found, one_machine(episodes=3, seeds=7))
    assert sum(executor.sizes) == 37
    assert len(executor.sizes) == min(37, shares or 16)
    assert max(executor.sizes) - min(executor.sizes) <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"seeds": SEEDS_OF_EACH},
        {"seeds": [3, 1, 4]},
        {"episodes": 2, "keep": ("final_observation",)},
        {"episodes": 2, "max_episode_steps": 5, "env_kwargs": {"sutton_barto_reward": True}},
        {"episodes": 2, "reset_options": {"low": -0.1, "high": 0.1}},
        RULES,
    ],
    ids=["seeds of each", "seeds", "keep", "kwargs", "reset options", "rules"],
)
def test_every_option_arrives(options: dict[str, Any]) -> None:
    assert_equal_bits(
        evaluate_on(Inline(), "CartPole-v1", POPULATION, MLP, shares=4, **options), one_machine(**options)
    )


def test_the_comparison_has_teeth() -> None:
    expected = one_machine()
    found = evaluate_on(Inline(), "CartPole-v1", POPULATION, MLP, shares=4)
    found.returns[36, 0] = np.nextafter(found.returns[36, 0], np.inf)
    with pytest.raises(AssertionError, match="returns"):
        assert_equal_bits(found, expected)


def test_answers_in_another_order_are_placed_in_theirs() -> None:
    found = evaluate_on(Last(), "CartPole-v1", POPULATION, MLP, seeds=SEEDS_OF_EACH, shares=6)
    assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH))


def test_a_population_of_none() -> None:
    found = evaluate_on(Inline(), "CartPole-v1", POPULATION[:0], MLP, episodes=2)
    assert_equal_bits(found, evaluate("CartPole-v1", POPULATION[:0], MLP, episodes=2))


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_of_the_standard_library(make: Callable[[int], Any]) -> None:
    with make(2) as executor:
        found = evaluate_on(executor, "cartpole", POPULATION, "mlp:4-8-2", seeds=SEEDS_OF_EACH)
    assert_equal_bits(found, one_machine(seeds=SEEDS_OF_EACH))


def test_a_share_is_never_larger_than_a_message_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalengine.clusters.shares._SHARE_BYTES", 10 * POPULATION[0].nbytes)
    executor = Inline()
    assert_equal_bits(evaluate_on(executor, "cartpole", POPULATION, MLP, shares=1), one_machine())
    assert max(executor.sizes) <= 10


def test_progress_counts_episodes() -> None:
    seen: list[tuple[int, int]] = []
    evaluate_on(
        Inline(), "cartpole", POPULATION, MLP, episodes=2, shares=3, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(24, 74), (48, 74), (74, 74)]


@pytest.mark.parametrize("bad", ["a weight", "a logit"])
@pytest.mark.parametrize("shares", [1, 4, 37])
def test_what_is_not_finite_is_named_as_on_one_machine(bad: str, shares: int) -> None:
    weights = POPULATION.copy()
    weights[[20, 31]] = np.nan if bad == "a weight" else np.float32(3e38)
    with pytest.raises(NonFiniteError) as expected:
        evaluate("cartpole", weights, MLP, episodes=2)
    with pytest.raises(NonFiniteError) as found:
        evaluate_on(Inline(), "cartpole", weights, MLP, episodes=2, shares=shares)
    assert expected.value.individual == 20
    assert (str(found.value), vars(found.value)) == (str(expected.value), vars(expected.value))
    assert_equal_bits(
        evaluate_on(Inline(), "cartpole", weights, MLP, episodes=2, shares=shares, on_nan=-1.0),
        evaluate("cartpole", weights, MLP, episodes=2, on_nan=-1.0),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads: expected an integer from 1 to 1024, got 0"),
        ({"shares": 0}, "shares: expected an integer from 1 to 2147483647, got 0"),
        ({"cancel": True}, "cancel: expected an object with is_set(), such as a threading.Event, got True"),
        ({"on_nan": "skip"}, "on_nan: expected 'raise' or a number, got 'skip'"),
        ({"seeds": SEEDS_OF_EACH[:5]}, "seeds: expected shape (E,) or (37, E) with E > 0, got (5, 3)"),
        ({"env_kwargs": {"gravity": 1}}, None),
        ({"reset_options": {"gravity": 1}}, None),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_share_is_sent(options: dict[str, Any], message: str | None) -> None:
    executor = Inline()
    with pytest.raises(InputError) as refused:
        evaluate_on(executor, "cartpole", POPULATION, MLP, **options)
    assert message is None or str(refused.value) == message
    assert executor.sizes == []


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(InputError, match=r"^executor: expected an object with submit\(function, \*arguments\), got 3$"):
        evaluate_on(3, "cartpole", POPULATION, MLP)  # type: ignore[arg-type]

    class Loud(Inline):
        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result("done")
            return future

    with pytest.raises(InputError, match=r"^executor: expected futures whose result is what the function returned"):
        evaluate_on(Loud(), "cartpole", POPULATION, MLP)


def test_a_token_ends_the_waiting_and_cancels_the_rest() -> None:
    token = threading.Event()
    sent: list[Future[Any]] = []

    class Never:
        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            if sent:
                token.set()
            sent.append(Future())
            return sent[-1]

    with pytest.raises(CancelledError, match=r"^cancelled after 0 of 37 episodes$"):
        evaluate_on(Never(), "cartpole", POPULATION, MLP, shares=3, cancel=token)
    assert [future.cancelled() for future in sent] == [True, True, True]
    with pytest.raises(CancelledError, match=r"^cancelled before the first episode$"):
        evaluate_on(Inline(), "cartpole", POPULATION, MLP, cancel=token)


# Dask


@pytest.fixture(scope="module")
def dask_client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_dask_clients_and_their_executors(dask_client: Any) -> None:
    expected = one_machine(seeds=SEEDS_OF_EACH)
    for executor in (dask_client, dask_client.get_executor()):
        assert_equal_bits(evaluate_on(executor, "cartpole", POPULATION, MLP, seeds=SEEDS_OF_EACH), expected)


def test_dask_runs_the_shares_of_a_killed_worker_again(dask_client: Any) -> None:
    pids = list(dask_client.run(os.getpid).values())
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed:
            killed.append(pids[0])
            os.kill(pids[0], 9)

    long = MLP.init(400, seed=1)
    recorded: dict[str, Any] = {"trajectories": [0, 399], "collect_statistics": True}
    found = evaluate_on(dask_client, "cartpole", long, MLP, episodes=500, shares=20, progress=kill_one, **recorded)
    assert killed
    assert_equal_bits(found, evaluate("cartpole", long, MLP, episodes=500, **recorded))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(evalengine.MissingDependencyError, match=re.escape("pip install 'evalengine[ray]'")):
        evalengine.RayEvaluator()


def test_the_example_in_the_documentation_runs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "many-machines.md").read_text(encoding="utf-8")
    example, *_ = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "many-machines.md", "exec"), names)
    expected = evaluate("CartPole-v1", names["population"], names["policy"], episodes=8)
    assert_equal_bits(names["result"], expected)


def test_descriptors_and_normalisation_travel_with_the_shares() -> None:
    scale = evalengine.Normalization(np.full(4, 0.01, np.float32), np.full(4, 0.5, np.float32))
    options: dict[str, Any] = {"descriptors": ["max(x)", "mean(theta) where x > 0 else 1.5"], "normalize": scale}
    expected = one_machine(episodes=3, **options)
    assert expected.returns.tobytes() != one_machine(episodes=3).returns.tobytes()
    with ProcessPoolExecutor(2) as executor:
        found = evaluate_on(executor, "CartPole-v1", POPULATION, MLP, episodes=3, **options)
    assert_equal_bits(found, expected)


def test_state_dicts_are_taken_as_evaluate_takes_them() -> None:
    individuals = [MLP.to_state_dict(vector) for vector in POPULATION[:5]]
    found = evaluate_on(Inline(), "CartPole-v1", individuals, MLP, episodes=2)
    assert_equal_bits(found, evaluate("CartPole-v1", POPULATION[:5], MLP, episodes=2))

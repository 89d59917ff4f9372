"""What shares of `evaluate_on` raise, and futures without a result: the call ends, watched by a token or not."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import CancelledError as FutureCancelledError
from typing import Any

import pytest
from test_distributed import MLP, POPULATION, Inline, assert_equal_bits, one_machine

from evalengine import Evaluation, WorkersLostError, evaluate_on
from evalengine.evaluation.equal_bits import requirements


class Polled:
    """A future as `concurrent.futures` has it, whose answer comes when it is asked for the third time."""

    def __init__(self, answer: Callable[[], Any], has_done: bool) -> None:
        self._answer, self._asked = answer, 0
        self._error: Exception | None = None
        if has_done:
            self.done = lambda: self._asked >= 3

    def result(self, timeout: float | None = None) -> Any:
        self._asked += 1
        if timeout is not None and self._asked < 3:
            raise TimeoutError
        try:
            return self._answer()
        except Exception as error:
            self._error = self._error or error
            raise self._error from None


@pytest.mark.parametrize("has_done", [True, False])
@pytest.mark.parametrize("is_watched", [True, False])
@pytest.mark.parametrize("kind", [None, TimeoutError, FutureCancelledError, BrokenExecutor, KeyboardInterrupt, OSError])
def test_what_a_share_raises_ends_the_call(kind: type[BaseException] | None, is_watched: bool, has_done: bool) -> None:
    token = threading.Event() if is_watched else None

    class Late:
        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Polled:
            def answer() -> Any:
                if kind is not None and arguments[4][0] > 0:  # not the first share
                    raise kind("the share's")
                return function(*arguments)

            return Polled(answer, has_done)

    def evaluated() -> Evaluation:
        return evaluate_on(Late(), "cartpole", POPULATION, MLP, shares=3, cancel=token)

    if kind is None:
        assert_equal_bits(evaluated(), one_machine())
    else:
        with pytest.raises(kind, match=r"^the share's$"):
            evaluated()


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_real_executors_pass_on_what_a_share_raises(make: Callable[[int], Any]) -> None:
    class Failing:
        def __init__(self, executor: Any, function: Callable[..., Any]) -> None:
            self._executor, self._function = executor, function

        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            found: Future[Any] = self._executor.submit(self._function)
            return found

    wanted: list[tuple[Callable[..., Any], type[BaseException]]] = [
        (raise_timeout, TimeoutError),
        (raise_interrupt, KeyboardInterrupt),
    ]
    if make is ProcessPoolExecutor:
        wanted.append((die, BrokenExecutor))
    for function, kind in wanted:
        with make(1) as executor, pytest.raises(kind):
            evaluate_on(Failing(executor, function), "cartpole", POPULATION, MLP, cancel=threading.Event())


def raise_timeout() -> None:
    raise TimeoutError("the share's")


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def die() -> None:
    os._exit(1)


def test_a_future_that_somebody_cancelled_ends_the_call() -> None:
    class Cancelled:
        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            return future

    with pytest.raises(FutureCancelledError):
        evaluate_on(Cancelled(), "cartpole", POPULATION, MLP, cancel=threading.Event())


def test_a_worker_that_might_give_other_bits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = requirements()

    class Elsewhere(Inline):
        def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
            with monkeypatch.context() as patched:
                patched.setattr("evalengine.clusters.shares.requirements", lambda: here | {"libm": "musl"})
                return super().submit(function, *arguments)

    executor = Elsewhere()
    with pytest.raises(WorkersLostError) as refused:
        evaluate_on(executor, "cartpole", POPULATION, MLP)
    assert str(refused.value) == (f"worker {platform.node()}: expected libm {here['libm']}, as here, got libm musl")

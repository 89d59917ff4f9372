"""A token that another thread sets ends an evaluation; nothing else does."""

from __future__ import annotations

import threading

import pytest

from evalengine import CancelledError, CancelToken, EvalEngineError, InputError, Policy, batch_evaluate, evaluate

MLP = Policy("mlp:4-8-2")
POPULATION = MLP.init(8, seed=0)
# Eight million episodes of a hundred steps are many minutes: that a call comes back at all is the proof.
LONG = 10**6
PILOT = Policy("mlp:8-8-4")
PILOTS = PILOT.init(8, seed=0)


class After:
    """A token that is set once it has been asked some times."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_another_thread_ends_a_long_call() -> None:
    token = threading.Event()
    calls: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == 1:
            threading.Thread(target=token.set).start()

    with pytest.raises(CancelledError, match=r"^cancelled after \d+ of 8000000 episodes$") as cancelled:
        evaluate("lunarlander", PILOTS, PILOT, episodes=LONG, cancel=token, progress=progress)
    assert isinstance(cancelled.value, EvalEngineError)
    assert calls


def test_a_token_is_asked_again_and_again() -> None:
    token = After(3)  # once before the first episode
    with pytest.raises(CancelledError, match=r"^cancelled after \d+ of "):
        batch_evaluate("lunarlander", PILOTS, LONG, "mlp", (8, 8, 4), cancel=token)
    assert token.left == -1


def test_a_token_that_is_set_before_starts_nothing() -> None:
    with pytest.raises(CancelledError, match=r"^cancelled before the first episode$"):
        evaluate("cartpole", POPULATION, MLP, cancel=After(0))


def test_a_token_that_stays_unset_changes_nothing() -> None:
    seen: list[tuple[int, int]] = []
    found = evaluate(
        "cartpole",
        POPULATION,
        MLP,
        episodes=3,
        cancel=threading.Event(),
        progress=lambda *counts: seen.append(counts),
    )
    assert found.returns.tobytes() == evaluate("cartpole", POPULATION, MLP, episodes=3).returns.tobytes()
    assert seen[-1] == (24, 24)


def test_what_is_finished_is_not_thrown_away() -> None:
    token = After(1)  # unset before the first episode, set from then on
    assert evaluate("cartpole", POPULATION[:1], MLP, cancel=token).steps > 0


def test_tokens_are_what_can_be_asked() -> None:
    assert isinstance(threading.Event(), CancelToken)
    with pytest.raises(InputError, match=r"^cancel: expected an object with is_set\(\), such as .*, got 1$"):
        evaluate("cartpole", POPULATION, MLP, cancel=1)  # type: ignore[arg-type]

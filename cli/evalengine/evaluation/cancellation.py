"""Ending an evaluation from another thread.

    >>> stop = threading.Event()
    >>> evaluate("CartPole-v1", population, policy, cancel=stop)                 # CancelledError soon after stop.set()

The engine asks Python some ten times a second whether to go on (it does so for Ctrl-C as well); a token that is set
makes that answer a `CancelledError`. Depends on messages and errors.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from evalengine.errors import CancelledError, InputError
from evalengine.messages import shown
from evalengine.progress import Progress


@runtime_checkable
class CancelToken(Protocol):
    """Whatever says that it is set: a `threading.Event`, a `multiprocessing.Event`, an object of your own."""

    def is_set(self) -> bool:
        """Return True once the evaluation shall end; called some ten times a second, from the evaluating thread."""
        ...


def check_token(cancel: object) -> None:
    """Refuse what is neither None nor a `CancelToken`.

    Raises:
        InputError: it has no method `is_set`.
    """
    if cancel is not None and not callable(getattr(cancel, "is_set", None)):
        raise InputError(f"cancel: expected an object with is_set(), such as a threading.Event, got {shown(cancel)}")


def cancellable(progress: Progress | None, cancel: CancelToken | None) -> Progress | None:
    """Return a progress function that raises `CancelledError` where the token is set, and else calls `progress`.

    Args:
        progress: what the caller of the evaluation gave; None reports nothing.
        cancel: None leaves `progress` as it is.

    Raises:
        CancelledError: the token is set already.
    """
    if cancel is None:
        return progress
    stop_if_cancelled(cancel)

    def watch(done: int, total: int) -> None:
        # A finished evaluation is not thrown away: the last call says that nothing is left to cancel.
        if done < total:
            stop_if_cancelled(cancel, done, total)
        if progress is not None:
            progress(done, total)

    return watch


def stop_if_cancelled(cancel: CancelToken | None, done: int = 0, total: int | None = None) -> None:
    """Raise `CancelledError` if the token is set; the message says how many episodes were done."""
    if cancel is not None and cancel.is_set():
        raise CancelledError(
            "cancelled before the first episode" if total is None else f"cancelled after {done} of {total} episodes"
        )

"""Programs that end in order when they are told to, and processes that end with the one that started them.

    with ending_in_order() as ending:          # SIGTERM and SIGHUP unwind the stack, as Ctrl-C does
        ...
    ending.exit_code                           # 143 after SIGTERM; None if none came

What is half-written is removed and what was started is ended by `with` and `finally` blocks. SIGKILL runs none of them:
so whatever was started also watches whether the process that started it is still there. Not by a signal of the system
(Linux: PR_SET_PDEATHSIG), which comes when the thread ends that started it. Depends on nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Both mean: end, and there is time to clean up. Windows has no SIGHUP.
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
# What an orphan may take for ending what it has started itself.
_PATIENCE = 10.0


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: whoever handles Ctrl-C does what is right for them, too."""


class Ending:
    """What `ending_in_order` knows.

    Attributes:
        exit_code: what shells report of a process that the signal killed, 128 and its number; None if none came.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Be a signal's handler."""
        self.exit_code = 128 + number
        raise Terminated


@contextmanager
def ending_in_order() -> Iterator[Ending]:
    """Let SIGTERM and SIGHUP raise `Terminated` meanwhile; for programs, not for what they import.

    Signals that are ignored (nohup) or have a handler already are left alone, and so are all of them outside of the
    main thread, the only one that can have handlers.
    """
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return
    handled = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, ending.handle)
    try:
        yield ending
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def own_handlers() -> Iterator[None]:
    """Take back what a library that is called meanwhile makes of SIGTERM: Ray lets it exit with 1, a mismatch."""
    former = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, former)


def end_with_parent() -> None:
    """Let this process, which `multiprocessing` started, end when the one that started it does, however that ends."""
    import multiprocessing

    if (parent := multiprocessing.parent_process()) is not None:
        _end_after(parent.join)


def end_with_stdin() -> None:
    """Let this process end when its stdin does: a pipe of which the process that started it holds the other end."""
    descriptor = sys.stdin.fileno()

    # Not by sys.stdin, whose lock a thread that waits would still hold when the interpreter ends.
    def wait() -> None:
        while os.read(descriptor, 4096):
            pass

    _end_after(wait)


def _end_after(wait: Callable[[], object]) -> None:
    """Send this process SIGTERM once `wait` returns; a handler may end what it started, but not take for ever."""
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def watch() -> None:
        wait()
        signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)

    threading.Thread(target=watch, name="lifetime", daemon=True).start()

"""Every exception that evalengine raises on purpose, and its warning: one class for each thing that a caller can do.

A message is one finished line that says what was expected and what was got, so that the command line can print it as it
is. The classes are also the builtin exceptions that a Python programmer would catch (`ValueError`, `ImportError`,
`OSError`). They survive pickling, because evaluations run in worker processes too. Depends on messages and the
extension.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from evalengine import _engine
from evalengine.messages import printable


class EvalEngineError(Exception):
    """The base of all errors that this package raises on purpose."""

    _kept = ""

    def __init__(self, *arguments: object) -> None:
        """Keep the message; what in it would break the line or speak to a terminal is escaped, wherever it is from."""
        super().__init__(*(printable(part, self._kept) if isinstance(part, str) else part for part in arguments))


class InputError(EvalEngineError, ValueError):
    """An argument or a file that cannot be used; raised before any work starts."""


class PickleError(InputError):
    """A file of weights that is a pickle, which is never opened; lines of Python that convert it follow the message."""

    _kept = "\n"


class NonFiniteError(InputError):
    """A weight, or a logit during an episode, that is NaN or infinite.

    Attributes:
        individual: the index in the population.
        episode: the index of the episode whose logits turned out non-finite; None if a weight was.
    """

    def __init__(self, message: str, individual: int | None = None, episode: int | None = None) -> None:
        """Keep `message` as the only argument: pickling rebuilds from it and restores the attributes."""
        super().__init__(message)
        self.individual = individual
        self.episode = episode


class MissingDependencyError(EvalEngineError, ImportError):
    """An optional package that this call needs is not installed."""

    @classmethod
    def of(cls, package: str, *, extra: str) -> MissingDependencyError:
        """Return the error that names `package` and the extra of evalengine that brings it."""
        return cls(f"{package} is not installed: pip install 'evalengine[{extra}]'")


class WeightsWarning(UserWarning):
    """Weights are taken, but not exactly as they were given: rounded to float32, or some of them left out."""


class UnsupportedError(EvalEngineError):
    """Something that this package, or one that it measures, cannot do; the message is a reason to leave it out."""


class ReferenceFailedError(EvalEngineError, RuntimeError):
    """What evalengine is compared with raised something itself, so there is nothing to compare with."""


class OutputError(EvalEngineError, OSError):
    """A file that cannot be written."""


class CancelledError(EvalEngineError):
    """The caller's own token ended the evaluation; there is no result."""


class WorkersLostError(EvalEngineError, RuntimeError):
    """No worker is left to run what lost workers had not finished, or one share of it was lost again and again, or a
    worker's results might have other bits: it has another build, machine type or math library."""


class OutOfMemoryError(EvalEngineError, MemoryError):
    """Memory that a call needs could not be had; the message says how many bytes. Nothing else has happened."""


class InternalError(EvalEngineError, RuntimeError):
    """A bug in this package, not in what it was given."""


ENGINE_ERRORS = (_engine.EngineError, _engine.OutOfMemoryError, _engine.InternalError)
"""The extension's exceptions, whose messages are finished."""


def translated(error: BaseException) -> EvalEngineError:
    """Return one of the extension's exceptions as this package's."""
    if isinstance(error, _engine.NonFiniteError):
        return NonFiniteError(str(error), individual=error.individual, episode=error.episode)
    if isinstance(error, _engine.EngineError):
        return InputError(str(error))
    if isinstance(error, _engine.OutOfMemoryError):
        return OutOfMemoryError(str(error))
    return InternalError(str(error))


class _EngineErrors:
    """What `engine_errors` returns: a class, since a generator would be more than the rest of a call's way out."""

    def __enter__(self) -> None:
        """Nothing has to be done before."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ENGINE_ERRORS):
            raise translated(error) from None


_ENGINE_ERRORS = _EngineErrors()


def engine_errors() -> AbstractContextManager[None]:
    """Translate the extension's exceptions into this package's."""
    return _ENGINE_ERRORS

"""The error classes: what callers catch, what survives a worker process, how the extension's errors arrive."""

from __future__ import annotations

import pickle

import pytest

from evalengine import _engine
from evalengine.errors import (
    EvalEngineError,
    InputError,
    InternalError,
    MissingDependencyError,
    NonFiniteError,
    OutOfMemoryError,
    OutputError,
    ReferenceFailedError,
    engine_errors,
)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InputError, ValueError),
        (NonFiniteError, InputError),
        (MissingDependencyError, ImportError),
        (OutputError, OSError),
        (ReferenceFailedError, RuntimeError),
        (OutOfMemoryError, MemoryError),
        (InternalError, RuntimeError),
    ],
)
def test_errors_are_the_builtin_ones_too(error: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(error, EvalEngineError)
    assert issubclass(error, builtin)
    assert str(error("one line")) == "one line"


def test_a_missing_dependency_names_the_extra() -> None:
    error = MissingDependencyError.of("gymnasium", extra="bench")
    assert str(error) == "gymnasium is not installed: pip install 'evalengine[bench]'"


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(NonFiniteError("one line", individual=3, episode=7)))
    assert type(error) is NonFiniteError
    assert (str(error), error.individual, error.episode) == ("one line", 3, 7)
    assert str(pickle.loads(pickle.dumps(OutputError("one line")))) == "one line"


def test_the_extensions_errors_are_translated_with_their_attributes() -> None:
    raised = _engine.NonFiniteError("one line")
    raised.individual, raised.episode = 3, 7
    with pytest.raises(NonFiniteError) as translated, engine_errors():
        raise raised
    assert (str(translated.value), translated.value.individual, translated.value.episode) == ("one line", 3, 7)
    with pytest.raises(InputError, match=r"^one line$") as refused, engine_errors():
        raise _engine.EngineError("one line")
    assert type(refused.value) is InputError


def test_other_errors_pass_untouched() -> None:
    for error in (KeyboardInterrupt, RuntimeError, MemoryError):
        with pytest.raises(error), engine_errors():
            raise error

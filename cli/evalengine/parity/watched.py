"""A reference environment whose own exceptions are told from everybody else's.

Some versions of a reference cannot do what others do: Gymnasium 1.0.0 raises an AttributeError at every discrete action
of CarRacing. Then there is nothing to compare with, which is no mistake of ours and no reason to stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evalengine.errors import ReferenceFailedError


class Watched:
    """An environment that raises ReferenceFailedError where the one inside raises anything.

    Everything but `reset` and `step` is the environment's own.
    """

    def __init__(self, env: Any, name: str) -> None:
        """Watch `env`; `name` is what messages begin with."""
        self._env, self._name = env, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def reset(self, **arguments: Any) -> Any:
        """Return what the environment's `reset` returns."""
        return self._asked(self._env.reset, **arguments)

    def step(self, action: Any) -> Any:
        """Return what the environment's `step` returns."""
        return self._asked(self._env.step, action)

    def _asked(self, method: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        try:
            return method(*arguments, **keywords)
        except Exception as error:
            raise ReferenceFailedError(f"{self._name} raised {type(error).__name__}: {error}") from error

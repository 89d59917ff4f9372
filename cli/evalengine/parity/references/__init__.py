"""The environments that ours are compared with: one module per environment, named after its short name.

A module states `ENV_ID` (the full id), `PACKAGE` (the distribution whose behaviour is the reference) and importing it
makes `gymnasium.make(ENV_ID)` work. Gymnasium is imported only when a reference is asked for.

    >>> from evalengine.parity.references import reference
    >>> env = reference("snake").make(rows=8, cols=8)  # a gymnasium.Env
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalengine.errors import MissingDependencyError
from evalengine.provenance import evalengine_version, package_version
from evalengine.registry import resolve

if TYPE_CHECKING:
    import gymnasium


@dataclass(frozen=True)
class Reference:
    """One reference environment, ready to be made.

    Attributes:
        env_id: full id, the same in Gymnasium's registry and in ours.
        package: distribution whose behaviour is the reference.
    """

    env_id: str
    package: str

    def make(self, **kwargs: Any) -> gymnasium.Env[Any, Any]:
        """A new environment: `gymnasium.make` with its usual wrappers; `kwargs` go to it unchanged."""
        import gymnasium

        return gymnasium.make(self.env_id, **kwargs)

    def version(self) -> str:
        """Version of `package` that is installed."""
        return evalengine_version() if self.package == "evalengine" else package_version(self.package)


def reference(env_id: str) -> Reference:
    """The reference of an environment, given by short name or full id.

    Raises:
        InputError: there is no such environment.
        MissingDependencyError: Gymnasium, or a package that the reference stands on, is not installed.
    """
    entry = resolve(env_id)
    try:
        module = importlib.import_module(f"{__name__}.{entry.short_name}")
    except ModuleNotFoundError as error:
        missing = error.name or "gymnasium"
        if missing.startswith("evalengine"):
            raise
        raise MissingDependencyError.of(missing, extra="gymnasium") from error
    return Reference(module.ENV_ID, module.PACKAGE)

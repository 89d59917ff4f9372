"""The environments that ours are compared with: one module per environment, named after its short name.

Importing a module makes `gymnasium.make(ENV_ID)` work. It states, and parity needs nothing else to prove a new
environment:

- `ENV_ID`: the full id; `PACKAGE`: the distribution whose behaviour is the reference;
- `PACKAGES`: the distributions that the claim stands on; reports name their versions;
- `LIBM`: the functions of the platform's math library whose bits it depends on, such as ("sin", "cos");
- `DRIVERS`: name -> `Player`, ways of choosing actions that reach what random ones do not; beside the drivers that all
  environments have (see `evalengine.parity.drivers`);
- `VARIANTS`: keyword arguments, reset options and time limits to be proven beside the default ones.

and may define

- `make(**kwargs) -> env`: how to make it, where `gymnasium.make(ENV_ID)` is not yet what ours is compared with;
- `DIFFERENCES`: what some versions of these distributions do otherwise; what differs because of it breaks no claim;
- `CLOSED_LOOPS`: (variant, spelling of a policy) of closed loops beside the one with all defaults;
- `foreseen(env, action) -> list of names`: the rare branches that a step is about to take, for counting;
- `ending(env) -> name`: what ended the episode that has just been terminated;
- `state(env) -> {name: numbers}`: parts of the state that the native environment's `state()` has under the same names;
  they are compared after every step too. What the observation shows in full is not worth it;
- `GOLDEN_STEPS`: steps of each variant with each driver in the golden file; `GOLDEN_STRIDE`: how many of them go by
  between two that are kept in full (see `evalengine.parity.golden.trace_arrays`);
- `REGIONS`: name -> `Region`, the parts of an observation that is an image, for counting differences;
- `STEPS_SHARE`: which part of the steps that others are asked for is asked of this one, if its steps take so long;
- `GOLDEN_FRAMES`: (variant as text, driver, row) of observations that are kept as pictures too, where they are images.

Here `env` is the unwrapped environment. Gymnasium is imported only when a reference is asked for.

    >>> from evalengine.references import reference
    >>> env = reference("snake").make(rows=8, cols=8)  # a gymnasium.Env
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalengine.environments.registry import resolve
from evalengine.errors import MissingDependencyError
from evalengine.evaluation.provenance import evalengine_version, package_version
from evalengine.references.versions import Difference, documented

if TYPE_CHECKING:
    import gymnasium

Choose: TypeAlias = Callable[[NDArray[Any]], Any]
"""The observation -> the action, for one episode."""

Region: TypeAlias = tuple[int, int, int, int]
"""Part of an image: the first row and the one after the last, then columns likewise."""

Player: TypeAlias = Callable[[Any, np.random.Generator], Choose]
"""(unwrapped environment, source of randomness) -> `Choose`, called after the reset of each episode."""


@dataclass(frozen=True)
class Variant:
    """One way to run an environment; empty: as it is by default.

    Attributes:
        kwargs: keyword arguments of the environment.
        options: options of every reset; None passes none.
        max_episode_steps: time limit in steps; None means the environment's own.
    """

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, float] | None = None
    max_episode_steps: int | None = None

    def __str__(self) -> str:
        """Return the settings for people: "rows=2, reset low=-0.2"; "" if there are none."""
        settings = [f"{name}={value}" for name, value in self.kwargs.items()]
        settings += [f"reset {name}={value}" for name, value in (self.options or {}).items()]
        if self.max_episode_steps is not None:
            settings.append(f"max_episode_steps={self.max_episode_steps}")
        return ", ".join(settings)


@dataclass(frozen=True)
class Reference:
    """One reference environment, ready to be made.

    Attributes:
        env_id: full id, the same in Gymnasium's registry and in ours.
        package: distribution whose behaviour is the reference.
        packages: distributions that the claim stands on.
        libm: functions of the platform's math library whose bits it depends on.
        drivers: name -> player.
        variants: settings to be proven beside the default ones.
        differences: what some of their versions do otherwise; none where the module has none.
        closed_loops: (variant, spelling of a policy) of closed loops beside the one with all defaults.
        foreseen: see above; finds nothing where the module has none.
        ending: see above; finds nothing where the module has none.
        state: see above; None where the module has none.
        golden_steps: see above; 0 where the module does not say.
        golden_stride: see above.
        golden_frames: see above; none where the module has none.
        regions: see above; none where the module has none.
        steps_share: see above; 1 where the module does not say.
        maker: the module's `make`; None where it has none.
    """

    env_id: str
    package: str
    packages: tuple[str, ...] = ()
    libm: tuple[str, ...] = ()
    drivers: Mapping[str, Player] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    differences: tuple[Difference, ...] = ()
    closed_loops: tuple[tuple[Variant, str], ...] = ()
    foreseen: Callable[[Any, Any], Iterable[str]] = lambda env, action: ()
    ending: Callable[[Any], str] = lambda env: ""
    state: Callable[[Any], Mapping[str, Any]] | None = None
    golden_steps: int = 0
    golden_stride: int = 1
    golden_frames: tuple[tuple[str, str, int], ...] = ()
    regions: Mapping[str, Region] = field(default_factory=dict)
    steps_share: float = 1.0
    maker: Callable[..., gymnasium.Env[Any, Any]] | None = None

    def make(self, **kwargs: Any) -> gymnasium.Env[Any, Any]:
        """A new environment, made by Gymnasium with its usual wrappers; `kwargs` go to it unchanged."""
        import gymnasium

        return gymnasium.make(self.env_id, **kwargs) if self.maker is None else self.maker(**kwargs)

    def share_of(self, steps: int) -> int:
        """Return how many of `steps` steps are to be asked of this reference; at least one."""
        return max(1, round(steps * self.steps_share))

    def documented(self, fields: Iterable[str]) -> str:
        """Return the documented differences that explain that these fields of a step differ here; "" if none do."""
        return documented(self.differences, fields)

    def version(self) -> str:
        """Version of `package` that is installed."""
        return evalengine_version() if self.package == "evalengine" else package_version(self.package)


_OPTIONAL = ("foreseen", "ending", "state")


def reference(env_id: str) -> Reference:
    """The reference of an environment, given by short name or full id.

    That of a variant is the environment's own, made under the variant's id; its closed loops are those of the default
    policies alone.

    Raises:
        InputError: there is no such environment.
        MissingDependencyError: Gymnasium, or a package that the reference stands on, is not installed.
    """
    entry = resolve(env_id)
    if entry.variant_of is not None:
        return replace(reference(entry.variant_of), env_id=entry.id, closed_loops=())
    try:
        module = importlib.import_module(f"{__name__}.{entry.short_name}")
    except ModuleNotFoundError as error:
        missing = error.name or "gymnasium"
        if missing.startswith("evalengine"):
            raise
        raise MissingDependencyError.of(missing, extra="gymnasium") from error
    return Reference(
        module.ENV_ID,
        module.PACKAGE,
        packages=module.PACKAGES,
        libm=module.LIBM,
        drivers=module.DRIVERS,
        variants=module.VARIANTS,
        differences=getattr(module, "DIFFERENCES", ()),
        closed_loops=getattr(module, "CLOSED_LOOPS", ()),
        golden_steps=getattr(module, "GOLDEN_STEPS", 0),
        golden_stride=getattr(module, "GOLDEN_STRIDE", 1),
        golden_frames=getattr(module, "GOLDEN_FRAMES", ()),
        regions=getattr(module, "REGIONS", {}),
        steps_share=getattr(module, "STEPS_SHARE", 1.0),
        maker=getattr(module, "make", None),
        **{name: getattr(module, name) for name in _OPTIONAL if hasattr(module, name)},
    )

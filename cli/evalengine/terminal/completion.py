"""What the shell offers on Tab: environments, policies, backends and drivers, as they are registered.

A completion that fails offers nothing: an error message would land in the middle of the line that is being typed.
"""

from __future__ import annotations

from collections.abc import Iterable

import typer


def complete_environment(incomplete: str) -> list[tuple[str, str]]:
    """Offer the short names and the full ids, each with its summary, in any case."""
    try:
        from evalengine.environments.registry import registered

        known = registered()
    except Exception:
        return []
    return _matching([(name, entry.summary) for entry in known for name in (entry.short_name, entry.id)], incomplete)


def complete_environment_or_all(incomplete: str) -> list[tuple[str, str]]:
    """Offer what `complete_environment` does, and "all"."""
    return [*complete_environment(incomplete), *_matching([("all", "every environment")], incomplete)]


def complete_driver(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the drivers of the environment that the line names, or those that all environments have."""
    try:
        from evalengine.parity.drivers import COMMON_DRIVERS
        from evalengine.references import reference

        env = _environment(context)
        own = reference(env).drivers if env and env != "all" else ()
    except Exception:
        return []
    return _matching([(name, "") for name in (*COMMON_DRIVERS, *own)], incomplete)


def complete_policy(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer the default policy of the environment that the line names, or of all of them."""
    try:
        from evalengine.environments.registry import entries, resolve

        env = _environment(context)
        known = [resolve(env)] if env else entries()
    except Exception:
        return []
    return _matching([(entry.default_policy, f"default of {entry.id}") for entry in known], incomplete)


def complete_backends(incomplete: str) -> list[tuple[str, str]]:
    """Offer the backends after the last comma that the list does not have yet."""
    try:
        from evalengine.bench.backends import NAMED
    except Exception:
        return []
    chosen, comma, _ = incomplete.rpartition(",")
    missing = [name for name in NAMED if name not in chosen.split(",")]
    return _matching([(f"{chosen}{comma}{name}", "") for name in missing], incomplete)


def _environment(context: typer.Context) -> str | None:
    """Return the environment that the line names; an option without its value keeps click from looking at arguments."""
    named: str | None = context.params.get("env")
    is_argument = any(
        parameter.name == "env" and parameter.nargs == 1
        for parameter in context.command.params
        if parameter.param_type_name == "argument"
    )
    return context.args[0] if named is None and is_argument and context.args else named


def _matching(candidates: Iterable[tuple[str, str]], incomplete: str) -> list[tuple[str, str]]:
    """Return the candidates that go on from `incomplete`, spelled as it is: shells offer nothing else."""
    return [
        (incomplete + candidate[len(incomplete) :], explanation)
        for candidate, explanation in candidates
        if candidate.lower().startswith(incomplete.lower())
    ]

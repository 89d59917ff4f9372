"""Where a result comes from: the machine, the versions and the commit that every row of a CSV carries.

    >>> from datetime import UTC, datetime
    >>> list(provenance(datetime(2026, 1, 2, tzinfo=UTC)).items())[:1]
    [('started_at', '2026-01-02T00:00:00+00:00')]

Versions are read from the installed packages' metadata: nothing heavy is imported to learn its version. Depends on the
extension only (its build information); every other module may use it.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from evalengine import _engine

UNKNOWN = "unknown"
"""The value of a column that this machine or this build cannot tell."""

_PACKAGE = Path(__file__).resolve().parents[1]


def provenance(started_at: datetime) -> dict[str, str | int]:
    """Return the columns that make a row trustworthy, in the order in which a CSV lists them.

    Args:
        started_at: when the work started, with its time zone; written in UTC to the second (ISO 8601).

    Returns:
        started_at, cpu (model name), cores (that this process may use), platform, python, numpy, torch and gymnasium
        ("" where not installed), evalengine, commit (of the build) and dirty ("true" where the code that runs is not
        exactly that commit, "false" or "unknown").

    Raises:
        ValueError: `started_at` has no time zone.
    """
    if started_at.tzinfo is None:
        raise ValueError(f"started_at: expected a time with a time zone, got {started_at.isoformat()}")
    return {"started_at": started_at.astimezone(UTC).isoformat(timespec="seconds")} | _machine_and_build()


def json_provenance(columns: Mapping[str, str | int]) -> dict[str, str | int | bool | None]:
    """Return the columns as a JSON document has them: `dirty` is a truth value, None where it is unknown."""
    return {**columns, "dirty": {"true": True, "false": False}.get(str(columns["dirty"]))}


@cache
def _machine_and_build() -> dict[str, str | int]:
    commit, dirty = _commit()
    return {
        "cpu": cpu_model(),
        "cores": _engine.available_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "numpy": package_version("numpy"),
        "torch": package_version("torch"),
        "gymnasium": package_version("gymnasium"),
        "evalengine": evalengine_version(),
        "commit": commit,
        "dirty": dirty,
    }


def package_version(distribution: str) -> str:
    """Return the version of an installed distribution, or "" where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def evalengine_version() -> str:
    """Return the version that the extension was built as; the package's metadata can be another installation's."""
    return _engine.build_info().get("version") or package_version("evalengine") or UNKNOWN


def build_name() -> str:
    """Return what says which build this is, "0.1.0 (commit 1a2b3c, dirty false)"; the version alone is all of some."""
    info = _engine.build_info()
    commit = ", ".join(f"{key} {info[key]}" for key in ("commit", "dirty") if key in info)
    return f"{evalengine_version()} ({commit})" if commit else evalengine_version()


def describe_build() -> str:
    """Return the version and what is known of the build and of this machine, for people: a line each.

    The first is `build_name`; then the compiler, the instructions and the libm that the lanes
    use here (which functions have the platform's bits in lanes, and so do not call it), the threads that a call takes
    if it is told nothing, and the Python that runs it.
    """
    info = _engine.build_info()
    lanes = ", ".join(_engine.libm_in_lanes())
    details = {
        "built": f"rustc {info.get('rustc', UNKNOWN)}, {info.get('target', UNKNOWN)}, {info.get('profile', UNKNOWN)}",
        "simd": info.get("isa", UNKNOWN),
        "libm": f"the platform's; {lanes} in lanes, with its bits" if lanes else "the platform's, never in lanes",
        "threads": str(_engine.available_threads()),
        "python": f"{platform.python_version()}, numpy {package_version('numpy')}",
    }
    return "\n".join([build_name(), *(f"  {name:<8} {text}" for name, text in details.items())])


def cpu_model() -> str:
    """Return the processor's name as the operating system gives it, or its architecture where it gives none."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass  # Not Linux.
    return (
        _output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine() or UNKNOWN
    )


def _commit() -> tuple[str, str]:
    """Return the commit of the build and whether the code that runs differs from it."""
    build = _engine.build_info()
    commit = build.get("commit") or UNKNOWN
    dirty = build.get("dirty") or UNKNOWN
    checkout = _PACKAGE.parent.parent
    # Only this project's own checkout: an installed package can lie inside somebody else's repository.
    if not ((checkout / ".git").exists() and (checkout / "rust" / "python").is_dir()):
        return commit, dirty
    head = _output_of("git", "-C", str(checkout), "rev-parse", "HEAD")
    if not head:
        return commit, dirty
    if commit == UNKNOWN:
        commit = head
    # The Python modules run as they are now, whatever the commit that the extension was built from.
    changed = _output_of(
        "git", "-C", str(checkout), "status", "--porcelain", "--untracked-files=no", "--", "cli", "rust"
    )
    if changed or not head.startswith(commit):
        dirty = "true"
    return commit, dirty


def _output_of(*command: str) -> str:
    """Return what a program prints, or "" where it is missing or fails."""
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True, env=os.environ | {"LC_ALL": "C"}
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return finished.stdout.strip()

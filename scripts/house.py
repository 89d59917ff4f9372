"""The house: which room imports which, in Python and in Rust, read from the sources; docs/architecture.md shows it.

    python scripts/house.py        prints the two pictures

`ROOMS` is the one list of rooms: a room imports only rooms above it, and no two files import each other, not even
inside a function. tests/test_house.py holds both.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cli" / "evalengine"
CRATES = ROOT / "rust"

ROOMS = (
    ("messages", "lifetimes"),
    ("errors",),
    ("scalars",),
    ("arguments",),
    ("streams",),
    ("progress",),
    ("files",),
    ("environments",),
    ("policies",),
    ("neat",),
    ("evaluation",),
    ("clusters",),
    ("references",),
    ("workloads",),
    ("playback",),
    ("bench", "parity"),
    ("terminal",),
)
"""From the ground up; what shares a floor does not import each other."""

DOORS = {"__init__", "__main__", "registry", "parity.references", "parity.references.snake"}
"""Modules that only lead to others, under names that users know; they are no part of any room."""

Imports = Mapping[str, frozenset[str]]
"""A file's module to the modules of the same package or crate that it imports."""

_RUST_USE = re.compile(r"\buse ((?:crate|super|self)::[^;]+);|\b((?:crate|super)::\w[\w:]*)")
_RUST_TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod tests \{.*", re.DOTALL)


def python_imports(package: Path = PACKAGE) -> Imports:
    """Read the imports of a Python package, those inside functions and for types included."""
    files = {_module(package, path): path for path in package.rglob("*.py")}
    return {name: frozenset(_imported(path, files, package.name)) for name, path in files.items() if name not in DOORS}


def _module(package: Path, path: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _imported(path: Path, modules: Mapping[str, Path], package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            base = node.module.removeprefix(package).lstrip(".")
            for alias in node.names:
                name = f"{base}.{alias.name}".lstrip(".")
                yield from {name, base} & modules.keys() if name in modules else {base} & modules.keys()
        elif isinstance(node, ast.Import):
            yield from {alias.name.removeprefix(f"{package}.") for alias in node.names} & modules.keys()


def rust_imports(crate: Path) -> Imports:
    """Read the imports between the files of a crate; unit tests do not count."""
    source = crate / "src"
    files = {_rust_module(source, path): path for path in source.rglob("*.rs")}
    return {name: frozenset(set(_rust_used(name, path, files)) - {name}) for name, path in files.items() if name}


def _rust_module(source: Path, path: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return "::".join(parts[:-1] if parts[-1] in ("mod", "lib") else parts)


def _rust_used(module: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    text = re.sub(r"//[^\n]*", "", _RUST_TESTS.sub("", path.read_text(encoding="utf-8")))
    for match in _RUST_USE.finditer(text):
        for used in _leaves(re.sub(r"\s+", "", re.sub(r" as \w+", "", match[1] or match[2]))):
            steps = used.split("::")
            base = [] if steps[0] == "crate" else module.split("::")
            for step in steps:
                if step == "super":
                    base.pop()
                elif step not in ("crate", "self"):
                    base.append(step)
            while base and "::".join(base) not in modules:
                base.pop()
            # A folder's own file is the door to what lies in it, and its parts may use what it defines.
            if base and not module.startswith("::".join(base) + "::"):
                yield "::".join(base)


def _leaves(use: str) -> Iterator[str]:
    """The paths of a `use`: a::{b, c::{d}} is a::b and a::c::d."""
    head, brace, rest = use.partition("{")
    if not brace:
        yield use
        return
    depth, part = 0, ""
    for character in rest[: rest.rindex("}")] + ",":
        if character == "," and depth == 0:
            yield from _leaves(head + part) if part else ()
            part = ""
        else:
            depth += (character == "{") - (character == "}")
            part += character


def circles(imports: Imports) -> list[str]:
    """The modules that reach themselves, sorted."""
    return sorted(name for name in imports if name in _reached(name, imports))


def _reached(start: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        new = imports.get(ahead.pop(), frozenset()) - seen
        seen |= new
        ahead.extend(new)
    return seen


def back_arrows(imports: Imports, rooms: Iterable[Iterable[str]] = ROOMS) -> list[str]:
    """The imports that lead to a room that does not stand above: "files.whole -> policies.policy"."""
    floors = {room: floor for floor, level in enumerate(rooms) for room in level}
    arrows = []
    for name, imported in imports.items():
        room = name.split(".")[0]
        for other in imported:
            target = other.split(".")[0]
            if target != room and not floors.get(target, len(floors)) < floors.get(room, -1):
                arrows.append(f"{name} -> {other}")
    return sorted(arrows)


def picture(imports: Imports, rooms: Iterable[str], separator: str = ".") -> str:
    """A line for each room, the ground first, with a mark under each room that it imports."""
    order = list(rooms)
    width = max(map(len, order))
    lines = [f"{'':{width}}  " + " ".join(f"{number:>2}" for number in range(1, len(order)))]
    for number, room in enumerate(order, start=1):
        below = {
            other.split(separator)[0]
            for name, others in imports.items()
            for other in others
            if name.split(separator)[0] == room
        }
        marks = " ".join(" x" if other in below else " ." for other in order[: number - 1])
        lines.append(f"{room:{width}}  {marks} {number:>2}")
    return "\n".join(lines)


def crate_imports(crates: Path = CRATES) -> Imports:
    """Read which crates of the workspace each crate depends on; what only its tests need does not count."""
    manifests = {
        path.parent.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in crates.glob("*/Cargo.toml")
    }
    return {
        name: frozenset(manifest.get("dependencies", {}).keys() & manifests.keys())
        for name, manifest in manifests.items()
    }


CRATE_ORDER = ("numpy-rng", "lane-math", "planar", "raster", "envs", "policy", "graph", "engine", "python")


def main() -> None:
    """Print both pictures."""
    print(picture(python_imports(), [room for level in ROOMS for room in level]))
    print()
    print(picture(crate_imports(), CRATE_ORDER, "/"))


if __name__ == "__main__":
    main()

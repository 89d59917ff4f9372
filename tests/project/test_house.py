"""The house is as docs/architecture.md says: rooms import only rooms above them, and no two files each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from house import CRATES, ROOMS, back_arrows, circles, crate_imports, picture, python_imports, rust_imports

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path.parent for path in CRATES.glob("*/src"))


def package(folder: Path, files: Mapping[str, str]) -> Path:
    """A package of these files."""
    for name, text in files.items():
        path = folder / "evalengine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "evalengine"


def test_no_room_imports_one_that_does_not_stand_above_it() -> None:
    assert back_arrows(python_imports()) == []


def test_no_two_python_files_import_each_other() -> None:
    assert circles(python_imports()) == []


@pytest.mark.parametrize("crate", SOURCES, ids=lambda crate: crate.name)
def test_no_two_rust_files_import_each_other(crate: Path) -> None:
    assert circles(rust_imports(crate)) == []


def test_every_room_is_there() -> None:
    found = {name.split(".")[0] for name in python_imports()}
    assert found == {room for level in ROOMS for room in level}


def test_a_back_arrow_is_seen_inside_a_function_and_for_types(tmp_path: Path) -> None:
    late = "def f():\n    from evalengine.b import x\n"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from evalengine import b\n"
    for text in (late, typed, "import evalengine.b\n", "from evalengine.b.deep import x\n"):
        imports = python_imports(package(tmp_path, {"a.py": text, "b/__init__.py": "x = 1", "b/deep.py": "x = 1"}))
        assert back_arrows(imports, (("a",), ("b",)))
        assert back_arrows(imports, (("b",), ("a",))) == []
        assert back_arrows(imports, (("a", "b"),))


def test_a_circle_is_seen(tmp_path: Path) -> None:
    a, b = "from evalengine.r.b import y\n", "from evalengine.r import a\n"
    assert circles(python_imports(package(tmp_path, {"r/__init__.py": "", "r/a.py": a, "r/b.py": b}))) == ["r.a", "r.b"]
    assert circles(python_imports(package(tmp_path, {"r/b.py": ""}))) == []


def test_a_circle_of_rust_files_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "b").mkdir(parents=True)
    (source / "lib.rs").write_text("mod a; mod b;")
    (source / "a.rs").write_text("use crate::{b::{self, deep::X}};\n")
    (source / "b" / "mod.rs").write_text("pub mod deep;")
    (source / "b" / "deep.rs").write_text("// use crate::a::Y;\n#[cfg(test)]\nmod tests { use crate::a::Y; }\n")
    assert circles(rust_imports(tmp_path)) == []
    (source / "b" / "deep.rs").write_text("use super::super::a::Y;\n")
    assert circles(rust_imports(tmp_path)) == ["a", "b::deep"]


def test_the_page_shows_the_house_as_it_is() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert picture(python_imports(), [room for level in ROOMS for room in level]) in page
    for crate, others in crate_imports().items():
        assert f"| `{crate}` | {', '.join(sorted(others)) or '-'} |" in page

"""The documentation is true: every code block of docs/ runs, quotations are verbatim, links lead somewhere.

A page's Python programs and shell blocks run in its order, each in a process of its own, in one folder with examples/
in it; its `>>>` examples are one session. README.md's blocks are run by test_readme.py; that none is left out is tested
here.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

import cli_page
import code_blocks as code_blocks_module
import evalengine
from code_blocks import CodeBlock, code_blocks

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))

RUN_BY_TEST_README = ("evalengine evaluate ", "evalengine replay ", "evalengine envs")

NOT_RUN = {
    "README.md": 3,
    "docs/api.md": 3,
    "docs/architecture.md": 1,
    "docs/graphs.md": 1,
    "docs/how-it-gets-fast.md": 1,
    "docs/many-machines.md": 7,
    "docs/quick-start.md": 2,
    "docs/what-exact-means.md": 1,
}
"""How many blocks of a page cannot run here; each says why in the page. Another one is to be noticed."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[CodeBlock]:
    return code_blocks(page.read_text(encoding="utf-8"))


def runnable(page: Path) -> list[CodeBlock]:
    return [block for block in blocks(page) if not block.not_run_because and not block.quoted_from]


# --- the blocks are found


EXAMPLE = """\
Text with `inline` code.

```python
a = 1
```

<!-- not run: needs a cluster -->
```sh
sbatch job.sh
```

- item

    ```rust title="rust/a.rs"
    fn a() {
        b();
    }
    ```

````text
```
````
"""


def test_blocks_have_line_language_reason_and_source() -> None:
    assert code_blocks(EXAMPLE) == [
        CodeBlock(4, "python", "a = 1\n"),
        CodeBlock(9, "sh", "sbatch job.sh\n", not_run_because="needs a cluster"),
        CodeBlock(15, "rust", "fn a() {\n    b();\n}\n", quoted_from="rust/a.rs"),
        CodeBlock(21, "text", "```\n"),
    ]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```sh\nls\n", "line 1: expected a block that ends with ```, got none"),
        ("<!-- not run: why -->\n\n```sh\nls\n```\n", "line 2: expected a code block after 'not run', got ''"),
        ("<!-- not run: why -->\n", "the last line: expected a code block after 'not run', got none"),
    ],
)
def test_a_block_without_end_and_a_reason_without_block_are_errors(page: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        code_blocks(page)
    assert str(caught.value) == message


def test_the_module_s_own_example_is_true() -> None:
    assert doctest.testmod(code_blocks_module) == doctest.TestResults(failed=0, attempted=2)


# --- the blocks run


class Failed(Exception):
    """A block did something else than the page says."""


def run_page(page: Path, folder: Path) -> int:
    """Runs a page's blocks in `folder`, and returns how many there were.

    Raises:
        Failed: one of them failed, or is of a language that is not run; the message says where and how.
    """
    programs = folder / "bin"
    programs.mkdir()
    for program, arguments in (("python", ""), ("evalengine", " -m evalengine")):
        (programs / program).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{arguments} "$@"\n')
        (programs / program).chmod(0o755)
    (folder / "examples").symlink_to(ROOT / "examples")
    ran = 0
    session = [block for block in runnable(page) if block.language == "pycon"]
    if session:
        # Each example keeps the page's line numbers, so that a failure names the page's line.
        text = page.read_text(encoding="utf-8").splitlines()
        kept = {number for block in session for number in range(block.line, block.line + block.code.count("\n"))}
        lines = [line if number in kept else "" for number, line in enumerate(text, start=1)]
        (folder / page.name).write_text("\n".join(lines), encoding="utf-8")
        run(page, session[0].line, [sys.executable, "-m", "doctest", page.name], folder)
        ran += len(session)
    for block in runnable(page):
        if block.language == "python":
            (folder / "program.py").write_text(block.code, encoding="utf-8")
            run(page, block.line, [sys.executable, "program.py"], folder)
        elif block.language == "sh":
            run(page, block.line, ["bash", "-euo", "pipefail", "-c", block.code], folder)
        elif block.language not in ("pycon", "text"):
            raise Failed(f"{page.name}:{block.line}: a block of {block.language or 'no language'} is not run")
        ran += block.language in ("python", "sh")
    return ran


def run(page: Path, line: int, command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        raise Failed(f"{page.name}:{line}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")


def same_fitness_before_and_after(folder: Path) -> None:
    """The page's claim. On another processor PyTorch may sum in another order; see the page's last section."""
    before, after = (np.load(folder / file) for file in ("before.npy", "after.npy"))
    assert before.dtype == after.dtype == np.float32
    assert before.shape == after.shape == (64,)
    assert before.tobytes() == after.tobytes()
    assert len(set(after.tolist())) > 10


CLAIMS: Mapping[str, Callable[[Path], None]] = {"coming-from-multiprocessing.md": same_fitness_before_and_after}
"""What a page says of its blocks beyond that they run."""


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name)
def test_every_block_runs(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if any("evalengine parity" in block.code for block in runnable(page)):
        request.getfixturevalue("known_order")
    assert run_page(page, tmp_path) > 0
    if page.name in CLAIMS:
        CLAIMS[page.name](tmp_path)


def test_every_claim_has_a_page() -> None:
    assert set(CLAIMS) <= {page.name for page in PAGES}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("```python\nassert 1 == 2\n```", "page.md:2: exit code 1"),
        ("```pycon\n>>> 1 + 1\n3\n\n```", 'File "page.md", line 2'),
        ("```sh\nfalse | true\n```", "page.md:2: exit code 1"),
        ("```\nls\n```", "page.md:2: a block of no language is not run"),
        ("```console\n$ ls\n```", "page.md:2: a block of console is not run"),
    ],
)
def test_a_block_that_does_not_do_what_it_says_fails(block: str, message: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{block}\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Failed) as caught:
        run_page(page, tmp_path / "folder")
    assert message in str(caught.value)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=name)
def test_blocks_that_are_not_run_are_counted(page: Path) -> None:
    assert len([block for block in blocks(page) if block.not_run_because]) == NOT_RUN.get(name(page), 0)


def test_readme_has_no_block_that_is_neither_run_nor_excused() -> None:
    for block in runnable(ROOT / "README.md"):
        if block.language == "sh":
            assert all(line.startswith(RUN_BY_TEST_README) for line in block.code.splitlines()), block
        else:
            assert block.language == "python", block


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_quotations_are_verbatim(page: Path) -> None:
    for block in blocks(page):
        if block.quoted_from:
            assert block.code in (ROOT / block.quoted_from).read_text(encoding="utf-8"), f"{name(page)}:{block.line}"


def test_the_command_line_s_help_is_whole_on_its_page() -> None:
    text = cli_page.PAGE.read_text(encoding="utf-8")
    assert cli_page.page(text) == text, "python scripts/cli_page.py writes it"
    helps = cli_page.helps()
    assert len(helps) == 8 and not [line for text in helps.values() for line in text.splitlines() if len(line) > 80]
    # No command's line in the list is cut short.
    assert "..." not in helps["evalengine"].partition("Commands:")[2]


def test_a_page_without_a_place_for_the_help_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^cli.md: expected <!-- help: begin"):
        cli_page.page("# Command line\n")


@pytest.mark.parametrize("public", [name for name in evalengine.__all__ if not name.startswith("_")])
def test_every_public_name_is_on_the_python_page(public: str) -> None:
    assert re.search(rf"^::: evalengine\.{public}$", (ROOT / "docs" / "api.md").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("public", [name for name in evalengine.__all__ if not name.startswith("_")])
def test_examples_in_docstrings_are_true(public: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for found in doctest.DocTestFinder(recurse=True).find(getattr(evalengine, public), public):
        assert doctest.DocTestRunner().run(found).failed == 0

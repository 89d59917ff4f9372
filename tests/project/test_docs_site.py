"""The documentation site: strict about links, complete, and not in need of the network.

The pages are built once with mistakes among them. A build warns of each of them and of nothing else: so the pages as
they are have none, and `make docs`, to which a warning is an error, would not let one pass.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

import evalengine
from docs_hooks import relinked
from evalengine.terminal.app import app

ROOT = Path(__file__).resolve().parents[2]

MISTAKES = """
[a page that is missing](nowhere.md), [a section that is missing](api.md#nowhere),
[a file that is missing](../nowhere.txt), [a file that is no page](../Makefile), [a page](../parity/PARITY.md#versions),
`[code](nowhere.txt)`.

```text
[code](nowhere.txt)
```
"""

WARNINGS = [
    "docs/index.md links to ../nowhere.txt, which does not exist",
    "Doc file 'index.md' contains a link 'nowhere.md', but the target is not found among documentation files.",
    "Doc file 'index.md' contains a link 'api.md#nowhere', but the doc 'api.md' does not contain an anchor '#nowhere'.",
    'The following pages exist in the docs directory, but are not included in the "nav" configuration: - orphan.md',
]


@dataclass(frozen=True)
class Site:
    """What a build left, and what it said."""

    folder: Path
    status: int
    warnings: list[str]

    def text(self, page: str) -> str:
        """Return the page as a reader sees it, white space as single blanks."""
        [article] = re.findall(r"<article.*?</article>", (self.folder / page).read_text(), flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", article)).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    clone = tmp_path_factory.mktemp("clone")
    for name in ("docs", "mkdocs.yml"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, clone / name)
    for name in ("cli", "scripts", "README.md", "CONTRIBUTING.md"):
        (clone / name).symlink_to(ROOT / name)
    with (clone / "docs" / "index.md").open("a") as index:
        index.write(MISTAKES)
    (clone / "docs" / "orphan.md").write_text("# Orphan\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"}
    built = subprocess.run(command, cwd=clone, capture_output=True, text=True, env=environment)
    said = re.findall(r"^WARNING +- +(.*?)(?=^[A-Z]+ +- |^\s*$|\Z)", built.stderr, flags=re.MULTILINE | re.DOTALL)
    return Site(clone / "site", built.returncode, sorted(" ".join(warning.split()) for warning in said))


def test_a_strict_build_fails_for_each_mistake_and_for_nothing_else(site: Site) -> None:
    assert site.warnings == sorted(WARNINGS)
    assert site.status == 1


def test_links_to_files_lead_to_pages_or_keep_their_text(site: Site) -> None:
    index = (site.folder / "index.html").read_text()
    assert '<a href="parity.html#versions">a page</a>' in index
    assert "a file that is no page, " in " ".join(re.sub(r"<[^>]+>", "", index).split())
    assert "../" not in "".join(re.findall(r'href="([^"]*)"', index))
    assert index.count("[code](nowhere.txt)") == 2


def test_nothing_is_fetched_from_the_network(site: Site) -> None:
    pages = list(site.folder.glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        fetched = re.findall(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"?([^\"\s>]+)", page.read_text())
        assert fetched and [address for address in fetched if re.match(r"(?:https?:)?//", address)] == []
    for sheet in site.folder.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()[\s\"']*(?:https?:)?//[^)]*", sheet.read_text()) == []


def test_the_python_page_lists_what_its_topics_have(site: Site) -> None:
    index = site.text("api.html")
    for name in evalengine.__all__:
        if not name.startswith("_"):
            [page] = [page for page in site.folder.glob("api-*.html") if f'id="evalengine.{name}"' in page.read_text()]
            assert f'href="{page.name}#evalengine.{name}"' in (site.folder / "api.html").read_text()
            assert name in index


def test_search_works_from_the_disk(site: Site) -> None:
    """The index is a script, and a worker is a frame: browsers fetch nothing and start no worker from file://."""
    index = (site.folder / "search" / "search_index.js").read_text()
    assert index.startswith("var __index = {") and "evalengine.evaluate" in index
    shims = re.findall(r'<script src="([^"]*iframe-worker[^"]*)"', (site.folder / "index.html").read_text())
    assert shims == ["assets/iframe-worker.js"]
    assert (site.folder / shims[0]).read_text() == (ROOT / "docs" / shims[0]).read_text()


def test_every_command_and_option_is_on_its_page(site: Site) -> None:
    page = site.text("cli.html")
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f"evalengine {name}" in page
        for parameter in command.params:
            assert all(option in page for option in parameter.opts if option.startswith("--"))
            assert " ".join((parameter.help or "").split()) in page


def test_every_parameter_and_error_of_a_function_is_on_the_python_page(site: Site) -> None:
    for name, topic in (
        ("evaluate", "evaluating"),
        ("batch_evaluate", "evaluating"),
        ("make", "one-episode"),
        ("load_weights", "weight-files"),
        ("save_weights", "weight-files"),
    ):
        page = site.text(f"api-{topic}.html")
        documented = getattr(evalengine, name).__doc__ or ""
        arguments = re.findall(r"^        (\w+): (.*)", documented, flags=re.MULTILINE)
        assert len(arguments) >= 3
        for argument, meaning in arguments:
            assert argument in page
            assert meaning.split("`")[0].split("*")[0].strip() in page, (name, argument)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("parity.html", "Parity: what is claimed, against what, and how often it was checked"),
        ("performance.html", "Where the time goes"),
        ("contributing.html", "Every bit counts."),
        ("changelog.html", "0.2.0"),
        ("environments.html", "cnn:5x12x12-16k3-32k3-64-4"),
    ],
)
def test_files_of_the_repository_are_pages(site: Site, page: str, text: str) -> None:
    assert text in site.text(page)


@pytest.mark.parametrize(
    ("source", "link", "wanted"),
    [
        ("docs/a.md", "[x](b.md)", "[x](b.md)"),
        ("docs/a.md", "[x](#here)", "[x](#here)"),
        ("docs/a.md", "[x](https://example.org/a.md)", "[x](https://example.org/a.md)"),
        ("docs/a.md", "[x\ny](../rust/PERFORMANCE.md#kernels)", "[x\ny](performance.md#kernels)"),
        ("docs/a.md", "[x](../README.md)", "[x](index.md)"),
        ("docs/a.md", "[x](api.md)", "[x](api.md)"),
        ("docs/a.md", "[x](api.md#nowhere)", "[x](api.md#nowhere)"),
        ("docs/a.md", "[x](api.md#what-is-drawn)", "[x](api-policies.md#what-is-drawn)"),
        ("docs/api.md", "[x](#what-is-drawn)", "[x](api-policies.md#what-is-drawn)"),
        ("docs/a.md", "[x](api.md#evalengine.Policy.init)", "[x](api-policies.md#evalengine.Policy.init)"),
        ("docs/a.md", "`[x](../README.md)`", "`[x](../README.md)`"),
        ("CONTRIBUTING.md", "[x](docs/api.md)", "[x](api.md)"),
        ("parity/PARITY.md", "[x](../cli/evalengine/terminal/app.py)", "x"),
    ],
)
def test_links_are_rewritten_for_the_page_that_they_are_on(source: str, link: str, wanted: str) -> None:
    assert relinked(f"before {link} after\n", source) == f"before {wanted} after\n"

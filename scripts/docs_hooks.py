"""What the documentation site takes from the rest of the repository: whole files, README.md's tables, the command line.

mkdocs calls these hooks while it builds (`hooks:` in mkdocs.yml):

    repository ──► on_files: pages that are no files of docs/ ──► on_page_markdown: links, commands ──► mkdocs

Nothing is written twice: a page made here cannot drift from what it was made from. Links are written as they work in
the repository (`../parity/PARITY.md`), and become links to pages; a link to a file that is no page of the site keeps
its text alone, because the site knows no address of the repository; a link to nothing is a warning, which a strict
build does not forgive.
"""

from __future__ import annotations

import logging
import posixpath
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

WHOLE_FILES = {
    "parity.md": "parity/PARITY.md",
    "performance.md": "rust/PERFORMANCE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Page -> file of the repository that it is."""

README_PAGES = {
    "environments.md": (
        "Environments and policies",
        ("Environments", "Policies have one spelling", "What a policy sees of images"),
    ),
    "libraries.md": ("Evolution libraries and descriptors", ("From your library", "More than a mean return")),
}
"""Page -> its title, and the sections of README.md that make it up."""

COMMANDS = "<!-- commands: what Typer says of them -->"
"""Where cli.md has the commands."""

# Code first: what looks like a link in it is none.
_LINK = re.compile(
    r"(?P<code>^ *(?P<fence>`{3,}|~{3,}).*?^ *(?P=fence) *$|`+[^`]+`+)"
    r"|(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)",
    flags=re.MULTILINE | re.DOTALL,
)

_log = logging.getLogger("mkdocs.hooks.evalengine")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from other files."""
    for page, source in WHOLE_FILES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page, (title, sections) in README_PAGES.items():
        parts = [f"# {title}\n", *(section(readme, heading) for heading in sections)]
        files.append(File.generated(config, page, content="\n".join(parts)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in the commands, and make links to files of the repository links to pages."""
    name = page.file.src_uri
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, commands())
    return relinked(markdown, "README.md" if name in README_PAGES else WHOLE_FILES.get(name, f"docs/{name}"))


def section(markdown: str, title: str) -> str:
    """Return a section of the second level, its heading included.

    Raises:
        ValueError: there is none of this title.
    """
    match = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", markdown, flags=re.MULTILINE | re.DOTALL)
    if match is None:
        raise ValueError(f"README.md: expected a section {title!r}, got none")
    return match[0]


def commands() -> str:
    """Return the commands with their arguments and options, as Typer itself documents them in Markdown."""
    command = [sys.executable, "-m", "typer", "evalengine.terminal.app", "utils", "docs", "--name", "evalengine"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _, heading, body = shown.partition("# `evalengine`\n")
    if not heading:
        raise ValueError(f"typer utils docs: expected a heading, got {shown[:80]!r}")
    return body


def relinked(markdown: str, source: str) -> str:
    """Return Markdown whose links lead to pages of the site.

    Args:
        markdown: of a page.
        source: the file of the repository in which its links are written, relative to the root.
    """
    return _LINK.sub(lambda link: _relinked(link, source), markdown)


def _relinked(link: re.Match[str], source: str) -> str:
    if link["code"] or re.match(r"[a-z]+:|#", link["target"]):
        return link[0]
    path, _, anchor = link["target"].partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    page = _page(wanted, anchor)
    if page is not None:
        return f"[{link['text']}]({page}{'#' if anchor else ''}{anchor})"
    if not (ROOT / wanted).exists():
        _log.warning("%s links to %s, which does not exist", source, link["target"])
    return link["text"]


def _page(file: str, anchor: str) -> str | None:
    """Return the page that a file of the repository is, None if it is none."""
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    if file == "README.md":
        anchors = {
            heading.lower().replace(" ", "-"): page
            for page, (_, sections) in README_PAGES.items()
            for heading in sections
        }
        return anchors.get(anchor) if anchor else "index.md"
    return {source: page for page, source in WHOLE_FILES.items()}.get(file)

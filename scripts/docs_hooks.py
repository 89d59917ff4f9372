"""What the documentation site takes from the rest of the repository: whole files, plots.

mkdocs calls these hooks while it builds (`hooks:` in mkdocs.yml):

    repository ──► on_files: pages that are no files of docs/ ──► on_page_markdown: links ──► mkdocs
                   docs_topics.py: api.md, a page for each topic

Nothing is written twice: a page made here cannot drift from what it was made from. Links are written as they work in
the repository (`../parity/PARITY.md`), and become links to pages; a link to a file that is no page of the site keeps
its text alone, because the site knows no address of the repository; a link to nothing is a warning, which a strict
build does not forgive.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_topics import Topics, cut

ROOT = Path(__file__).resolve().parent.parent

WHOLE_FILES = {
    "parity.md": "parity/PARITY.md",
    "performance.md": "rust/PERFORMANCE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Page -> file of the repository that it is."""

API = "docs/api.md"
"""The file that is cut into topics."""

PLOTS = "bench_results/plots"
"""Pictures that pages show, in the repository; in the site they are in plots/."""

# Code first: what looks like a link in it is none.
_LINK = re.compile(
    r"(?P<code>^ *(?P<fence>`{3,}|~{3,}).*?^ *(?P=fence) *$|`+[^`]+`+)"
    r"|(?<!!)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)",
    flags=re.MULTILINE | re.DOTALL,
)

_log = logging.getLogger("mkdocs.hooks.evalengine")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the topics of the Python page below it."""
    pages = topics().pages
    for section in config.nav or []:
        for entry in section.get("Reference", []):
            if "Python" in entry:
                entry["Python"] = ["api.md", *pages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from other files."""
    for page, source in WHOLE_FILES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    for page, text in topics().pages.items():
        files.append(File.generated(config, page, content=text))
    for plot in sorted((ROOT / PLOTS).glob("*.png")):
        files.append(File.generated(config, f"plots/{plot.name}", content=plot.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links to files of the repository links to pages."""
    name = page.file.src_uri
    if name == "api.md":
        markdown = topics().index
    if name == "changelog.md":
        page.meta["search"] = {"boost": 0.2}  # it names everything, and is what nobody looks for
    source = API if name in topics().pages else WHOLE_FILES.get(name, f"docs/{name}")
    return relinked(markdown.replace(f"](../{PLOTS}/", "](plots/"), source)


def topics() -> Topics:
    """Return the topics of the Python page."""
    return cut((ROOT / API).read_text(encoding="utf-8"))


def relinked(markdown: str, source: str) -> str:
    """Return Markdown whose links lead to pages of the site.

    Args:
        markdown: of a page.
        source: the file of the repository in which its links are written, relative to the root.
    """
    return _LINK.sub(lambda link: _relinked(link, source), markdown)


def _relinked(link: re.Match[str], source: str) -> str:
    if link["code"] or re.match(r"[a-z]+:", link["target"]):
        return link[0]
    path, _, anchor = link["target"].partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) if path else source
    page = topics().page_of(anchor) if wanted == API else None
    if not path and page is None:
        return link[0]
    page = page or _page(wanted)
    if page is not None:
        return f"[{link['text']}]({page}{'#' if anchor else ''}{anchor})"
    if not (ROOT / wanted).exists():
        _log.warning("%s links to %s, which does not exist", source, link["target"])
    return link["text"]


def _page(file: str) -> str | None:
    """Return the page that a file of the repository is, None if it is none."""
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    if file == "README.md":
        return "index.md"
    return {source: page for page, source in WHOLE_FILES.items()}.get(file)

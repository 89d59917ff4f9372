"""Cuts docs/api.md, one file in the repository, into the site's pages: one for each topic.

    docs/api.md ──► cut ──► Topics ──► docs_hooks.py

What stands before the first `##` stays on api.md, with a list of the topics and of what each has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown.extensions.toc import slugify

_HEADING = re.compile(r"^(?P<level>#{2,3}) (?P<title>.+)$")
_OBJECT = re.compile(r"^::: (?P<path>\S+)$")


@dataclass(frozen=True)
class Topics:
    """The pages.

    Attributes:
        index: Markdown of api.md itself.
        pages: name of a page -> its Markdown.
        anchors: what links may lead to, headings and documented objects -> the page that has it.
    """

    index: str
    pages: dict[str, str]
    anchors: dict[str, str]

    def page_of(self, anchor: str) -> str | None:
        """Return the page with a heading or an object, a member's being that of its class; None if there is none."""
        while anchor not in self.anchors and "." in anchor:
            anchor = anchor.rpartition(".")[0]
        return self.anchors.get(anchor)


def cut(markdown: str, name: str = "api") -> Topics:
    """Return the topics of a page: its `##` become pages of their own, `###` their sections.

    Args:
        markdown: of the whole page.
        name: what the names of the pages begin with.
    """
    index: list[str] = []
    pages: dict[str, list[str]] = {}
    anchors: dict[str, str] = {}
    current, listing, is_code = index, [""], False
    page = f"{name}.md"
    for line in markdown.splitlines():
        is_code ^= line.lstrip().startswith("```")
        heading, documented = _HEADING.match(line), _OBJECT.match(line)
        if heading and not is_code:
            if heading["level"] == "##":
                page = f"{name}-{slugify(heading['title'], '-')}.md"
                current = pages.setdefault(page, [])
                listing.append(f"- [{heading['title']}]({page})")
            anchors[slugify(heading["title"], "-")] = page
            line = line.removeprefix("#")
        elif documented and not is_code:
            path = documented["path"]
            anchors[path] = page
            separator = "," if listing[-1].endswith(")") and "`" in listing[-1] else ":"
            listing[-1] += f"{separator} [`{path.partition('.')[2]}`]({page}#{path})"
        current.append(line)
    texts = {page: "\n".join(lines) + "\n" for page, lines in pages.items()}
    return Topics("\n".join([*index, *listing]) + "\n", texts, anchors)

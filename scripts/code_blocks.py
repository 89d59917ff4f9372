r"""The fenced code blocks of a Markdown page, for the tests that run them.

    >>> [block] = code_blocks("<!-- not run: needs a cluster -->\n```sh\nsbatch job.sh\n```\n")
    >>> block.language, block.code, block.not_run_because
    ('sh', 'sbatch job.sh\n', 'needs a cluster')

A block that cannot run says why, in a comment on the line before it. A block with a title, ```rust title="path", is
quoted from that file. Depends on nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<language>[\w+-]*) *(?P<attributes>.*)")
_TITLE = re.compile(r'title="([^"]+)"')
_REASON = re.compile(r" *<!-- not run: (\S.*\S) -->")


@dataclass(frozen=True)
class CodeBlock:
    """One block.

    Attributes:
        line: of the page, counted from 1, on which its code starts.
        language: what stands behind the fence; "" if nothing does.
        code: its lines, without the indentation of the fence.
        quoted_from: the file that it is quoted from, relative to the repository's root; "" if it is no quotation.
        not_run_because: the reason, "" if it can run.
    """

    line: int
    language: str
    code: str
    quoted_from: str = ""
    not_run_because: str = ""


def code_blocks(markdown: str) -> list[CodeBlock]:
    """Return the fenced blocks of a page, in order.

    Raises:
        ValueError: a block has no end, or a reason stands before no block.
    """
    lines = markdown.splitlines()
    blocks: list[CodeBlock] = []
    reason, number = "", 0
    while number < len(lines):
        opening = _OPENING.fullmatch(lines[number])
        if opening is None:
            if reason:
                raise ValueError(f"line {number + 1}: expected a code block after 'not run', got {lines[number]!r}")
            match = _REASON.fullmatch(lines[number])
            reason = match[1] if match else ""
            number += 1
            continue
        end = _end(lines, number, opening["indent"] + opening["fence"])
        title = _TITLE.search(opening["attributes"])
        code = "".join(f"{line.removeprefix(opening['indent'])}\n" for line in lines[number + 1 : end])
        blocks.append(CodeBlock(number + 2, opening["language"], code, title[1] if title else "", reason))
        reason, number = "", end + 1
    if reason:
        raise ValueError("the last line: expected a code block after 'not run', got none")
    return blocks


def _end(lines: list[str], start: int, fence: str) -> int:
    for number in range(start + 1, len(lines)):
        if lines[number].rstrip() == fence:
            return number
    raise ValueError(f"line {start + 1}: expected a block that ends with {fence.strip()}, got none")

"""The command line's help, whole, in docs/cli.md.

    python scripts/cli_page.py            writes it; tests/project/test_docs.py compares

Of a terminal with 80 columns, by the Typer that requirements/dev.txt pins.
"""

from __future__ import annotations

from pathlib import Path

import typer.main

from evalengine.terminal.app import app
from evalengine.terminal.common_options import PROGRAM

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

BEGIN = "<!-- help: begin; written by scripts/cli_page.py -->\n"
END = "<!-- help: end -->\n"

_WIDTH = 80


def helps() -> dict[str, str]:
    """Return what `--help` prints: of "evalengine", then of each command, "evalengine evaluate" and so on."""
    root = typer.main.get_command(app)
    context = root.make_context(PROGRAM, [], resilient_parsing=True, terminal_width=_WIDTH)
    found = {PROGRAM: context.get_help()}
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        own = command.make_context(name, [], parent=context, resilient_parsing=True, terminal_width=_WIDTH)
        found[f"{PROGRAM} {name}"] = own.get_help()
    return found


def section() -> str:
    """Return the page's part that is made here."""
    parts = [f"## {title}\n\n```text\n{text.rstrip()}\n```\n" for title, text in helps().items()]
    return BEGIN + "\n" + "\n".join(parts) + "\n" + END


def page(text: str) -> str:
    """Return the page with this part as it is now.

    Raises:
        ValueError: the page has no place for it.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name}: expected {BEGIN.strip()} and {END.strip()}")
    return before + section() + after


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

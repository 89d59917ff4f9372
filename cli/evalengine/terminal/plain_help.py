"""Help without Typer's own marks: `WEIGHTS <list[Path]>`, `{WEIGHTS}...` and `[x>=0]` tell a reader nothing.

What a value may be stands in the help text. Versions of Typer that show other marks are left as they are. Depends on
Typer alone.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand


class PlainCommand(TyperCommand):
    """A command whose help names arguments as its usage does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Make the command, and tell its parameters how they are shown."""
        super().__init__(*arguments, **options)
        for parameter in self.params:
            _show(parameter, "_get_number_range_help_str", None)
            if isinstance(parameter, TyperArgument):
                _show(parameter, "display_type_rich", None)
                _show(parameter, "_usage_display_name", _usage(parameter))


def _show(parameter: object, method: str, text: str | None) -> None:
    """Let one of Typer's methods return this for one parameter, if this version has it."""
    if hasattr(parameter, method):
        setattr(parameter, method, lambda *_, **__: text)


def _usage(argument: TyperArgument) -> str:
    name = str(argument.metavar or argument.name)
    if not argument.required:
        name = f"[{name}]"
    elif "|" in name:
        name = f"{{{name}}}"
    return name if argument.nargs == 1 else f"{name}..."

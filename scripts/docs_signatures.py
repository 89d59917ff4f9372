"""Lets the site show the keywords of `evaluate` and `replay`: griffe reads the source, which has `**options` there."""

from __future__ import annotations

from typing import Any

import griffe

from evalengine.evaluation.options import DEFAULTS

REPLAY_DEFAULTS = {"individual": "best", "render": "none"}
"""Of `replay`'s own keywords those that are not None when they are left out."""


class SpelledOut(griffe.Extension):
    """Puts keywords where `**options` stands, as `inspect.signature` does for `evaluate`."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Replace the parameter, before the docstring is compared with them."""
        parameters, types = pkg["evaluation.evaluate.evaluate"].parameters, pkg["evaluation.options.EvaluateOptions"]
        del parameters["options"]
        for name, default in DEFAULTS.items():
            add(parameters, name, types.all_members[name].annotation, default)
        parameters, types = pkg["playback.replay.replay"].parameters, pkg["playback.replay.ReplayOptions"]
        others = parameters["options"]
        del parameters["options"]
        for name, keyword in types.members.items():
            add(parameters, name, keyword.annotation, REPLAY_DEFAULTS.get(name))
        parameters.add(others)  # those that it shares with `evaluate`


def add(parameters: griffe.Parameters, name: str, annotation: Any, default: object) -> None:
    """Add a keyword."""
    kind = griffe.ParameterKind.keyword_only
    parameters.add(griffe.Parameter(name, annotation=annotation, kind=kind, default=repr(default)))

"""Lets the documentation site show the keywords of `evaluate`: griffe reads the source, which has `**options` there."""

from __future__ import annotations

from typing import Any

import griffe

from evalengine.evaluation.options import DEFAULTS


class SpelledOut(griffe.Extension):
    """Puts the `EvaluateOptions` where `**options` stands, as `inspect.signature` does."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Replace the parameter, before the docstring is compared with them."""
        parameters, types = pkg["evaluation.evaluate.evaluate"].parameters, pkg["evaluation.options.EvaluateOptions"]
        del parameters["options"]
        for name, default in DEFAULTS.items():
            annotation, kind = types.all_members[name].annotation, griffe.ParameterKind.keyword_only
            parameters.add(griffe.Parameter(name, annotation=annotation, kind=kind, default=repr(default)))

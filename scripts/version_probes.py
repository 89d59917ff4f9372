"""What one environment of scripts/version_matrix.py answers, as a line of JSON: run by its interpreter, not by ours.

python scripts/version_probes.py cartpole     the open loops of an environment, against the Gymnasium that is installed
python scripts/version_probes.py forward      the forward pass, against the PyTorch that is installed

`environment_cell` and `forward_cells` read the answers. Needs nothing but evalengine and what it compares with.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from typing import Any

STEPS = 1000
"""Of each driver and of all variants together; of CarRacing a tenth."""

SHAPES = 100
"""Random networks."""

Cell = tuple[str, str, str]
"""Heading of the column, what it says, and a note about it or ""."""


def environment(name: str) -> dict[str, Any]:
    """Every driver and all variants, bit by bit."""
    from evalengine.environments.registry import resolve
    from evalengine.parity.drivers import player
    from evalengine.parity.open_loop import open_loop, variants_section
    from evalengine.references import Variant, reference
    from evalengine.references.versions import REFERENCES, standing

    found, entry = reference(name), resolve(name)
    steps = found.share_of(STEPS)
    drivers = ["random", "sticky", *found.drivers]
    sections = [
        open_loop(found, Variant(), {driver: player(driver, entry, found.drivers)}, name=driver, seed=0, steps=steps)[0]
        for driver in drivers
    ]
    if found.variants:
        sections.append(variants_section(found, drivers, name="variants", seed=0, steps=steps))
    # Of all environments, so that rows say the same whatever their columns are.
    packages = [package for package in REFERENCES if package != "torch"]
    versions = {"Python": platform.python_version(), **standing(*packages).versions}
    return {"versions": versions, "sections": [section.to_json() for section in sections]}


def forward() -> dict[str, Any]:
    """The probe, and random networks, bit by bit."""
    from evalengine.parity.forward import sections
    from evalengine.parity.torch_policy import TorchPolicy
    from evalengine.references.versions import standing

    with TorchPolicy() as torch_policy:
        found = sections(shapes=SHAPES, seed=0, torch_policy=torch_policy)
        versions = {**torch_policy.versions, **standing("numpy").versions}
    return {"versions": versions, "sections": [section.to_json() for section in found]}


def environment_cell(name: str, answer: dict[str, Any]) -> Iterator[Cell]:
    """One cell: how many steps were equal, or what became of the comparison."""
    yield name, *_judged(answer, answer.get("sections", []))


def forward_cells(name: str, answer: dict[str, Any]) -> Iterator[Cell]:
    """Three cells: the order of sums, tanh, and the logits of networks."""
    found = answer.get("sections", [])
    yield "order of sums", *_judged(answer, found[:1])
    yield "tanh", *_judged(answer, found[1:2])
    yield "logits and layers of networks", *_judged(answer, found[2:])


def _judged(answer: dict[str, Any], sections: list[dict[str, Any]]) -> tuple[str, str]:
    if not sections:
        return "not compared", answer.get("died", "no section")
    steps = sum(section["steps"] for section in sections)
    differing = [section for section in sections if section["mismatches"]]
    reasons = dict.fromkeys(reason for part in sections for reason in (part["unproven"] or "").split("; ") if reason)
    if not differing:
        partly = f"equal ({steps:,})" if steps else "not compared"
        return (f"{partly}, in part" if reasons and steps else partly), "; ".join(reasons)
    fields = dict.fromkeys(part["first_divergence"]["field"] for part in differing if part["first_divergence"])
    where = f"{sum(part['mismatches'] for part in differing):,} resets and steps differ, first in {', '.join(fields)}"
    return "differs", "; ".join([where, *reasons])


if __name__ == "__main__":
    (asked,) = sys.argv[1:]
    print(json.dumps(forward() if asked == "forward" else environment(asked)))

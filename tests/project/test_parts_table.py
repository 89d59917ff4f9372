"""The table of a step's parts: what the bench's lines become, and where it goes."""

from __future__ import annotations

import pytest

from parts_table import PARTS, PERFORMANCE, measured, section
from results_text import between_markers

LINES = [
    "isa,env,policy,part,nanoseconds,macs",
    "avx2,,,multiply-add,0.015,1",
    *(f"avx2,cartpole,mlp:4-64-2,{part},{time},384" for part, time in zip(PARTS, (1, 20, 45, 4, 6, 5), strict=True)),
    "avx2,cartpole,mlp:4-64-2,clock,0.5,384",
    "avx2,cartpole,mlp:4-64-2,whole,89.1,384",
    *(f"avx2,lunarlander,mlp:8-64-4,{part},200,768" for part in PARTS),
    "avx2,lunarlander,mlp:8-64-4,whole,1260,768",
]


def test_parts_are_added_up_and_the_forward_pass_has_its_share_of_the_limit() -> None:
    text = section({"avx2": measured(LINES)}, "a processor")
    assert "on one core of a processor" in text
    cartpole, lander = [line for line in text.splitlines() if line.startswith(("| cartpole", "| lunarlander"))]
    assert cartpole == (
        "| cartpole, `mlp:4-64-2` | 1.0 | 20.0 | 45.0 | 4.0 | 6.0 | 5.0 | 81.0 | 89.1 | 1.10 | 5.8 | 29% |"
    )
    assert lander.endswith("| 1,200 | 1,260 | 1.05 | 11.5 | 6% |")


def test_the_document_has_a_place_for_it() -> None:
    document = PERFORMANCE.read_text(encoding="utf-8")
    assert "\nnew\n<!-- parts: end -->" in between_markers(document, "parts", "new\n")


def test_a_part_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="decode"):
        section({"avx2": measured([line for line in LINES if ",decode," not in line])}, "a processor")

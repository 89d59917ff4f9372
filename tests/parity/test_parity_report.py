"""Divergences, sections and reports: what they say, to people and to scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from evalengine.parity.report import Claim, Report, Section, Verdict
from evalengine.references.divergence import Divergence, bits_of, differing_bits

OURS = np.array([0.5, 3.0, -1.25, 0.0], np.float32)
REFERENCE = np.array([0.5, np.nextafter(np.float32(3), np.float32(4)), -1.25, 0.0], np.float32)


def divergence() -> Divergence:
    return Divergence.between(
        "observation",
        OURS,
        REFERENCE,
        seed=7,
        episode=2,
        step=31,
        actions=(0, 1),
        case="rows=2",
        versions={"evalengine": "0.1.0", "gymnasium": "1.4.0"},
    )


def section(**changes: object) -> Section:
    return replace(Section("snake open loop", Claim.EXACT, steps=10, episodes=1), **changes)  # type: ignore[arg-type]


def test_a_divergence_says_where_and_shows_both_values_both_bits_both_actions_and_the_versions() -> None:
    first, ours, reference, versions, *_ = divergence().message().split("\n")
    assert first == "seed 7, episode 2, step 31, observation[1]  (rows=2)"
    assert ours == "  ours      3.0        0x40400000  action 0"
    assert reference == "  reference 3.0000002  0x40400001  action 1"
    assert versions == "  evalengine 0.1.0, gymnasium 1.4.0"


def test_a_divergence_goes_on_like_assert_close() -> None:
    with pytest.raises(AssertionError) as raised:
        torch.testing.assert_close(torch.from_numpy(OURS), torch.from_numpy(REFERENCE), rtol=0, atol=0)
    theirs = str(raised.value).split("\n")
    mine = divergence().message().split("\n\n", 1)[1].split("\n")
    assert mine[:4] == theirs[:4]
    # The relative difference is a float32 there.
    assert [part.rsplit(":", 1)[0] for part in mine[4:]] == [part.rsplit(":", 1)[0] for part in theirs[4:]]
    assert [part.split(" at ")[1] for part in mine[4:]] == [part.split(" at ")[1] for part in theirs[4:]]


def test_a_divergence_of_single_values_shows_them() -> None:
    message = Divergence.between("reward", 1.0, np.nextafter(1.0, 2.0), step=1).message()
    assert "ours      1.0                 0x3ff0000000000000" in message
    assert "reference 1.0000000000000002  0x3ff0000000000001" in message
    assert "Expected 1.0000000000000002 but got 1.0." in message
    flags = Divergence.between("terminated", True, False)
    assert (flags.ours, flags.reference, flags.ours_hex) == ("True", "False", "")


def test_another_dtype_or_shape_is_a_divergence_of_its_own() -> None:
    wider = Divergence.between("x", OURS.astype(np.float64), OURS)
    assert "attribute 'dtype' do not match: float64 != float32" in wider.comparison
    assert (wider.ours, wider.reference, wider.index) == ("float64[4]", "float32[4]", ())
    other = Divergence.between("x", OURS[:3], OURS)
    assert "attribute 'shape' do not match: (3,) != (4,)" in other.comparison
    assert (other.ours, other.reference) == ("float32[3]", "float32[4]")


def test_zeros_of_both_signs_differ_and_nan_differs_from_other_nan_unless_any_will_do() -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    assert differing_bits(zeros, np.zeros(2, np.float32)).tolist() == [False, True]
    quiet = np.array([0x7FC00000, 0x7FC00000, 0x7FC00000], np.uint32).view(np.float32)
    others = np.array([0x7FC00000, 0xFFC00001, 0x3F800000], np.uint32).view(np.float32)
    assert differing_bits(quiet, others).tolist() == [False, True, True]
    assert differing_bits(quiet, others, any_nan=True).tolist() == [False, False, True]
    assert Divergence.between("logits", quiet, others, any_nan=True).index == (2,)


def test_bits_are_shown_in_full() -> None:
    assert bits_of(np.float32(0.0)) == "0x00000000"
    assert bits_of(np.float64(-0.0)) == "0x8000000000000000"
    assert bits_of(np.int64(3)) == ""


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.HOLDS),
        ({"mismatches": 1}, Verdict.BROKEN),
        ({"unproven": "no torch"}, Verdict.UNPROVEN),
        ({"mismatches": 1, "unproven": "another torch"}, Verdict.UNPROVEN),
        ({"claim": Claim.NONE}, Verdict.NOT_CLAIMED),
    ],
)
def test_a_mismatch_breaks_a_section_unless_it_proves_nothing(changes: dict[str, object], verdict: Verdict) -> None:
    assert section(**changes).verdict is verdict


def test_the_worst_section_decides_the_report() -> None:
    holds, broken, unproven = section(), section(mismatches=1), section(unproven="no torch")
    assert Report([holds]).verdict is Verdict.HOLDS
    assert Report([holds, unproven]).verdict is Verdict.UNPROVEN
    assert Report([holds, unproven, broken]).verdict is Verdict.BROKEN
    assert Report([]).verdict is Verdict.UNPROVEN
    not_claimed = section(claim=Claim.NONE)
    assert Report([not_claimed]).verdict is Verdict.UNPROVEN
    assert Report([holds, not_claimed]).verdict is Verdict.HOLDS
    assert Report([broken, not_claimed]).verdict is Verdict.BROKEN


def test_the_document_has_the_promised_keys_and_can_be_read_back() -> None:
    full = section(
        mismatches=1,
        first_divergence=divergence(),
        worst_error=2e-7,
        notes=("a note",),
        events={"fruit": 3},
        unproven="another torch",
    )
    document = json.loads(json.dumps(Report([full], {"evalengine": "0.1.0"}, 1.5).to_json()))
    assert document["verdict"] == "unproven"
    (found,) = document["sections"]
    promised = {"name", "claim", "steps", "mismatches", "first_divergence", "worst_error"}
    assert promised <= set(found)
    assert found["first_divergence"]["message"] == divergence().message()
    assert Section.from_json(found) == full
    assert Section.from_json(json.loads(json.dumps(section().to_json()))) == section()


def test_parts_of_one_comparison_add_up() -> None:
    columns = {"step": np.arange(3)}
    first = section(worst_error=1.0, events={"fruit": 1}, notes=("a",), columns=columns)
    second = section(
        mismatches=2, first_divergence=divergence(), worst_error=3.0,
        events={"fruit": 2, "wall": 1}, notes=("a", "b"), columns=columns,
    )  # fmt: skip
    merged = Section.merged([first, second])
    assert (merged.name, merged.claim, merged.steps, merged.episodes) == (first.name, Claim.EXACT, 20, 2)
    assert (merged.mismatches, merged.first_divergence) == (2, divergence())
    assert merged.worst_error == 3.0
    assert (merged.notes, merged.events) == (("a", "b"), {"fruit": 3, "wall": 1})
    assert merged.columns is not None and merged.columns["step"].tolist() == [0, 1, 2, 0, 1, 2]
    assert Section.merged([section(), section(unproven="no torch")]).unproven == "no torch"
    assert Section.merged([section()]).worst_error is None


def test_what_is_broken_in_one_part_is_broken_whatever_was_not_compared_of_others() -> None:
    excused = section(mismatches=3, unproven="a documented difference")
    merged = Section.merged([excused, section(mismatches=1)])
    assert (merged.verdict, merged.mismatches) == (Verdict.BROKEN, 4)
    assert Section.merged([excused, section()]).verdict is Verdict.UNPROVEN
    assert Section.merged([excused, section(unproven="no torch")]).unproven == "a documented difference; no torch"

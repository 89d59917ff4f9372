"""What the installed versions mean for a claim: nothing by themselves, unless one is missing or known to differ."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalengine import make
from evalengine.environments.registry import entries, resolve
from evalengine.evaluation.provenance import package_version
from evalengine.parity import open_loop as module
from evalengine.parity.drivers import player
from evalengine.parity.open_loop import open_loop, variants_section
from evalengine.parity.report import Section, Verdict
from evalengine.references import Reference, Variant, reference, versions
from evalengine.references.versions import REFERENCES, TABLED, Difference, documented, standing, untabled

NEWEST = {package: TABLED[package][-1] for package in REFERENCES}
ROOT = Path(__file__).resolve().parents[2]


def install(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """The newest tabled versions, except for these: "" is not installed."""
    installed = {**NEWEST, **{name.replace("_", "-"): version for name, version in changes.items()}}
    monkeypatch.setattr(versions, "package_version", lambda package: installed.get(package, ""))


def test_whatever_is_installed_can_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for changes in ({}, {"torch": "99.1", "gymnasium": "1.0.0"}, {"torch": "2.13.0+cpu"}):
        install(monkeypatch, **changes)
        found = standing(*REFERENCES)
        assert (found.missing, found.unproven) == ((), "")
        assert found.versions.keys() == {"evalengine", *REFERENCES}
        assert found.versions["torch"] == changes.get("torch", NEWEST["torch"])


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, torch="")
    assert standing("torch", "gymnasium").unproven == "torch is not installed: pip install 'evalengine[torch]'"
    assert "torch" not in standing("torch").versions
    install(monkeypatch, torch="", gymnasium="", box2d="")
    assert standing("torch", "gymnasium", "box2d").unproven == (
        "torch and gymnasium and box2d are not installed: pip install 'evalengine[torch,gymnasium]'"
    )


def test_what_older_gymnasiums_install_stands_in_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, box2d="", box2d_py="2.3.5", pygame="2.6.1")
    found = standing("box2d", "pygame-ce")
    assert (found.missing, found.unproven) == ((), "")
    assert list(found.versions)[1:] == ["box2d-py", "pygame-ce", "pygame"]


def test_versions_outside_of_the_table_are_named() -> None:
    assert untabled({**NEWEST, "evalengine": "9", "jumanji": "9.9"}) == ""
    assert untabled({"torch": "2.13.0+cpu"}) == ""
    listed = ", ".join(TABLED["gymnasium"])
    assert untabled({"gymnasium": "1.0.1", "torch": "2.13.0"}) == (
        f"not among the versions of PARITY.md's table, and compared here: gymnasium 1.0.1 ({listed})"
    )


def test_the_tables_of_the_document_have_a_row_for_every_tabled_version() -> None:
    text = (ROOT / "parity" / "PARITY.md").read_text(encoding="utf-8")
    section = text.partition("<!-- versions: begin -->")[2].partition("<!-- versions: end -->")[0]
    labels = re.findall(r"^\| (\S+ \S+) \|", section, flags=re.MULTILINE)
    own_row = [package for package in TABLED if package != "box2d"]  # which every row names
    wanted = [f"{package} {version}" for package in own_row for version in TABLED[package]]
    assert sorted(label for label in labels if not label.startswith("Python")) == sorted(wanted)
    headings = section.split("\n")[2].strip("| ").split(" | ")
    assert headings == ["version", *(entry.short_name for entry in entries()), "compared with"]
    assert {line.count(" | ") for line in section.partition("\n- ")[0].splitlines() if line.startswith("| ")} == {
        len(headings) - 1
    }


# --- documented differences


OLD = Difference("gymnasium", "rounds down", ("observation",), before="1.3", remedy="gymnasium>=1.4")
MIDDLE = Difference("gymnasium", "rounds up", ("observation",), since="1.3", before="1.4", remedy="gymnasium>=1.4")
PYGAME = Difference("pygame", "draws otherwise", ("observation", "reward"), remedy="pygame-ce")


@pytest.mark.parametrize(
    ("version", "old", "middle"),
    [("1.0.0", True, False), ("1.2.99", True, False), ("1.3.0a1", False, True), ("1.3.9", False, True),
     ("1.4.0", False, False), ("1.10.0", False, False), ("2.0+cpu", False, False), ("", False, False)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version: str, old: bool, middle: bool) -> None:
    assert (OLD.applies_to(version), MIDDLE.applies_to(version)) == (old, middle)
    assert PYGAME.applies_to("2.6.1") and not PYGAME.applies_to("")


def test_a_difference_explains_its_fields_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    every = (OLD, MIDDLE, PYGAME)
    install(monkeypatch, gymnasium="1.2.0", pygame="2.6.1")
    assert documented(every, ["observation"]) == (
        "a documented difference: gymnasium 1.2.0 rounds down, and pygame 2.6.1 draws otherwise: "
        "pip install 'gymnasium>=1.4' 'pygame-ce'"
    )
    assert documented(every, ["observation", "reward"]) != ""
    assert documented(every, ["state", "observation"]) == documented(every, []) == ""
    install(monkeypatch, gymnasium="1.4.0")
    assert documented(every, ["observation"]) == ""


class Tampered:
    """Our environment with one ulp more in one observation, or a unit more in a reward."""

    def __init__(self, env: Any, field: str) -> None:
        self.env, self.field, self.steps = env, field, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        self.steps += 1
        if self.steps == 41:
            if self.field == "reward":
                reward += 1.0
            else:
                observation = np.nextafter(observation, np.float32(9))
        return observation, reward, *rest


def played(found: Reference) -> Section:
    return open_loop(
        found, Variant(), {"random": player("random", resolve("cartpole"), {})}, name="x", seed=5, steps=90
    )[0]


def with_differences(found: Reference, *differences: Difference, maker: Any = None) -> Reference:
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Reference(**{**fields, "differences": differences, "maker": maker or found.maker})


@pytest.mark.parametrize(
    ("field", "differences", "verdict"),
    [("observation", (OLD,), Verdict.UNPROVEN), ("observation", (MIDDLE,), Verdict.BROKEN),
     ("observation", (), Verdict.BROKEN), ("reward", (OLD,), Verdict.BROKEN)],
)  # fmt: skip
def test_only_a_documented_difference_of_this_version_breaks_nothing(
    field: str, differences: tuple[Difference, ...], verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, gymnasium="1.2.0")
    found = with_differences(reference("cartpole"), *differences)
    assert played(found).verdict is Verdict.HOLDS
    monkeypatch.setattr(module, "make", lambda *args, **kwargs: Tampered(make(*args, **kwargs), field))
    section = played(found)
    assert (section.verdict, section.mismatches) == (verdict, 1)


def test_carracing_names_what_older_versions_draw_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    found = reference("carracing")
    for changes, what in (
        ({"gymnasium": "1.2.3"}, "gymnasium 1.2.3 cuts the decimals"),
        ({"gymnasium": "1.3.0"}, "gymnasium 1.3.0 writes all decimals"),
        ({"pygame_ce": "2.5.6"}, "pygame-ce 2.5.6 draws digits otherwise"),
        ({"pygame_ce": "2.3.2"}, "pygame-ce 2.3.2 draws digits and polygons' edges"),
        ({"pygame_ce": "", "pygame": "2.6.1"}, "pygame 2.6.1 draws digits and polygons' edges"),
    ):
        install(monkeypatch, **changes)
        assert what in found.documented(["observation"])
        assert found.documented(["state"]) == found.documented(["observation", "reward"]) == ""
    install(monkeypatch, gymnasium="1.5.0", pygame_ce="2.6.0")
    assert found.documented(["observation"]) == ""


@pytest.mark.parametrize(
    ("name", "fields"),
    [("pendulum", ["state", "reward"]), ("mountaincarcontinuous", ["observation"]), ("bipedalwalker", ["reward"]),
     ("bipedalwalkerhardcore", ["reward"])],
)  # fmt: skip
def test_numpy_1_is_named_where_it_computes_otherwise(
    name: str, fields: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reference(name)
    install(monkeypatch, numpy="1.26.4")
    assert "numpy 1.26.4 computes with float32 actions in float64" in found.documented(fields)
    assert found.documented(["terminated"]) == reference("cartpole").documented(fields) == ""
    install(monkeypatch, numpy="2.0.0")
    assert found.documented(fields) == ""


def test_float64_torques_are_what_numpy_1_made_of_float32_ones() -> None:
    """Ours in float64 is Gymnasium's formula in Python floats; in float32 it is not."""
    env, differing = make("pendulum"), 0
    for torque in np.array([0.1, 0.7, 0.9], np.float32):
        speeds = []
        for dtype in (np.float64, np.float32):
            env.reset(seed=3)
            theta, speed = (float(env.state()[name].item()) for name in ("theta", "theta_dot"))
            env.step(np.array([torque], dtype))
            speeds.append(float(env.state()["theta_dot"].item()))
        pushed = speed + (3 * 10.0 / (2 * 1.0) * np.sin(theta) + 3.0 / (1.0 * 1.0**2) * float(torque)) * 0.05
        assert speeds[0] == pushed
        differing += speeds[1] != pushed
    assert differing >= 2


# --- a reference that fails


class Failing:
    """A reference that cannot take the action 1."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def step(self, action: Any) -> Any:
        if action == 1:
            raise AttributeError("'int' object has no attribute 'astype'")
        return self.env.step(action)


def test_a_reference_that_raises_leaves_the_section_unproven_and_the_rest_is_compared() -> None:
    source = reference("cartpole")
    found = with_differences(source, maker=lambda **kwargs: Failing(source.make(**kwargs)))
    section = played(found)
    assert (section.verdict, section.steps) == (Verdict.UNPROVEN, 0)
    version = package_version("gymnasium")
    message = f"gymnasium {version}: CartPole-v1 raised AttributeError: 'int' object has no attribute 'astype'"
    assert section.unproven == message

    def fails_for_a_limit(**kwargs: Any) -> Any:
        env = source.make(**kwargs)
        return Failing(env) if kwargs.get("max_episode_steps") == 10 else env

    partly = with_differences(source, maker=fails_for_a_limit)
    section = variants_section(partly, ["random"], name="variants", seed=0, steps=80)
    assert (section.verdict, section.mismatches) == (Verdict.UNPROVEN, 0)
    assert 0 < section.steps < 80
    assert "max_episode_steps=10) raised AttributeError" in section.unproven

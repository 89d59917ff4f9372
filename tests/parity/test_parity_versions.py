"""What the installed versions mean for a claim."""

from __future__ import annotations

import pytest

from evalengine.references import versions
from evalengine.references.versions import REFERENCE_VERSIONS, standing


def install(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """The reference versions, except for these: "" is not installed."""
    installed = {**REFERENCE_VERSIONS, **{name.replace("_", "-"): version for name, version in changes.items()}}
    monkeypatch.setattr(versions, "package_version", installed.__getitem__)


def test_the_reference_versions_prove_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    found = standing(*REFERENCE_VERSIONS)
    assert (found.missing, found.others, found.unproven) == ((), (), "")
    assert found.versions.keys() == {"evalengine", *REFERENCE_VERSIONS}


def test_a_build_of_the_same_version_is_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, torch="2.13.0+cpu")
    assert standing("torch").unproven == ""
    assert standing("torch").versions["torch"] == "2.13.0+cpu"


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, torch="")
    assert standing("torch", "gymnasium").unproven == "torch is not installed: pip install 'evalengine[torch]'"
    assert "torch" not in standing("torch").versions
    install(monkeypatch, torch="", gymnasium="", box2d="")
    assert standing("torch", "gymnasium", "box2d").unproven == (
        "torch and gymnasium and box2d are not installed: pip install 'evalengine[torch,gymnasium]'"
    )


def test_another_version_proves_nothing_and_the_right_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, gymnasium="1.3.0", pygame_ce="2.6.0")
    found = standing("gymnasium", "numpy", "pygame-ce")
    assert found.others == ("gymnasium", "pygame-ce")
    assert found.unproven == (
        "nothing is claimed about gymnasium 1.3.0, pygame-ce 2.6.0: pip install gymnasium==1.4.0 pygame-ce==2.5.8"
    )


def test_a_package_without_a_reference_version_may_have_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "package_version", {"jumanji": "9.9"}.__getitem__)
    assert standing("evalengine", "jumanji").unproven == ""

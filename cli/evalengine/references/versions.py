"""Which versions of the references are installed, which were compared before, and which are known to differ.

    >>> standing("gymnasium").unproven
    ''

No number decides a claim: what is compared at every step holds, or it does not, whatever the version. A package that is
missing leaves its sections unproven (`Standing.unproven`). `TABLED` are the versions of the table in parity/PARITY.md;
a report says of others that they are not among them (`untabled`). Where some versions of a reference really do
something else, its module states a `Difference`. Nothing is imported to learn a version. Depends on provenance only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evalengine.evaluation.provenance import evalengine_version, package_version

TABLED = {
    "torch": ("2.2.2", "2.4.1", "2.6.0", "2.9.1", "2.13.0", "2.15.0"),
    "gymnasium": ("1.0.0", "1.1.1", "1.2.3", "1.3.0", "1.4.0"),
    "numpy": ("1.26.4", "2.0.2", "2.2.6", "2.4.6", "2.5.5"),
    "box2d": ("2.3.10",),
    "box2d-py": ("2.3.5",),
    "pygame-ce": ("2.5.5", "2.5.7", "2.5.8"),
    "pygame": ("2.6.1",),
}
"""Distribution -> the versions that the table in parity/PARITY.md names, which `make versions` measures."""

EXTRAS = {
    "torch": "torch",
    "gymnasium": "gymnasium",
    "box2d": "gymnasium",
    "pygame-ce": "gymnasium",
    "neat-python": "neat",
}
"""Distribution -> the extra of evalengine that brings it; NumPy comes with evalengine itself."""

STAND_INS = {"box2d": "box2d-py", "pygame-ce": "pygame"}
"""Distribution -> another one that brings the same module; older versions of Gymnasium ask for that one."""

REFERENCES = ("torch", "gymnasium", "numpy", "box2d", "pygame-ce")
"""The distributions that all claims together stand on."""


@dataclass(frozen=True)
class Standing:
    """What is installed of the packages that a claim stands on.

    Attributes:
        versions: evalengine and the packages, or what stands in for them -> installed version; missing ones are left
            out.
        missing: the packages that are not installed.
    """

    versions: dict[str, str]
    missing: tuple[str, ...]

    @property
    def unproven(self) -> str:
        """One line that says why a claim cannot be judged, and what to install; "" if it can be."""
        if not self.missing:
            return ""
        extras = ",".join(dict.fromkeys(EXTRAS[package] for package in self.missing if package in EXTRAS))
        wanted = f"'evalengine[{extras}]'" if extras else " ".join(self.missing)
        are = "is" if len(self.missing) == 1 else "are"
        return f"{' and '.join(self.missing)} {are} not installed: pip install {wanted}"


def standing(*packages: str) -> Standing:
    """Return what is installed of the packages that a claim stands on.

    Args:
        packages: distributions; where one is not installed, what stands in for it counts.
    """
    versions, missing = {"evalengine": evalengine_version()}, []
    for package in packages:
        if package == "evalengine":
            continue
        names = [package, STAND_INS[package]] if package in STAND_INS else [package]
        # Both of a pair may be installed, and only the one that was installed last is imported: both are named.
        installed = {name: version for name in names if (version := package_version(name))}
        versions |= installed
        if not installed:
            missing.append(package)
    return Standing(versions, tuple(missing))


def untabled(versions: Mapping[str, str]) -> str:
    """Return one line about the installed versions that `TABLED` does not name; "" if it names all.

    Args:
        versions: distribution -> version; those that `TABLED` does not know are left out.
    """
    others = []
    for package, version in versions.items():
        tabled = TABLED.get(package, ())
        # A local label ("2.13.0+cpu") tells builds of one version apart.
        if tabled and version.partition("+")[0] not in tabled:
            others.append(f"{package} {version} ({', '.join(tabled)})")
    return f"not among the versions of PARITY.md's table, and compared here: {'; '.join(others)}" if others else ""


@dataclass(frozen=True)
class Difference:
    """What some versions of a reference do otherwise than the ones that the claim is about.

    Attributes:
        package: the distribution.
        what: for people, a clause: "writes the score in other digits".
        fields: what of a step may differ because of it, such as "observation".
        since: the first of these versions; "" for all from the beginning.
        before: the first version after them; "" where all later ones differ too.
        remedy: what to install instead, as pip takes it.
    """

    package: str
    what: str
    fields: tuple[str, ...]
    since: str = ""
    before: str = ""
    remedy: str = ""

    def applies_to(self, version: str) -> bool:
        """Whether this version, "" where it is not installed, is one of those that differ."""
        if not version:
            return False
        number = _numbers(version)
        return _numbers(self.since) <= number and (not self.before or number < _numbers(self.before))


def numpy_1(*fields: str) -> Difference:
    """Return what NumPy 1 does with float32 actions: such a scalar times a Python float is a float64 there (NEP 50).

    Actions that are float64 give the same in both.

    Args:
        fields: of a step that are computed with the action as such a scalar.
    """
    what = "computes with float32 actions in float64"
    return Difference("numpy", what, fields, before="2.0.0", remedy="numpy>=2")


def documented(differences: Iterable[Difference], fields: Iterable[str]) -> str:
    """Return which documented differences explain that these fields differ here; "" if they do not explain all.

    Args:
        differences: those of one reference, of whatever version.
        fields: what differs; "" comes back for none.
    """
    found = set(fields)
    applying = [each for each in differences if each.applies_to(package_version(each.package))]
    if not found or not found <= {name for each in applying for name in each.fields}:
        return ""
    reasons = [f"{each.package} {package_version(each.package)} {each.what}" for each in applying]
    remedies = dict.fromkeys(f"'{each.remedy}'" for each in applying if each.remedy)
    return f"a documented difference: {', and '.join(reasons)}: pip install {' '.join(remedies)}"


def _numbers(version: str) -> tuple[int, ...]:
    """The release as numbers: "2.13.0+cpu" -> (2, 13, 0); a pre-release counts as its release."""
    return tuple(int(number) for number in re.findall(r"\d+", (re.match(r"[\d.]*", version) or [""])[0]))

"""Which versions of the references the claims are about, and what holds with those that are installed.

    >>> standing("gymnasium").unproven
    ''

The claims were checked against `REFERENCE_VERSIONS`. With another version a comparison still runs, and what is equal is
equal, but a difference breaks no claim; without the package there is nothing to compare with. Either way the section
says so (`Section.unproven`). Nothing is imported to learn a version. Depends on provenance only.
"""

from __future__ import annotations

from dataclasses import dataclass

from evalengine.evaluation.provenance import evalengine_version, package_version

REFERENCE_VERSIONS = {
    "torch": "2.13.0",
    "gymnasium": "1.4.0",
    "numpy": "2.4.6",
    "box2d": "2.3.10",
    "pygame-ce": "2.5.8",
}
"""Distribution -> the version whose bits are claimed."""

EXTRAS = {"torch": "torch", "gymnasium": "gymnasium", "box2d": "gymnasium", "pygame-ce": "gymnasium"}
"""Distribution -> the extra of evalengine that brings it; NumPy comes with evalengine itself."""


@dataclass(frozen=True)
class Standing:
    """What the installed versions of some packages mean for a claim about them.

    Attributes:
        versions: evalengine and the packages -> installed version; a missing one is left out.
        missing: the packages that are not installed.
        others: the packages that are installed in another version than the claims are about.
    """

    versions: dict[str, str]
    missing: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def unproven(self) -> str:
        """One line that says why a claim cannot be judged, and what to install; "" if it can be."""
        if self.missing:
            extras = ",".join(dict.fromkeys(EXTRAS[package] for package in self.missing if package in EXTRAS))
            wanted = f"'evalengine[{extras}]'" if extras else " ".join(self.missing)
            return f"{_listed(self.missing)} not installed: pip install {wanted}"
        if self.others:
            got = ", ".join(f"{package} {self.versions[package]}" for package in self.others)
            wanted = " ".join(f"{package}=={REFERENCE_VERSIONS[package]}" for package in self.others)
            return f"nothing is claimed about {got}: pip install {wanted}"
        return ""


def standing(*packages: str) -> Standing:
    """Return what is installed of the packages that a claim stands on.

    Args:
        packages: distributions; those that `REFERENCE_VERSIONS` does not name may have any version.
    """
    installed = {package: package_version(package) for package in packages if package != "evalengine"}
    missing = tuple(package for package, version in installed.items() if not version)
    others = tuple(
        package
        for package, version in installed.items()
        # A local label ("2.13.0+cpu") tells builds of one version apart.
        if version and version.partition("+")[0] != REFERENCE_VERSIONS.get(package, version.partition("+")[0])
    )
    versions = {"evalengine": evalengine_version()} | {p: version for p, version in installed.items() if version}
    return Standing(versions, missing, others)


def _listed(packages: tuple[str, ...]) -> str:
    return f"{' and '.join(packages)} {'is' if len(packages) == 1 else 'are'}"

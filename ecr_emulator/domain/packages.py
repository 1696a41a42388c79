"""Software packages that an image contains, and the distribution of its operating system."""

from __future__ import annotations

from ecr_emulator.quick_dataclasses import dataclass

DPKG = "dpkg"
APK = "apk"
RPM = "rpm"
OPERATING_SYSTEM = frozenset({DPKG, APK, RPM})
"""The package managers of operating systems. The names of other packages belong to an ecosystem of OSV."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package.

    ``kind`` is a package manager of an operating system, or the name that OSV gives to an ecosystem (``PyPI``).
    ``manager`` is its name among the package managers of Amazon Inspector (``PYTHONPKG``), empty if there is none.
    ``version`` includes the epoch and the release, if there are any. ``source_name`` and ``source_version`` name the
    package from which the distribution built it.
    """

    kind: str
    name: str
    version: str
    path: str
    manager: str = "OS"
    architecture: str = ""
    source_name: str = ""
    source_version: str = ""
    layer: str = ""

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """The names under which advisories may list the package, each with the version to compare."""
        own = (self.name, self.version)
        source = (self.source_name or self.name, self.source_version or self.version)
        if self.kind in (DPKG, APK):
            return (source,)
        return (own,) if self.name == source[0] else (own, source)


@dataclass(frozen=True, slots=True)
class Distribution:
    """The operating system of an image: ``ID``, ``VERSION_ID`` and ``PRETTY_NAME`` of its ``os-release``."""

    name: str
    version: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class ImageContents:
    """Packages of an image. ``source`` says where the list comes from: the layers, or an attached SBOM.

    ``skipped`` has a sentence for each file that should list packages and could not be read.
    """

    distribution: Distribution | None
    packages: tuple[Package, ...]
    source: str = "layers"
    skipped: tuple[str, ...] = ()

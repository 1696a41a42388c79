"""Reader of the packages of an image, from its layers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import chain

from ecr_emulator.domain.packages import Distribution, ImageContents, Package
from ecr_emulator.ports.image_contents import Layer, UnreadableImage
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.scanner.layers.entries import Entry
from ecr_emulator.scanner.layers.limits import Budget, Limits
from ecr_emulator.scanner.layers.merged import visible_files
from ecr_emulator.scanner.packages.collectors import Collector, collector_of
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile
from ecr_emulator.scanner.packages.os_release import PATHS as OS_RELEASE_PATHS
from ecr_emulator.scanner.packages.os_release import read_os_release
from ecr_emulator.scanner.sboms.documents import read_sbom

_MAX_SKIPPED = 100
"""Maximum number of unreadable files that are named."""


@dataclass(frozen=True, slots=True)
class LayerReader:
    """Reader of layers within limits. ``clock`` tells seconds of real time."""

    limits: Limits = Limits()
    clock: Callable[[], float] = time.monotonic

    def read(self, layers: Sequence[Layer], goes_on: Callable[[], bool] = lambda: True) -> ImageContents:
        """Return the packages in layers. Raises ``UnreadableImage`` and ``ReadingStopped``.

        A damaged package database of the operating system makes the image unreadable. Another damaged file is skipped
        and named in the result.
        """
        found = _Found(Budget(self.limits, self.clock, goes_on))
        for layer, entry in visible_files(layers, found.budget, _is_wanted):
            found.add(layer, entry)
        return found.contents()

    def read_sbom(self, sbom: Layer) -> ImageContents:
        """Return the packages that an SBOM lists. Raises ``UnreadableImage`` for a document that is none."""
        if sbom.size > self.limits.sbom:
            raise UnreadableImage(f"The SBOM {sbom.digest} has more than {self.limits.sbom} bytes.")
        with sbom.open() as document:
            return read_sbom(document.read(), f"the SBOM {sbom.digest}")


def _is_wanted(entry: Entry) -> bool:
    return entry.path in OS_RELEASE_PATHS or collector_of(entry) is not None


class _Found:
    """The packages and distributions that were found in an image so far, by the paths of the files."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._packages: dict[str, list[Package]] = {}
        self._distributions: dict[str, Distribution | None] = {}
        self._skipped: dict[str, str] = {}
        self._damaged: dict[str, Collector] = {}

    def add(self, layer: Layer, entry: Entry) -> None:
        """Read a file. A file replaces an earlier one of the same path, which is of the same layer."""
        for earlier in (self._packages, self._distributions, self._skipped, self._damaged):
            earlier.pop(entry.path, None)
        data = entry.open()
        if data is None:
            return
        file = PackageFile(entry, layer.digest, self.budget.limits, data)
        collector = collector_of(entry)
        try:
            if entry.is_sparse:
                raise UnreadableFile("it is a sparse file")
            if collector is None:
                self._distributions[entry.path] = read_os_release(file.text())
            else:
                self._packages[entry.path] = self._counted(collector, file)
        except UnreadableFile as failure:
            self._skip(entry.path, f"/{entry.path} cannot be read: {failure}.", collector)

    def contents(self) -> ImageContents:
        """Return everything that has been found. Raises ``UnreadableImage`` if a database of packages is damaged."""
        packages = tuple(dict.fromkeys(chain.from_iterable(self._packages.values())))
        kinds = {package.kind for package in packages}
        for path, collector in self._damaged.items():
            if collector.database_of not in kinds:
                raise UnreadableImage(self._skipped[path])
        known = (self._distributions.get(path) for path in OS_RELEASE_PATHS)
        distribution = next((each for each in known if each is not None), None)
        return ImageContents(distribution, packages, skipped=tuple(self._skipped.values()))

    def _counted(self, collector: Collector, file: PackageFile) -> list[Package]:
        packages = []
        for package in collector.read(file):
            self.budget.add_package()
            packages.append(package)
        return packages

    def _skip(self, path: str, reason: str, collector: Collector | None) -> None:
        if collector is not None and collector.database_of:
            self._damaged[path] = collector
            self._skipped[path] = reason
        elif len(self._skipped) < _MAX_SKIPPED:
            self._skipped[path] = reason

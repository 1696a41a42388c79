"""Scans of the contents of images. They are long, so they are made without a unit of work."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from threading import Event, Lock
from typing import NamedTuple

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.layer_types import is_encrypted, is_file_system, is_foreign
from ecr_emulator.domain.manifest import SCHEMA1_TYPES, Manifest, read_manifest
from ecr_emulator.domain.packages import OPERATING_SYSTEM, ImageContents
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Task
from ecr_emulator.domain.vulnerabilities import Vulnerability
from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.image_contents import ImageContentsReader, Layer, ReadingStopped, UnreadableImage
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities, Vulnerabilities
from ecr_emulator.services.image_contents import config_of
from ecr_emulator.services.image_tasks import find_image
from ecr_emulator.services.told_findings import told_findings
from ecr_emulator.services.wanted_scans import BASIC_SCAN, ENHANCED_SCAN, wants_basic_scan, wants_enhanced_scan

log = logging.getLogger(__name__)

SBOM_TYPES = frozenset({"application/spdx+json", "text/spdx+json", "application/vnd.cyclonedx+json"})
"""Media types of SBOMs, and artifact types of referrers that have one as their layer."""
UNREAD_PLATFORM = "windows"
"""The operating system whose images neither ECR nor Amazon Inspector scans."""
KEPT = 16
"""Number of results that are kept for the tasks that need them. Each may take some megabytes."""


class ScanResult(NamedTuple):
    """The result of a scan. ``reason`` says why the image or the advisories cannot be read; then the rest is empty.

    ``covers_system`` says whether there are advisories for the distribution and package manager of the image. ``note``
    is a sentence about where its packages are listed, if not in its layers. ``covers_packages`` says whether there are
    packages, and advisories for the system if it has any. ``state`` is the state of the advisories. ``platform`` is
    that of the image, like ``linux/arm64``, if its config says so. ``is_unchanged`` says that there is no need for
    another scan; then the rest is empty.
    """

    vulnerabilities: Sequence[Vulnerability] = ()
    updated_at: datetime | None = None
    covers_system: bool = False
    reason: str = ""
    note: str = ""
    covers_packages: bool = False
    state: str = ""
    platform: str = ""
    is_unchanged: bool = False


class ImageScanner:
    """Scans images, one at a time. Any thread may ask for a scan.

    A thread calls ``prepare`` without a unit of work. The task that ends the scan then takes the result within a unit.
    """

    def __init__(self, store: Store, blobs: Blobs, reader: ImageContentsReader, advisories: Vulnerabilities) -> None:
        self._store = store
        self._blobs = blobs
        self._reader = reader
        self._advisories = advisories
        self._lock = Lock()
        self._results: OrderedDict[str, ScanResult] = OrderedDict()
        self._closed = Event()

    @property
    def waits(self) -> bool:
        """Whether scans wait because the advisories are being read."""
        return self._advisories.is_being_read

    def call_after_waiting(self, then: Callable[[], None]) -> None:
        """Let a function be called whenever scans need no longer wait."""
        self._advisories.call_when_read(then)

    def begin(self) -> None:
        """Let the advisories be read."""
        try:
            self._advisories.is_ready()
        except UnreadableVulnerabilities as failure:
            log.warning("%s", failure)

    def prepare(self, task: Task) -> bool:
        """Scan the image that a task is about, unless there is no need.

        Returns False after ``close``, and while the advisories are being read. Raises ``StorageFailure`` if the image
        cannot be read for now.
        An image whose findings are told by the user is not read, and one that was scanned with the same advisories.
        """
        with self._lock:
            if self._closed.is_set():
                return False
            if self.is_prepared(task):
                return True
            state = self.state()
            if state is None:
                return False
            manifest = self._manifest(task, state)
            if manifest is None:
                if task.kind == ENHANCED_SCAN:
                    self._keep(task, ScanResult(is_unchanged=True))
                return True
            return self._prepare(task, manifest, state)

    def _prepare(self, task: Task, manifest: Manifest, state: str) -> bool:
        try:
            if not self._advisories.is_ready():
                return False
            config = config_of(manifest, self._blobs)
            platform = config.platform if config else ""
            result = ScanResult() if platform.startswith(UNREAD_PLATFORM) else self._scan(task, manifest)
            self._keep(task, result._replace(state=state, platform=platform))
        except UnreadableVulnerabilities as failure:
            self._keep(task, ScanResult(reason=str(failure), state=state))
        except ReadingStopped:
            return False
        except StorageFailure:
            raise
        except Exception as failure:
            log.exception("%s failed", task.key)  # it would fail again before every request
            self._keep(task, ScanResult(reason=f"The scan has failed: {failure!r}", state=state))
        return True

    def is_prepared(self, task: Task) -> bool:
        """Return whether the result of a scan is known."""
        return task.key in self._results

    def take_result(self, task: Task) -> ScanResult | None:
        """Return the result of a scan and forget it; None if ``prepare`` has to be called first."""
        return self._results.pop(task.key, None)

    def close(self) -> None:
        """End the current scan without a result, and let no other begin."""
        self._closed.set()
        self._advisories.close()

    def _goes_on(self) -> bool:
        return not self._closed.is_set()

    def _keep(self, task: Task, result: ScanResult) -> None:
        self._results[task.key] = result
        while len(self._results) > KEPT:
            self._results.popitem(last=False)

    def state(self) -> str | None:
        """Return a text that changes with the advisories: empty if they cannot be read, None while they are read."""
        try:
            return self._advisories.state() if self._advisories.is_ready() else None
        except UnreadableVulnerabilities:
            return ""

    def _manifest(self, task: Task, state: str) -> Manifest | None:
        """Return the manifest of the image to read; None if there is no need to read it."""
        with self._store.reading() as work:
            found = find_image(work, task)
            if found is None or not _is_wanted(work, task, *found, state):
                return None
            stored = work.images.manifest(found[1])
        return read_manifest(stored.raw, stored.media_type)

    def _layers(self, manifest: Manifest) -> list[Layer]:
        """Return the layers that have files, from the lowest to the uppermost. Raises ``UnreadableImage``."""
        order = reversed(manifest.layers) if manifest.media_type in SCHEMA1_TYPES else manifest.layers
        read = [each for each in order if is_file_system(each.media_type)]
        for each in read:
            if is_encrypted(each.media_type):
                raise UnreadableImage(f"Layer {each.digest} is encrypted.")
            if is_foreign(each.media_type) and self._blobs.size(each.digest) is None:
                raise UnreadableImage(f"Layer {each.digest} is missing: clients do not push foreign layers.")
        return [self._layer(each.digest) for each in read]

    def _layer(self, digest: str) -> Layer:
        return Layer(digest, self._blobs.size(digest) or 0, partial(self._blobs.open, digest))

    def _scan(self, task: Task, manifest: Manifest) -> ScanResult:
        try:
            contents = self._reader.read(self._layers(manifest), self._goes_on)
        except UnreadableImage as unreadable:
            sbom = self._sbom(task)
            if sbom is None:
                return ScanResult(reason=str(unreadable))
            note = f"The packages are those of {sbom.source}, because the image cannot be read: {unreadable}"
            return self._matched(task, sbom, note)
        for sentence in contents.skipped:
            _warn(task, sentence)
        return self._matched(task, contents)

    def _matched(self, task: Task, contents: ImageContents, note: str = "") -> ScanResult:
        found = self._advisories.find(contents)
        kinds = {package.kind for package in contents.packages}
        has_system = bool(kinds & OPERATING_SYSTEM)
        covers = has_system and contents.distribution is not None and self._advisories.covers(contents.distribution)
        if has_system and not covers:
            system = contents.distribution
            name = f"{system.name} {system.version}".strip() if system else "an unknown distribution"
            _warn(task, f"there are no advisories about its packages of {name}.")
        covers_packages = covers or (bool(kinds) and not has_system)
        return ScanResult(found, self._advisories.updated_at(), covers, note=note, covers_packages=covers_packages)

    def _sbom(self, task: Task) -> ImageContents | None:
        """Return the contents of the first readable SBOM that is attached to an image; None if there is none."""
        for document in self._attached_sboms(task):
            try:
                return self._reader.read_sbom(document)
            except (UnreadableImage, FileNotFoundError) as unreadable:
                _warn(task, str(unreadable))
        return None

    def _attached_sboms(self, task: Task) -> list[Layer]:
        with self._store.reading() as work:
            found = find_image(work, task)
            referrers = work.image_relations.referrers(found[0], found[1].digest) if found else []
            stored = [work.images.manifest(each) for each in referrers if each.is_active]
        manifests = [read_manifest(each.raw, each.media_type) for each in stored]
        return [
            self._layer(manifest.layers[0].digest)
            for manifest in manifests
            if manifest.layers and {manifest.artifact_type, manifest.layers[0].media_type} & SBOM_TYPES
        ]


def _warn(task: Task, sentence: str) -> None:
    log.warning("%s@%s: %s", task.arguments["repository"], task.arguments["digest"], sentence)


def _is_wanted(work: UnitOfWork, task: Task, repository: Repository, image: Image, state: str) -> bool:
    if task.kind == BASIC_SCAN:
        return wants_basic_scan(work, image)
    is_told = told_findings(work, image) is not None
    return not is_told and wants_enhanced_scan(work, repository, image, state, task.due_at)

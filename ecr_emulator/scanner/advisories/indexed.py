"""Advisories of a folder, through their index."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ecr_emulator.domain.packages import Distribution, ImageContents
from ecr_emulator.domain.vulnerabilities import Vulnerability
from ecr_emulator.ports.image_contents import ReadingStopped
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories import index_file
from ecr_emulator.scanner.advisories.ecosystems import distribution_keys
from ecr_emulator.scanner.advisories.matching import match
from ecr_emulator.scanner.advisories.osv import read_time
from ecr_emulator.scanner.advisories.sources import documents, fingerprint

log = logging.getLogger(__name__)
_STEP = 10_000
"""Number of documents between two lines about the progress."""
_MAX_REPORTS = 20
"""Maximum number of skipped documents that are named. The others are counted."""


class IndexedAdvisories:
    """Advisories in a folder or zip, indexed in a file. Any thread may use them."""

    def __init__(self, source: Path, index: Path) -> None:
        self._source = source
        self._index = index
        self._lock = threading.Lock()

    def refresh(self, goes_on: Callable[[], bool] = lambda: True) -> bool:
        """Write the index anew if the folder has changed, and return whether it has.

        Raises ``UnreadableVulnerabilities``, and keeps the old index, if the folder has no advisories any more. Raises
        ``ReadingStopped`` once ``goes_on`` returns False.
        """
        with self._lock:
            state = fingerprint(self._source)
            facts = index_file.read_facts(self._index)
            if facts is not None and facts.source == state:
                return False
            self._write(state, goes_on)
            return True

    def state(self) -> str:
        """Return a text that changes with any file of the folder. Raises ``UnreadableVulnerabilities``."""
        return fingerprint(self._source)

    def updated_at(self) -> datetime | None:
        """Return when the newest of the advisories was modified; None if there are none."""
        facts = index_file.read_facts(self._index)
        return read_time(facts.modified) if facts else None

    def covers(self, distribution: Distribution) -> bool:
        """Return whether there are advisories about packages of a distribution."""
        with index_file.open_index(self._index) as database:
            return not index_file.ecosystems(database).isdisjoint(distribution_keys(distribution))

    def find(self, contents: ImageContents) -> Sequence[Vulnerability]:
        """Return the vulnerabilities of an image's packages."""
        with index_file.open_index(self._index) as database:
            return match(database, contents)

    def _write(self, state: str, goes_on: Callable[[], bool]) -> None:
        skipped = 0

        def report(reason: str) -> None:
            nonlocal skipped
            skipped += 1
            if skipped <= _MAX_REPORTS:
                log.warning("%s", reason)

        def progress(number: int) -> None:
            if not goes_on():
                raise ReadingStopped
            if number % _STEP == 0:
                log.info("%d documents are read …", number)

        log.info("Reading the advisories in %s …", self._source)
        count = index_file.IndexWriter(self._index, report, progress).write(state, documents(self._source))
        if not count:
            raise UnreadableVulnerabilities(f"{self._source} has no advisories in the format of OSV.")
        if skipped > _MAX_REPORTS:
            log.warning("%d more documents in %s are skipped.", skipped - _MAX_REPORTS, self._source)
        log.info("%d advisories are indexed in %s.", count, self._index)

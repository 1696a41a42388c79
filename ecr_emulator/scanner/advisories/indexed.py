"""Advisories of a folder, through their index."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from threading import Event, Lock, Thread

from ecr_emulator.domain.packages import Distribution, ImageContents
from ecr_emulator.domain.vulnerabilities import Vulnerability
from ecr_emulator.ports.image_contents import ReadingStopped
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories import index_file
from ecr_emulator.scanner.advisories.ecosystems import distribution_keys
from ecr_emulator.scanner.advisories.index_writer import write_index
from ecr_emulator.scanner.advisories.known_files import KnownFiles
from ecr_emulator.scanner.advisories.last_look import LastLook, is_small
from ecr_emulator.scanner.advisories.matching import match
from ecr_emulator.scanner.advisories.osv import read_time
from ecr_emulator.scanner.advisories.sources import Kind, files

log = logging.getLogger(__name__)
_STEP = 10_000
"""Number of documents between two lines about the progress."""
_MAX_REPORTS = 20
"""Maximum number of skipped documents that are named. The others are counted."""


class IndexedAdvisories:
    """Advisories in a folder or zip, indexed in a file. Any thread may use them.

    ``elapsed`` returns seconds that never go back. A small folder is read by the thread that needs it, a large one by a
    thread of its own.
    """

    def __init__(self, source: Path, index: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._index = index
        self._elapsed = elapsed
        self._lock = Lock()
        self._look: LastLook | None = None
        self._failure = ""
        self._thread: Thread | None = None
        self._is_being_read = False
        self._closed = Event()
        self._then: Callable[[], None] = lambda: None

    @property
    def is_being_read(self) -> bool:
        """Whether a thread reads the folder."""
        return self._is_being_read

    def is_ready(self) -> bool:
        """Return whether the index is that of the folder as it is now; if not, a thread begins to read the folder.

        Raises ``UnreadableVulnerabilities``. The answer is False after ``close``.
        """
        with self._lock:
            if self._is_being_read or self._closed.is_set():
                return False
            if self._is_outdated():
                self._look, self._failure = None, ""
                if not is_small(self._source):
                    self._is_being_read = True
                    self._thread = Thread(target=self._read_beside, name="advisories", daemon=True)
                    self._thread.start()
                    return False
                self._read_now()
            if self._failure:
                raise UnreadableVulnerabilities(self._failure)
            return True

    def call_when_read(self, then: Callable[[], None]) -> None:
        """Let a function be called whenever a thread has read the folder."""
        self._then = then

    def refresh(self) -> bool:
        """Bring the index up to date, and return whether a file of the folder has changed.

        Raises ``UnreadableVulnerabilities``, and keeps the old index, if the folder has no advisories any more. Raises
        ``ReadingStopped`` after ``close``.
        """
        look = self._look = LastLook(self._elapsed)
        has_changed = self._has_changed(look)
        if has_changed:
            self._write()
        return has_changed

    def state(self) -> str:
        """Return a text that changes with the advisories in the index."""
        facts = index_file.read_facts(self._index)
        return facts.state if facts else ""

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

    def close(self) -> None:
        """Stop reading the folder."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread:
            thread.join()

    def _is_outdated(self) -> bool:
        if self._look is None or self._look.is_outdated():
            return True
        return not self._failure and index_file.read_facts(self._index) is None  # somebody has removed the index

    def _read_now(self) -> None:
        try:
            self.refresh()
        except UnreadableVulnerabilities:
            self._look = None  # the next call tries it again
            raise

    def _read_beside(self) -> None:
        try:
            self.refresh()
        except ReadingStopped:
            return
        except UnreadableVulnerabilities as failure:
            self._fail(str(failure))
        except Exception as failure:
            log.exception("The advisories in %s cannot be read", self._source)
            self._fail(f"The advisories in {self._source} cannot be read: {failure!r}.")
        finally:
            self._is_being_read = False
        self._then()

    def _fail(self, reason: str) -> None:
        """Let scans fail for a reason, until the folder changes or a while has passed."""
        log.warning("%s", reason)
        self._failure = reason
        if self._look:
            self._look.expire()

    def _has_changed(self, look: LastLook) -> bool:
        """Look at all files, and return whether they are others than those of the index."""
        with ExitStack() as stack:
            is_same, known = False, None
            if index_file.read_facts(self._index) is not None:
                known = KnownFiles(stack.enter_context(index_file.open_index(self._index)))
                is_same = True
            for file in files(self._source):
                self._check()
                look.add(file)
                if known and is_same and file.kind is not Kind.FOLDER:
                    is_same = known.find(file)
            return known is None or not is_same or bool(known.gone())

    def _write(self) -> None:
        skipped = read = 0

        def report(reason: str) -> None:
            nonlocal skipped
            skipped += 1
            if skipped <= _MAX_REPORTS:
                log.warning("%s", reason)

        def progress() -> None:
            nonlocal read
            self._check()
            read += 1
            if read % _STEP == 0:
                log.info("%d documents are read …", read)

        log.info("Reading the advisories in %s …", self._source)
        count = write_index(self._source, self._index, report, progress)
        if not count:
            raise UnreadableVulnerabilities(f"{self._source} has no advisories in the format of OSV.")
        if skipped > _MAX_REPORTS:
            log.warning("%d more documents in %s are skipped.", skipped - _MAX_REPORTS, self._source)
        log.info("%d advisories are indexed in %s.", count, self._index)

    def _check(self) -> None:
        if self._closed.is_set():
            raise ReadingStopped

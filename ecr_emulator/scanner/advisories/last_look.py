"""The last look at the files of a source, which tells cheaply whether they have changed since."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ecr_emulator.scanner.advisories.sources import Kind, SourceFile, files, state_of

MOST_DOCUMENTS = 1_000
"""Number of documents up to which each of them is compared."""
MOST_FOLDERS = 2_000
"""Number of folders and archives up to which each of them is compared."""
SMALL = 2 * 1024 * 1024
"""Number of bytes up to which a source is read by the thread that needs it."""
PERIOD = 60.0
"""Seconds after which a look at a source with more files is outdated."""
RESOLUTION_NS = 100_000_000
"""Nanoseconds within which a folder may change twice while its time changes once."""


class LastLook:
    """The states of the folders and archives of a source, and of its documents if they are few.

    A document that comes, goes or is replaced changes the time of its folder. One that is written in place does not: if
    there are many, it is noticed when the look is outdated.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._looked_at = elapsed()
        self._time_ns = time.time_ns()
        self._folders: dict[str, str] = {}
        self._documents: dict[str, str] = {}
        self._is_complete = True

    def add(self, file: SourceFile) -> None:
        """Remember the state of a file. A folder that has changed just now counts as changed the next time."""
        is_document = file.kind is Kind.DOCUMENT
        states, most = (self._documents, MOST_DOCUMENTS) if is_document else (self._folders, MOST_FOLDERS)
        if len(states) == most:
            self._is_complete = False
            return
        changed_just_now = abs(self._time_ns - file.status.st_mtime_ns) <= RESOLUTION_NS
        states[file.path] = "" if file.kind is Kind.FOLDER and changed_just_now else file.state

    def expire(self) -> None:
        """Let the look be outdated after a while even if nothing changes."""
        self._is_complete = False

    def is_outdated(self) -> bool:
        """Return whether a file has changed, or may have changed unnoticed."""
        if not self._is_complete and self._elapsed() - self._looked_at >= PERIOD:
            return True
        compared = (self._folders, self._documents) if self._is_complete else (self._folders,)
        return any(state != state_of(path) for states in compared for path, state in states.items())


def is_small(source: Path) -> bool:
    """Return whether a source has few and short files. Raises ``UnreadableVulnerabilities``."""
    size = 0
    for number, file in enumerate(files(source), 1):
        size += file.status.st_size if file.kind is not Kind.FOLDER else 0
        if number > MOST_DOCUMENTS or size > SMALL:
            return False
    return True

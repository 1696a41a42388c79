"""The writer of the index of advisories. It reads only the documents that are new or have changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories.index_file import NO_ARCHIVE, read_facts
from ecr_emulator.scanner.advisories.index_rows import IndexRows, Place
from ecr_emulator.scanner.advisories.known_files import KnownFiles, member_state
from ecr_emulator.scanner.advisories.osv import read_advisory
from ecr_emulator.scanner.advisories.sources import (
    Document,
    Kind,
    SourceFile,
    UnreadableDocument,
    files,
    members,
    read_file,
    read_member,
)
from ecr_emulator.scanner.advisories.zip_archives import DamagedArchive, ZipArchive


def write_index(source: Path, file: Path, report: Callable[[str], None], progress: Callable[[], None]) -> int:
    """Replace an index by one of the documents that the source has now, and return the number of its advisories.

    The new index begins as a copy of the old one, if there is one. The old one stays if there are no advisories.
    ``report`` is told of documents that are skipped, ``progress`` is called for each that is read. Raises
    ``UnreadableVulnerabilities``.
    """
    is_new = read_facts(file) is None
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        if not is_new:
            shutil.copyfile(file, unfinished)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as database:
            count = _Update(database, is_new, report, progress).run(source)
        if count:
            os.replace(unfinished, file)
    except (OSError, sqlite3.Error) as failure:
        raise UnreadableVulnerabilities(f"The index {file} cannot be written: {failure}.") from failure
    finally:
        unfinished.unlink(missing_ok=True)
    return count


class _Update:
    """An update of the index in a database."""

    def __init__(
        self, database: sqlite3.Connection, is_new: bool, report: Callable[[str], None], progress: Callable[[], None]
    ) -> None:
        self._database = database
        self._rows = IndexRows(database, is_new)
        self._known = KnownFiles(database)
        self._report = report
        self._progress = progress

    def run(self, source: Path) -> int:
        """Bring the index up to date, and return the number of its advisories."""
        self._database.execute("BEGIN")
        for file in files(source):
            if file.kind is Kind.FOLDER or self._known.find(file):
                continue
            if file.kind is Kind.ARCHIVE:
                self._add_archive(file)
            else:
                self._add(file.path, Place(NO_ARCHIVE, file.name, file.state), partial(read_file, file))
        self._rows.remove(self._known.gone())
        count = self._rows.finish()
        self._database.execute("COMMIT")
        return count

    def _add_archive(self, file: SourceFile) -> None:
        number = self._known.find_changed(file) or self._rows.add_archive(file.name, "")
        try:
            with ZipArchive(Path(file.path)) as archive:
                for member in members(archive):
                    if not self._known.find_member(number, member):
                        place = Place(number, member.raw_name, member_state(member))
                        self._add(f"{file.path}!/{member.name}", place, partial(read_member, archive, member))
        except DamagedArchive as failure:
            self._report(f"{file.path} is skipped: it is no readable archive: {failure}.")
        except OSError as failure:
            self._report(f"{file.path} is skipped: {failure.strerror}.")
            return
        self._rows.change_archive(number, file.state)

    def _add(self, path: str, place: Place, read: Callable[[], Document]) -> None:
        """Add a document. A damaged one is added without an advisory, so that it is not read again."""
        self._progress()
        try:
            document = read()
            self._rows.add(place, document, read_advisory(document.text))
        except UnreadableDocument as failure:
            self._report(f"{path} is skipped: {failure}.")
            if not failure.passes:
                self._rows.add_damaged(place)
        except ValueError as failure:
            self._report(f"{path} is skipped: {failure}.")
            self._rows.add_damaged(place)

"""The parts of the companions' state that are kept as documents, across restarts and among the nodes of a database.

A node that shares its documents changes them one at a time with the others, each time beginning with the newest ones,
and reads what the others have changed (docs/decisions/0043-documents-of-companions.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import NamedTuple

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.companions.shared_resets import SharedResets
from ecr_emulator.ports.companion_documents import RESETS, CompanionDocuments

log = logging.getLogger(__name__)


class DocumentBroken(CompanionFailure):
    """A document cannot be read. It is left as it is."""

    def __init__(self, place: str, content: str, reason: object) -> None:
        super().__init__(
            f"{place} does not hold {content} as this emulator writes them: {reason}. Move it away to go on."
        )


class DocumentConflict(CompanionFailure):
    """A call has changed a document that another node has changed at the same time."""

    def __init__(self, content: str) -> None:
        super().__init__(f"Another node has changed {content} at the same time, and this change is lost. Repeat it.")


class Kept(NamedTuple):
    """A part of moto's state that is kept, as a document of JSON.

    ``content`` names it in errors, and ``empty`` is the document of none. ``text`` returns the current document.
    ``reader`` returns a function that puts the content of a document into moto, and raises ``ValueError``,
    ``TypeError``, ``LookupError`` or ``AttributeError`` for a text that is no such document. ``services`` are those
    whose calls can change it; None for all.
    """

    content: str
    empty: str
    text: Callable[[], str]
    reader: Callable[[str], Callable[[], None]]
    services: frozenset[str] | None = None


class KeptDocuments:
    """Writes each document when its part has changed, and reads it at the first use of moto.

    A document is replaced before the call that changed its part is answered. ``documents`` is None if nothing is kept.
    """

    def __init__(self, companions: Companions, documents: CompanionDocuments | None) -> None:
        self._companions = companions
        self._documents = documents
        self._kept: dict[str, _KeptDocument] = {}
        self._lock = RLock()
        self._known: Mapping[str, int] = {}
        if documents and documents.are_shared:
            self._known = documents.versions()
            self._resets = SharedResets(companions, documents)
            companions.share(self.changing, self._resets.note)

    @property
    def are_kept(self) -> bool:
        """Whether there is a place for documents."""
        return self._documents is not None

    def keep(self, service: str, kept: Kept) -> None:
        """Keep a part of the state, which belongs to a service of moto, as the document with its name.

        Loading moto raises ``DocumentBroken`` or ``IncompatibleMoto`` if the document cannot be put back.
        """
        if self._documents:
            self._kept[service] = _KeptDocument(service, kept, self._companions, self._documents)

    def exist(self, *services: str) -> bool:
        """Return whether a process has kept the documents of one of these services."""
        documents = self._documents
        if documents is None:
            return False
        if documents.are_shared:
            return any(each in self._known for each in services)
        return any(documents.find(each).text is not None for each in services)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let no other node change a document while the block runs, which begins with the newest documents."""
        if self._documents is None:
            yield
            return
        with self._documents.changing(), self._lock:
            self.catch_up(self._documents.versions())
            yield

    def catch_up(self, versions: Mapping[str, int]) -> None:
        """Read the documents whose versions are not those that this node has read or written."""
        if versions == self._known and not self._is_behind(versions):
            return
        with self._lock:
            self._companions.note_change()
            if versions.get(RESETS) != self._known.get(RESETS):
                self._resets.catch_up()
            for each in self._kept.values():
                if not each.is_of(versions):
                    self._companions.if_loaded(each.read_again)
            self._known = versions  # only now: until then, other threads wait for a first use of moto, too

    def _is_behind(self, versions: Mapping[str, int]) -> bool:
        return self._companions.is_loaded and not all(each.is_of(versions) for each in self._kept.values())

    def touch(self, service: str) -> None:
        """Tell other nodes that moto's state of a service has changed, though its document may not have."""
        if self._documents and self._documents.are_shared:
            with self._documents.changing(), self._lock:
                self._kept[service].touch()


class _KeptDocument:
    """One document."""

    def __init__(self, service: str, kept: Kept, companions: Companions, documents: CompanionDocuments) -> None:
        self._service = service
        self._kept = kept
        self._companions = companions
        self._documents = documents
        self._version = 0
        self._written = kept.empty
        companions.at_load(self._restore, service)
        companions.after_each_call(self._keep, kept.services)
        companions.at_reset(lambda: self._put(None))
        companions.in_snapshots(lambda: documents.find(service).text, self._put)

    def is_of(self, versions: Mapping[str, int]) -> bool:
        """Whether moto has the state of the document with the version that is given for it, if any."""
        return self._version == versions.get(self._service, 0)

    def read_again(self) -> None:
        """Replace the state of the service by that of the newest document, in one step for other threads.

        If the document is broken, the next use of a companion says so.
        """
        try:
            self._companions.refill(self._service)
        except CompanionFailure as failure:
            log.error("%s", failure)
            self._companions.load_again()

    def touch(self) -> None:
        """Give the document a new version."""
        is_newest = self._is_newest()
        version = self._documents.touch(self._service)
        if is_newest:
            self._version = version

    def _keep(self) -> None:
        if self._kept.text() == self._written:
            return
        with self._documents.changing():
            if not self._is_newest():
                raise DocumentConflict(self._kept.content)
            self._put(self._kept.text())

    def _is_newest(self) -> bool:
        return self.is_of(self._documents.versions())

    def _restore(self) -> None:
        try:
            document = self._documents.find(self._service)
            put_back = None if document.text is None else self._kept.reader(document.text)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as broken:
            place = self._documents.place(self._service)
            raise DocumentBroken(place, self._kept.content, repr(broken)) from broken
        if put_back:
            put_back()
        self._version, self._written = document.version, document.text or self._kept.empty

    def _put(self, text: str | None) -> None:
        """Write the document, or remove it for None."""
        with self._documents.changing():
            self._version = self._documents.put(self._service, text)
            self._written = text or self._kept.empty

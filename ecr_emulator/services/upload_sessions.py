"""The upload sessions on which requests work, one request at a time on each.

A client sends the chunks of a blob one after the other. The session is remembered between two of them, so that the next
one need not read the database. If another node may have received chunks meanwhile, the session is read, and remembered
only to see whether that has happened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import ServiceUnavailable, UploadNotFoundException
from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.store import Store, Watch
from ecr_emulator.ports.turns import Turns
from ecr_emulator.quick_dataclasses import dataclass

REMEMBERED = 1_024
"""Maximum number of sessions to remember between two requests. Others are read from the database."""
PATIENCE = 10.0
"""Seconds that a request waits for another one on the same session, which may receive bytes slowly."""
RETRY_AFTER = 1
"""Seconds after which a client that has waited so long should try again."""


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload and its repository. ``watch`` tells whether the repository has changed; None: it may have."""

    repository: Repository
    upload: Upload
    watch: Watch | None

    def is_current(self, registry: Registry, name: str) -> bool:
        """Return whether the session belongs to a repository, which has not changed since."""
        is_here = (self.repository.registry, self.repository.name) == (registry, name)
        return is_here and self.watch is not None and self.watch.is_unchanged


class UploadSessions:
    """Finds upload sessions, and lets requests on one session take turns."""

    def __init__(self, store: Store, blobs: BlobStore, turns: Turns) -> None:
        self._store = store
        self._blobs = blobs
        self._turns = turns
        self._remembered: OrderedDict[str, UploadSession] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def take(self, registry: Registry, name: str, upload_id: str) -> Iterator[UploadSession]:
        """Lock a session, and hold its bytes, so that no garbage collection deletes it while the block runs.

        Raises ``RepositoryNotFoundException``, ``UploadNotFoundException``, and ``ServiceUnavailable`` if another
        request keeps the session. A session whose bytes were lost is deleted and not found, so that its client begins
        again.
        """
        with self._turns.take(upload_id, PATIENCE) as came, self._blobs.hold(upload_id):
            if not came:
                sentence = "Another request on this upload is not finished; try again in a moment"
                raise ServiceUnavailable(sentence, retry_after=RETRY_AFTER)
            session = self._current(registry, name, upload_id)
            if not self.has_bytes(session):
                with self._store.writing(frees=True) as work:
                    work.uploads.remove(session.repository, session.upload)
                raise not_found(session)
            yield session

    def find(self, registry: Registry, name: str, upload_id: str) -> UploadSession:
        """Read a session. Raises ``RepositoryNotFoundException`` and ``UploadNotFoundException``."""
        with self._store.reading() as work:
            repository = work.repositories.get(registry, name)
            upload = work.uploads.get(repository, upload_id)
            return UploadSession(repository, upload, work.watch(repository))

    def has_bytes(self, session: UploadSession) -> bool:
        """Return whether all bytes of a session are in its file."""
        return self._blobs.has_written(session.upload.id, session.upload.size)

    def remember(self, session: UploadSession) -> None:
        """Remember a session as the database has it, until the next request takes it."""
        if session.watch is not None or self._turns.are_shared:
            with self._lock:
                self._remembered[session.upload.id] = session
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)

    def _current(self, registry: Registry, name: str, upload_id: str) -> UploadSession:
        """Return a session as the database has it, and let no bytes count as known that another node may have sent."""
        known = self._forget(upload_id)
        if known and known.is_current(registry, name) and not self._turns.are_shared:
            return known
        session = self.find(registry, name, upload_id)
        if self._turns.are_shared and (known is None or known.upload != session.upload):
            self._blobs.forget_written(upload_id)
        return session

    def _forget(self, upload_id: str) -> UploadSession | None:
        with self._lock:
            return self._remembered.pop(upload_id, None)


def not_found(session: UploadSession) -> UploadNotFoundException:
    """Return the error of a session that does not exist any more."""
    return UploadNotFoundException(upload_id=session.upload.id, **session.repository.identity)

"""The stored upload sessions. Their bytes are in the blob store, under the same id."""

from __future__ import annotations

from sqlite3 import Connection, IntegrityError

from sqlalchemy import bindparam, delete, insert, select, update

from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import RepositoryNotFoundException, UploadNotFoundException
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import uploads as table

_progress = ("size", "parts", "last_part_size", "has_small_part")
_this = table.c.id == bindparam("upload_id")
_GET = Statement(select(table).where(_this, table.c.repository_id == bindparam("repository_id")))
_IDS = Statement(select(table.c.id))
_ADD = Statement(insert(table))
_SAVE = Statement(update(table).where(_this).values({name: bindparam(name) for name in _progress}))
_REMOVE = Statement(delete(table).where(_this))


class SqlUploads:
    """``ports.Uploads``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, repository: Repository, upload_id: str) -> Upload:
        """The session; raises ``UploadNotFoundException``, also for one of another repository."""
        row = _GET.one(self._connection, upload_id=upload_id, repository_id=repository.key)
        if row is None:
            raise UploadNotFoundException(upload_id=upload_id, **repository.identity)
        return Upload(*row)

    def ids(self) -> set[str]:
        """The ids of all sessions of all repositories."""
        return {row.id for row in _IDS.all(self._connection)}

    def add(self, repository: Repository, upload: Upload) -> None:
        """Begin a session; raises ``RepositoryNotFoundException``."""
        progress = {name: getattr(upload, name) for name in _progress}
        try:
            _ADD.run(
                self._connection,
                id=upload.id,
                repository_id=repository.key,
                started_at=upload.started_at,
                **progress,
            )
        except IntegrityError as orphan:
            raise RepositoryNotFoundException(**repository.identity) from orphan

    def save(self, upload: Upload) -> None:
        """Record its progress."""
        progress = {name: getattr(upload, name) for name in _progress}
        _SAVE.run(self._connection, upload_id=upload.id, **progress)

    def remove(self, upload: Upload) -> None:
        """End a session."""
        _REMOVE.run(self._connection, upload_id=upload.id)

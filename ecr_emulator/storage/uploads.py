"""The stored upload sessions. Their bytes are in the blob store, under the same id."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, bindparam, delete, func, insert, select, update

from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import Upload
from ecr_emulator.errors import RepositoryNotFoundException, UploadNotFoundException
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import uploads as table

_progress = ("touched_at", "size", "parts", "last_part_size", "has_small_part", "first_part_size")
_this = table.c.id == bindparam("upload_id")
_GET = Statement(select(table).where(_this, table.c.repository_id == bindparam("repository_id")))
_IDS = Statement(select(table.c.id))
_kept = func.json_each(bindparam("keep", type_=JSON)).table_valued("value")
_REMOVE_UNTOUCHED = Statement(
    delete(table).where(table.c.touched_at < bindparam("before"), table.c.id.not_in(select(_kept.c.value)))
)
_ADD = Statement(insert(table))
_SAVE = Statement(update(table).where(_this).values({name: bindparam(name) for name in _progress}))
_REMOVE = Statement(delete(table).where(_this))


class SqlUploads:
    """``ports.repositories.Uploads``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, repository: Repository, upload_id: str) -> Upload:
        row = _GET.one(self._connection, upload_id=upload_id, repository_id=repository.key)
        if row is None:
            raise UploadNotFoundException(upload_id=upload_id, **repository.identity)
        return Upload(*row)

    def ids(self) -> set[str]:
        return {row.id for row in _IDS.all(self._connection)}

    def add(self, repository: Repository, upload: Upload) -> None:
        progress = {name: getattr(upload, name) for name in _progress}
        try:
            _ADD.run(
                self._connection,
                id=upload.id,
                repository_id=repository.key,
                **progress,
            )
        except ConstraintViolation as orphan:
            raise RepositoryNotFoundException(**repository.identity) from orphan

    def save(self, repository: Repository, upload: Upload) -> None:
        progress = {name: getattr(upload, name) for name in _progress}
        if not _SAVE.run(self._connection, upload_id=upload.id, **progress).rowcount:
            raise UploadNotFoundException(upload_id=upload.id, **repository.identity)

    def remove_untouched(self, before: datetime, keep: set[str]) -> None:
        _REMOVE_UNTOUCHED.run(self._connection, before=before, keep=list(keep))

    def remove(self, repository: Repository, upload: Upload) -> None:
        if not _REMOVE.run(self._connection, upload_id=upload.id).rowcount:
            raise UploadNotFoundException(upload_id=upload.id, **repository.identity)

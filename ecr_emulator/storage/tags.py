"""The stored tags, and their validations against upstreams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, literal_column, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.images import CachedTag
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.images import image_of, images_where, put_tag
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import images, tags, validations

_of_repository = tags.c.repository_id == bindparam("repository_id")
_this_tag = (_of_repository, tags.c.tag == bindparam("tag"))
_FIND = Statement(images_where(images.c.id == select(tags.c.image_id).where(*_this_tag).scalar_subquery()))
_REMOVE = Statement(delete(tags).where(*_this_tag))
_PAGE = Statement(
    select(tags.c.tag)
    .where(_of_repository, tags.c.tag > bindparam("after"))
    .order_by(tags.c.tag)
    .limit(bindparam("limit"))
)
_CACHED_PAGE = Statement(
    select(tags.c.tag, images.c.digest, *(validations.c[name] for name in validations.c.keys()[2:]))
    .join(images, images.c.id == tags.c.image_id)
    .outerjoin(validations, and_(validations.c.repository_id == tags.c.repository_id, validations.c.tag == tags.c.tag))
    .where(_of_repository, tags.c.tag > bindparam("after"))
    .order_by(tags.c.tag)
    .limit(bindparam("limit"))
)
_VALIDATION = Statement(
    select(validations).where(
        validations.c.repository_id == bindparam("repository_id"), validations.c.tag == bindparam("tag")
    )
)
_facts = validations.c.keys()[2:]
_SAVE_VALIDATION = Statement(
    upsert(validations)
    .from_select(
        validations.c.keys(),
        select(
            tags.c.repository_id, tags.c.tag, *(bindparam(name, type_=validations.c[name].type) for name in _facts)
        ).where(*_this_tag),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "tag"],
        set_={name: literal_column(f"excluded.{name}") for name in _facts},
    )
)


class SqlTags:
    """``ports.images.Tags``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository, tag: str) -> Image | None:
        row = _FIND.one(self._connection, repository_id=repository.key, tag=tag)
        return None if row is None else image_of(row)

    def put(self, repository: Repository, tag: str, image: Image, now: datetime) -> None:
        put_tag(self._connection, repository, tag, image.key, now)

    def remove(self, repository: Repository, tag: str) -> None:
        _REMOVE.run(self._connection, repository_id=repository.key, tag=tag)

    def page(self, repository: Repository, after: str, limit: int) -> list[str]:
        rows = _PAGE.all(self._connection, repository_id=repository.key, after=after, limit=limit)
        return [row.tag for row in rows]

    def cached_page(self, repository: Repository, after: str, limit: int) -> list[CachedTag]:
        rows = _CACHED_PAGE.all(self._connection, repository_id=repository.key, after=after, limit=limit)
        return [CachedTag(row.tag, row.digest, _validation(row)) for row in rows]

    def validation(self, repository: Repository, tag: str) -> Validation | None:
        row = _VALIDATION.one(self._connection, repository_id=repository.key, tag=tag)
        return None if row is None else _validation(row)

    def save_validation(self, repository: Repository, tag: str, validation: Validation) -> None:
        _SAVE_VALIDATION.run(
            self._connection,
            repository_id=repository.key,
            tag=tag,
            validated_at=validation.validated_at,
            attempted_at=validation.attempted_at,
            failures=validation.failures,
            last_error=validation.last_error,
        )


def _validation(row: Any) -> Validation | None:
    if row.validated_at is None:
        return None
    return Validation(row.validated_at, row.attempted_at, row.failures, row.last_error)

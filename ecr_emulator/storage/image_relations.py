"""Relations between stored images: the indexes that list an image, and the images that refer to one."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import JSON, bindparam, func, select

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.images import CHILD, image_of, images_where
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_references, images

_REFERRERS = Statement(
    images_where(
        images.c.repository_id == bindparam("repository_id"), images.c.subject == bindparam("subject")
    ).order_by(images.c.digest)
)
_given = func.json_each(bindparam("digests", type_=JSON)).table_valued("value")
_SUBJECTS = Statement(
    select(images.c.subject)
    .distinct()
    .where(images.c.repository_id == bindparam("repository_id"), images.c.subject.in_(select(_given.c.value)))
    .order_by(images.c.subject)
)
_lists_images = [image_references.c.repository_id == bindparam("repository_id"), image_references.c.kind == CHILD]
_parents = (
    select(images.c.digest)
    .distinct()
    .join(image_references, image_references.c.image_id == images.c.id)
    .where(*_lists_images)
    .order_by(images.c.digest)
)
_PARENTS = Statement(_parents.where(image_references.c.digest == bindparam("digest")))
_parents_of = _parents.add_columns(image_references.c.digest.label("child")).where(
    image_references.c.digest.in_(select(_given.c.value))
)
_PARENTS_OF = Statement(_parents_of)
_ACTIVE_PARENTS_OF = Statement(_parents_of.where(images.c.status != ARCHIVED))


class SqlImageRelations:
    """``ports.images.ImageRelations``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def parents(self, repository: Repository, digest: str) -> list[str]:
        rows = _PARENTS.all(self._connection, repository_id=repository.key, digest=digest)
        return [row.digest for row in rows]

    def parents_of(
        self, repository: Repository, digests: Collection[str], *, only_active: bool
    ) -> dict[str, list[str]]:
        statement = _ACTIVE_PARENTS_OF if only_active else _PARENTS_OF
        found: dict[str, list[str]] = {}
        for row in statement.all(self._connection, repository_id=repository.key, digests=list(digests)):
            found.setdefault(row.child, []).append(row.digest)
        return found

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        rows = _REFERRERS.all(self._connection, repository_id=repository.key, subject=subject)
        return [image_of(row) for row in rows]

    def subjects(self, repository: Repository, digests: Collection[str]) -> list[str]:
        rows = _SUBJECTS.all(self._connection, repository_id=repository.key, digests=list(digests))
        return [row.subject for row in rows]

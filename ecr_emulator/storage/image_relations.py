"""Relations between stored images: the indexes that list an image, and the images that refer to one."""

from __future__ import annotations

from sqlite3 import Connection

from sqlalchemy import bindparam, select

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.images import CHILD, image_of, images_where
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_references, images

_REFERRERS = Statement(
    images_where(
        images.c.repository_id == bindparam("repository_id"), images.c.subject == bindparam("subject")
    ).order_by(images.c.digest)
)
_lists_images = [image_references.c.repository_id == bindparam("repository_id"), image_references.c.kind == CHILD]
_is_not_archived = images.c.status != ARCHIVED
_parents = (
    select(images.c.digest)
    .distinct()
    .join(image_references, image_references.c.image_id == images.c.id)
    .where(*_lists_images, image_references.c.digest == bindparam("digest"))
    .order_by(images.c.digest)
)
_PARENTS = Statement(_parents)
_ACTIVE_PARENTS = Statement(_parents.where(_is_not_archived))


class SqlImageRelations:
    """``ports.images.ImageRelations``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def parents(self, repository: Repository, digest: str) -> list[str]:
        rows = _PARENTS.all(self._connection, repository_id=repository.key, digest=digest)
        return [row.digest for row in rows]

    def active_parents(self, repository: Repository, digest: str) -> list[str]:
        rows = _ACTIVE_PARENTS.all(self._connection, repository_id=repository.key, digest=digest)
        return [row.digest for row in rows]

    def referrers(self, repository: Repository, subject: str) -> list[Image]:
        rows = _REFERRERS.all(self._connection, repository_id=repository.key, subject=subject)
        return [image_of(row) for row in rows]

"""The stored images: manifests, their references, and their tags.

An image with its tags is one row of one query, so a page costs one query too. The bytes of a manifest are shared by
all repositories; a trigger removes them with the last image that has them. The row of a repository has the number of
its images, since counting them would make a push into a large repository slow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.image import Image, ImageFilter, StoredManifest
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import ImageAlreadyExistsException
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.statements import Statement, new_row
from ecr_emulator.storage.tables import image_references, images, manifests, repositories, tags
from ecr_emulator.storage.watches import Effect

CHILD = "child"
BLOB = "blob"

_tags_of_image = (
    select(type_coerce(func.json_group_array(tags.c.tag), JSON)).where(tags.c.image_id == images.c.id).scalar_subquery()
)


def images_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query for the images that meet all conditions, each with its tags in a column ``tags``."""
    return select(images, _tags_of_image.label("tags")).where(*conditions)


def image_of(row: Any) -> Image:
    """Return the image in a row of ``images_where``."""
    return Image(
        digest=row.digest,
        media_type=row.media_type,
        pushed_at=row.pushed_at,
        size_in_bytes=row.size_in_bytes,
        artifact_media_type=row.artifact_media_type,
        subject=row.subject,
        status=row.status,
        last_pulled_at=row.last_pulled_at,
        last_archived_at=row.last_archived_at,
        last_activated_at=row.last_activated_at,
        tags=tuple(sorted(row.tags)),
        key=row.id,
    )


_of_repository = images.c.repository_id == bindparam("repository_id")
_of_key = images.c.id == bindparam("key")
_FIND = Statement(images_where(_of_repository, images.c.digest == bindparam("digest")))
_given = func.json_each(bindparam("digests", type_=JSON)).table_valued("value")
_FIND_ALL = Statement(images_where(_of_repository, images.c.digest.in_(select(_given.c.value))))
_PAGE = Statement(
    images_where(_of_repository, images.c.digest > bindparam("after"))
    .order_by(images.c.digest)
    .limit(bindparam("limit"))
)
_CLASS_PAGE = Statement(
    images_where(
        _of_repository,
        images.c.is_tagged == bindparam("is_tagged", type_=Boolean),
        images.c.status == bindparam("status"),
        images.c.digest > bindparam("after"),
    )
    .order_by(images.c.digest)
    .limit(bindparam("limit"))
)
_this_repository = repositories.c.id == bindparam("repository_id")
_COUNT = Statement(select(repositories.c.image_count).where(_this_repository))
_CHANGE_COUNT = Statement(
    update(repositories)
    .where(_this_repository)
    .values(image_count=repositories.c.image_count + bindparam("difference", type_=Integer)),
    effect=Effect.NONE,  # the removal of the images themselves has one
)
_NEWEST = Statement(select(func.coalesce(func.max(images.c.id), 0).label("key")))
_MANIFEST = Statement(select(manifests.c.raw).where(manifests.c.digest == bindparam("digest")))
_ADD = Statement(new_row(images), effect=Effect.NONE)  # nobody can have pulled it
_ADD_MANIFEST = Statement(upsert(manifests).on_conflict_do_nothing(), effect=Effect.NONE)
_MEND_MANIFEST = Statement(
    update(manifests)
    .where(manifests.c.digest == bindparam("of_digest"), manifests.c.raw != bindparam("content"))
    .values(raw=bindparam("content"))
)
_ADD_REFERENCE = Statement(insert(image_references), effect=Effect.NONE)  # a new image is active: no layer is archived
_ADD_TAG = Statement(upsert(tags).on_conflict_do_nothing(), effect=Effect.NONE)  # nobody can have pulled a new one
_MOVE_TAG = Statement(
    update(tags)
    .where(tags.c.repository_id == bindparam("repository_id"), tags.c.tag == bindparam("of_tag"))
    .values(image_id=bindparam("to_image"), tagged_at=bindparam("now"))
)
_REMOVE = Statement(delete(images).where(_of_repository, _of_key))
_PULLED = Statement(update(images).where(_of_key).values(last_pulled_at=bindparam("now")), effect=Effect.NONE)
_changing = ("size_in_bytes", "status", "last_archived_at", "last_activated_at", "pushed_at", "last_pulled_at")
_SAVE = Statement(update(images).where(_of_key).values({name: bindparam(name) for name in _changing}))


def put_tag(connection: Connection, repository: Repository, tag: str, image_key: int, now: datetime) -> None:
    """Add a tag, or else move it, which changes answers."""
    key = repository.key
    if not _ADD_TAG.run(connection, repository_id=key, tag=tag, image_id=image_key, tagged_at=now).rowcount:
        _MOVE_TAG.run(connection, repository_id=key, of_tag=tag, to_image=image_key, now=now)


class SqlImages:
    """``ports.images.Images``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository, digest: str) -> Image | None:
        row = _FIND.one(self._connection, repository_id=repository.key, digest=digest)
        return None if row is None else image_of(row)

    def find_all(self, repository: Repository, digests: Collection[str]) -> dict[str, Image]:
        rows = _FIND_ALL.all(self._connection, repository_id=repository.key, digests=list(digests))
        return {row.digest: image_of(row) for row in rows}

    def add(self, repository: Repository, image: Image, manifest: Manifest, raw: bytes) -> Image:
        try:
            key = _ADD.add(
                self._connection,
                repository_id=repository.key,
                digest=image.digest,
                media_type=image.media_type,
                artifact_media_type=image.artifact_media_type,
                subject=image.subject,
                size_in_bytes=image.size_in_bytes,
                pushed_at=image.pushed_at,
                last_pulled_at=image.last_pulled_at,
                status=image.status,
                last_archived_at=image.last_archived_at,
                last_activated_at=image.last_activated_at,
                is_tagged=bool(image.tags),  # triggers follow later changes of tags
            )
        except ConstraintViolation as exists:
            if not exists.of_key:
                raise
            raise ImageAlreadyExistsException(
                image_digest=image.digest, image_tag="null", **repository.identity
            ) from exists
        _CHANGE_COUNT.run(self._connection, repository_id=repository.key, difference=1)
        self.mend(image.digest, raw)
        _ADD_REFERENCE.run_for_each(self._connection, _references(repository, key, manifest))
        for tag in image.tags:
            put_tag(self._connection, repository, tag, key, image.pushed_at)
        return replace(image, key=key)

    def remove(self, repository: Repository, *gone: Image) -> None:
        rows = ({"repository_id": repository.key, "key": image.key} for image in gone)
        removed = _REMOVE.run_for_each(self._connection, rows)
        if removed:
            _CHANGE_COUNT.run(self._connection, repository_id=repository.key, difference=-removed)

    def manifest(self, image: Image) -> StoredManifest:
        row = _MANIFEST.one(self._connection, digest=image.digest)
        return StoredManifest(image.digest, image.media_type, row.raw)

    def mend(self, digest: str, raw: bytes) -> None:
        if not _ADD_MANIFEST.run(self._connection, digest=digest, raw=raw).rowcount:
            _MEND_MANIFEST.run(self._connection, of_digest=digest, content=raw)

    def page(self, repository: Repository, after: str, limit: int) -> list[Image]:
        rows = _PAGE.all(self._connection, repository_id=repository.key, after=after, limit=limit)
        return [image_of(row) for row in rows]

    def filtered_page(self, repository: Repository, after: str, limit: int, chosen: ImageFilter) -> list[Image]:
        found = [
            image_of(row)
            for is_tagged in chosen.tagged
            for status in chosen.statuses
            for row in _CLASS_PAGE.all(
                self._connection,
                repository_id=repository.key,
                is_tagged=is_tagged,
                status=status,
                after=after,
                limit=limit,
            )
        ]
        return sorted(found, key=attrgetter("digest"))[:limit]

    def count(self, repository: Repository) -> int:
        row = _COUNT.one(self._connection, repository_id=repository.key)
        return 0 if row is None else int(row.image_count)

    def newest_key(self) -> int:
        return int(_NEWEST.one(self._connection).key)

    def pulled(self, key: int, now: datetime) -> None:
        _PULLED.run(self._connection, key=key, now=now)

    def save(self, image: Image) -> None:
        _SAVE.run(self._connection, key=image.key, **{name: getattr(image, name) for name in _changing})


def _references(repository: Repository, image_id: int, manifest: Manifest) -> Iterator[dict[str, Any]]:
    described = [(CHILD, child) for child in manifest.children] + [(BLOB, blob) for blob in manifest.listed_blobs]
    for position, (kind, descriptor) in enumerate(described):
        yield {
            "image_id": image_id,
            "position": position,
            "repository_id": repository.key,
            "kind": kind,
            "digest": descriptor.digest,
            "size": descriptor.size,
            "media_type": descriptor.media_type,
        }

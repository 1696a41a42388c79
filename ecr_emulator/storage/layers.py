"""The blobs that repositories hold, and the references of images to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Integer, String, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.image import ACTIVE, Layer
from ecr_emulator.domain.manifest import FOREIGN_TYPES
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import RepositoryNotFoundException
from ecr_emulator.ports.repositories import LayerPlace
from ecr_emulator.storage.connections import Connection, ConstraintViolation
from ecr_emulator.storage.images import BLOB
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_references, images, layers, repositories
from ecr_emulator.storage.watches import Effect

_of_repository = layers.c.repository_id == bindparam("repository_id")
_references = (
    select(image_references)
    .where(
        image_references.c.repository_id == bindparam("repository_id"),
        image_references.c.digest == bindparam("digest"),
        image_references.c.kind == BLOB,
    )
    .limit(1)
)
_refers_to_layer = (
    image_references.c.repository_id == layers.c.repository_id,
    image_references.c.digest == layers.c.digest,
    image_references.c.kind == BLOB,
)
MEDIA_TYPE = (
    select(image_references.c.media_type)
    .where(*_refers_to_layer)
    .order_by(image_references.c.image_id, image_references.c.position)
    .limit(1)
    .correlate(layers)
    .scalar_subquery()
    .label("layer_media_type")
)
"""The column with the media type of a layer in the oldest image that refers to it; None if no image does."""
IS_ACTIVE = (
    select(images.c.id)
    .join(image_references, images.c.id == image_references.c.image_id)
    .where(*_refers_to_layer, images.c.status == ACTIVE)
    .correlate(layers)
    .exists()
    .label("is_active")
)
"""The column that tells whether an active image refers to a layer."""
_FIND = Statement(
    select(layers.c.size, layers.c.added_at, MEDIA_TYPE, IS_ACTIVE).where(
        _of_repository, layers.c.digest == bindparam("digest")
    )
)
_is_foreign = or_(*(image_references.c.media_type.startswith(kind) for kind in FOREIGN_TYPES))
_REFERENCED = Statement(_references.order_by(_is_foreign, image_references.c.image_id))
_HOLDS = Statement(select(layers.c.size).where(_of_repository, layers.c.digest == bindparam("digest")))
_given = func.json_each(bindparam("digests", type_=JSON)).table_valued("value")
_add = upsert(layers)
_ADD = Statement(  # a new layer, or a later end of its grace
    _add.on_conflict_do_update(set_={"added_at": _add.excluded.added_at}), effect=Effect.ADDITION
)
_TOUCH = Statement(
    update(layers).where(_of_repository, layers.c.digest == bindparam("of_digest")).values(added_at=bindparam("now")),
    effect=Effect.NONE,
)
_any_reference = select(image_references.c.image_id).where(*_refers_to_layer).exists()
_place = tuple_(layers.c.repository_id, layers.c.digest)


def _bound_place(which: str) -> ColumnElement[Any]:
    return tuple_(bindparam(f"{which}_repository", type_=Integer), bindparam(f"{which}_digest", type_=String))


_follows = _place > _bound_place("after")
_LAST_OF_PAGE = Statement(
    select(layers.c.repository_id, layers.c.digest)
    .where(_follows)
    .order_by(layers.c.repository_id, layers.c.digest)
    .limit(1)
    .offset(bindparam("skipped", type_=Integer))
)
_remove_loose = delete(layers).where(_follows, layers.c.added_at < bindparam("before"), ~_any_reference)
_REMOVE_LAST_LOOSE = Statement(_remove_loose)
_REMOVE_LOOSE = Statement(_remove_loose.where(_place <= _bound_place("last")))
_some_unreferenced = select(layers.c.digest).where(_of_repository, ~_any_reference).limit(bindparam("limit"))
_REMOVE_UNREFERENCED = Statement(delete(layers).where(_of_repository, layers.c.digest.in_(_some_unreferenced)))
_UNUSED = Statement(
    select(_given.c.value).where(
        _given.c.value.not_in(select(layers.c.digest)),
        _given.c.value.not_in(select(image_references.c.digest).where(image_references.c.kind == BLOB)),
    )
)
_HOLDERS = Statement(
    select(repositories.c.name)
    .join(layers, layers.c.repository_id == repositories.c.id)
    .where(
        layers.c.digest == bindparam("digest"),
        repositories.c.account == bindparam("account"),
        repositories.c.region == bindparam("region"),
    )
    .order_by(repositories.c.name)
)
_OWNERS = Statement(
    select(repositories.c.account)
    .distinct()
    .join(layers, layers.c.repository_id == repositories.c.id)
    .where(layers.c.digest == bindparam("digest"))
)


def layer_of(digest: str, row: Any) -> Layer:
    """Return the layer in a row with ``MEDIA_TYPE`` and ``IS_ACTIVE``."""
    is_loose = row.layer_media_type is None
    is_archived = not (is_loose or row.is_active)
    return Layer(digest, row.size, row.layer_media_type, is_archived, is_loose, row.added_at)


class SqlLayers:
    """``ports.repositories.Layers``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository, digest: str) -> Layer | None:
        row = _FIND.one(self._connection, repository_id=repository.key, digest=digest)
        return None if row is None else layer_of(digest, row)

    def referenced(self, repository: Repository, digest: str) -> Layer | None:
        row = _REFERENCED.one(self._connection, repository_id=repository.key, digest=digest)
        return None if row is None else Layer(digest, row.size, row.media_type)

    def missing(self, repository: Repository, digests: Iterable[str]) -> list[str]:
        return [digest for digest in dict.fromkeys(digests) if not self._holds(repository, digest)]

    def _holds(self, repository: Repository, digest: str) -> bool:
        return _HOLDS.one(self._connection, repository_id=repository.key, digest=digest) is not None

    def add(self, repository: Repository, digest: str, size: int, now: datetime) -> None:
        try:
            _ADD.run(self._connection, repository_id=repository.key, digest=digest, size=size, added_at=now)
        except ConstraintViolation as orphan:
            raise RepositoryNotFoundException(**repository.identity) from orphan

    def touch(self, repository: Repository, digest: str, now: datetime) -> bool:
        touched = _TOUCH.run(self._connection, repository_id=repository.key, of_digest=digest, now=now)
        return touched.rowcount > 0

    def remove_loose(self, before: datetime, after: LayerPlace, limit: int) -> tuple[int, LayerPlace | None]:
        place = {"after_repository": after.repository, "after_digest": after.digest}
        last = _LAST_OF_PAGE.one(self._connection, **place, skipped=limit - 1)
        if last is None:
            return _REMOVE_LAST_LOOSE.run(self._connection, **place, before=before).rowcount, None
        end = {"last_repository": last.repository_id, "last_digest": last.digest}
        removed = _REMOVE_LOOSE.run(self._connection, **place, **end, before=before).rowcount
        return removed, LayerPlace(*last)

    def remove_unreferenced(self, repository: Repository, limit: int) -> int:
        return _REMOVE_UNREFERENCED.run(self._connection, repository_id=repository.key, limit=limit).rowcount

    def unused(self, digests: Iterable[str]) -> list[str]:
        return [row.value for row in _UNUSED.all(self._connection, digests=list(digests))]

    def holders(self, registry: Registry, digest: str) -> list[str]:
        rows = _HOLDERS.all(self._connection, digest=digest, account=registry.id, region=registry.region)
        return [row.name for row in rows]

    def owners(self, digest: str) -> set[str]:
        return {row.account for row in _OWNERS.all(self._connection, digest=digest)}

"""The listings for people."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import JSON, ColumnElement, and_, bindparam, func, literal, or_, select, type_coerce

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.listing import (
    CREATED,
    IMAGES,
    NAME,
    SIZE,
    ListedRepository,
    PlaceOfImage,
    PlaceOfRepository,
    RegistryTotals,
)
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.images import image_of, images_where
from ecr_emulator.storage.repositories import repository_of
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import Integer, images, repositories, tags

_FIRST_REPOSITORY = PlaceOfRepository(2**63 - 1, "")
_FIRST_IMAGE = PlaceOfImage(datetime(9999, 12, 31, tzinfo=UTC) - timedelta(days=1), 0)
_AFTER_TAGS = "\x7f"
"""A character that is greater than all characters of tags."""

_of_registry = (repositories.c.account == bindparam("account"), repositories.c.region == bindparam("region"))
_REGISTRIES = Statement(
    select(repositories.c.account, repositories.c.region).distinct().order_by(*repositories.c["account", "region"])
)
_TOTALS = Statement(
    select(
        func.count().label("repositories"),
        func.coalesce(func.sum(repositories.c.image_count), 0).label("images"),
        func.coalesce(func.sum(repositories.c.layer_bytes), 0).label("layer_bytes"),
    ).where(*_of_registry)
)
_NUMBERS: dict[str, ColumnElement[int]] = {
    IMAGES: repositories.c.image_count,
    SIZE: repositories.c.layer_bytes,
    CREATED: type_coerce(repositories.c.created_at, Integer),
}
"""The number by which repositories are sorted, greatest first. Repositories with the same number are sorted by name."""
_has_part = func.instr(repositories.c.name, bindparam("part")) > 0


def _ordered(number: ColumnElement[int]) -> Statement:
    after = or_(
        number < bindparam("number"), and_(number == bindparam("number"), repositories.c.name > bindparam("after"))
    )
    order = number.desc(), repositories.c.name
    # The keys are sorted alone: the other columns of all repositories are much larger.
    keys = select(repositories.c.id).where(*_of_registry, _has_part, after).order_by(*order).limit(bindparam("limit"))
    return Statement(select(repositories, number.label("number")).where(repositories.c.id.in_(keys)).order_by(*order))


_BY_NAME = Statement(
    select(repositories, literal(0).label("number"))
    .where(*_of_registry, _has_part, repositories.c.name > bindparam("after"))
    .order_by(repositories.c.name)
    .limit(bindparam("limit"))
)
_BY_NUMBER = {order: _ordered(number) for order, number in _NUMBERS.items()}
_of_repository = images.c.repository_id == bindparam("repository_id")
_IMAGES = Statement(
    images_where(
        _of_repository,
        images.c.pushed_at <= bindparam("pushed_at"),
        or_(images.c.pushed_at < bindparam("pushed_at"), images.c.id < bindparam("key")),
    )
    .order_by(images.c.pushed_at.desc(), images.c.id.desc())
    .limit(bindparam("limit"))
)
_named = tags.alias("named")
_TAGGED = Statement(
    images_where(_named.c.repository_id == bindparam("repository_id"))
    .add_columns(_named.c.tag)
    .join(_named, _named.c.image_id == images.c.id)
    .where(_named.c.tag > bindparam("after"), _named.c.tag >= bindparam("first"), _named.c.tag < bindparam("end"))
    .order_by(_named.c.tag)
    .limit(bindparam("limit"))
)

_given = func.json_each(bindparam("given", type_=JSON)).table_valued("value")
_TAGS_AMONG = Statement(
    select(tags.c.tag).where(tags.c.repository_id == bindparam("repository_id"), tags.c.tag.in_(select(_given.c.value)))
)


class SqlListings:
    """``ports.listings.Listings``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def registries(self) -> list[Registry]:
        return [Registry(row.account, row.region) for row in _REGISTRIES.all(self._connection)]

    def totals(self, registry: Registry) -> RegistryTotals:
        return RegistryTotals(*_TOTALS.one(self._connection, account=registry.id, region=registry.region))

    def repositories(
        self, registry: Registry, part: str, order: str, after: PlaceOfRepository | None, limit: int
    ) -> list[ListedRepository]:
        number, name = after or _FIRST_REPOSITORY
        values = {"account": registry.id, "region": registry.region, "part": part, "after": name, "limit": limit}
        if order == NAME:
            rows = _BY_NAME.all(self._connection, **values)
        else:
            rows = _BY_NUMBER[order].all(self._connection, **values, number=number)
        return [
            ListedRepository(
                repository_of(registry, row), row.image_count, row.layer_bytes, PlaceOfRepository(row.number, row.name)
            )
            for row in rows
        ]

    def images(self, repository: Repository, after: PlaceOfImage | None, limit: int) -> list[Image]:
        pushed_at, key = after or _FIRST_IMAGE
        rows = _IMAGES.all(self._connection, repository_id=repository.key, pushed_at=pushed_at, key=key, limit=limit)
        return [image_of(row) for row in rows]

    def tagged_images(self, repository: Repository, prefix: str, after: str, limit: int) -> list[tuple[str, Image]]:
        end = prefix + _AFTER_TAGS
        rows = _TAGGED.all(
            self._connection, repository_id=repository.key, after=after, first=prefix, end=end, limit=limit
        )
        return [(row.tag, image_of(row)) for row in rows]

    def tags_among(self, repository: Repository, given: Collection[str]) -> set[str]:
        rows = _TAGS_AMONG.all(self._connection, repository_id=repository.key, given=list(given))
        return {row.tag for row in rows}

"""The content of the repositories of all accounts, for the verification of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.connections import StoreConnection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import images, layers, manifests, repositories

_BLOBS = Statement(
    select(layers.c.digest, func.max(layers.c.size).label("size"))
    .where(layers.c.digest > bindparam("after"))
    .group_by(layers.c.digest)
    .order_by(layers.c.digest)
    .limit(bindparam("limit"))
)
_sizes = select(func.max(layers.c.size).label("size")).group_by(layers.c.digest).subquery()
_BLOB_TOTALS = Statement(select(func.count().label("number"), func.coalesce(func.sum(_sizes.c.size), 0).label("size")))
_MANIFESTS = Statement(
    select(images.c.digest, manifests.c.raw)
    .outerjoin(manifests, manifests.c.digest == images.c.digest)
    .where(images.c.digest > bindparam("after"))
    .group_by(images.c.digest, manifests.c.digest)
    .order_by(images.c.digest)
    .limit(bindparam("limit"))
)


def _places(table: Any) -> Select[Any]:
    return (
        select(repositories.c.account, repositories.c.region, repositories.c.name)
        .join(table, table.c.repository_id == repositories.c.id)
        .where(table.c.digest == bindparam("digest"))
        .order_by(repositories.c.account, repositories.c.region, repositories.c.name)
    )


_BLOB_PLACES = Statement(_places(layers))
_MANIFEST_PLACES = Statement(_places(images))


class SqlInventory:
    """``ports.repositories.Inventory``.

    ``commits`` returns how many commits this transaction sees (``Watches.commits``); None while it writes. The totals
    of the blobs are remembered until the next one, since adding them up takes long for very many blobs.
    """

    def __init__(self, connection: StoreConnection, commits: Callable[[], int | None]) -> None:
        self._connection = connection
        self._commits = commits
        self._totals: tuple[int | None, tuple[int, int]] = (None, (0, 0))

    def blobs(self, after: str, limit: int) -> list[tuple[str, int]]:
        return [tuple(row) for row in _BLOBS.all(self._connection, after=after, limit=limit)]

    def blob_totals(self) -> tuple[int, int]:
        commits = self._commits()
        known_at, totals = self._totals
        if commits is None or commits != known_at:
            row = _BLOB_TOTALS.one(self._connection)
            totals = (row.number, row.size)
            self._totals = (commits, totals)
        return totals

    def manifests(self, after: str, limit: int) -> list[tuple[str, bytes | None]]:
        return [tuple(row) for row in _MANIFESTS.all(self._connection, after=after, limit=limit)]

    def blob_places(self, digest: str) -> list[tuple[Registry, str]]:
        return self._read(_BLOB_PLACES, digest)

    def manifest_places(self, digest: str) -> list[tuple[Registry, str]]:
        return self._read(_MANIFEST_PLACES, digest)

    def integrity_errors(self) -> list[str]:
        return self._connection.integrity_errors()

    def _read(self, places: Statement, digest: str) -> list[tuple[Registry, str]]:
        rows = places.all(self._connection, digest=digest)
        return [(Registry(row.account, row.region), row.name) for row in rows]

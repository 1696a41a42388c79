"""Documents in the API's own form: the configuration of a registry, and the status of an image."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, select, text
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import AWAITED_IMAGES, image_documents, images, registry_documents, tags


class _Documents:
    """The documents of one table; all columns but the last are the key."""

    def __init__(self, table: Table) -> None:
        keys = table.c.keys()[:-1]
        this = and_(*(table.c[name] == bindparam(f"at_{name}") for name in keys))
        insert = upsert(table).values({name: bindparam(f"at_{name}") for name in keys} | {"document": bindparam("new")})
        self.find = Statement(select(table.c.document).where(this))
        self.put = Statement(insert.on_conflict_do_update(set_={"document": insert.excluded.document}))
        self.remove = Statement(delete(table).where(this))


_OF_REGISTRY = _Documents(registry_documents)
_ALL_OF_REGISTRY = Statement(
    select(registry_documents.c.name, registry_documents.c.document).where(
        registry_documents.c.account == bindparam("account"), registry_documents.c.region == bindparam("region")
    )
)
_NAMED = Statement(
    select(registry_documents.c.account, registry_documents.c.region, registry_documents.c.document).where(
        registry_documents.c.name == bindparam("name")
    )
)
_OF_IMAGE = _Documents(image_documents)
_AWAITED = Statement(
    select(images.c.digest)
    .join(image_documents, image_documents.c.image_id == images.c.id)
    .where(
        images.c.repository_id + 0 == bindparam("repository_id"),  # no index on images: it would read all of them
        text(AWAITED_IMAGES),
        ~select(tags.c.tag).where(tags.c.image_id == images.c.id).exists(),
    )
)


class SqlRegistryDocuments:
    """``ports.registries.RegistryDocuments``. A transaction reads all documents of a registry at once.

    A registry has fewer than ten, and most changes of images look at three of them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[Registry, dict[str, Any]] = {}

    def forget(self) -> None:
        """Forget the documents that were read: another transaction begins."""
        self._known.clear()

    def find(self, registry: Registry, name: str) -> Any | None:
        if registry not in self._known:
            rows = _ALL_OF_REGISTRY.all(self._connection, account=registry.id, region=registry.region)
            self._known[registry] = {row.name: row.document for row in rows}
        return self._known[registry].get(name)

    def named(self, name: str) -> list[tuple[Registry, Any]]:
        rows = _NAMED.all(self._connection, name=name)
        return [(Registry(row.account, row.region), row.document) for row in rows]

    def put(self, registry: Registry, name: str, document: Any) -> None:
        self.forget()
        _OF_REGISTRY.put.run(self._connection, **_place(registry, name), new=document)

    def remove(self, registry: Registry, name: str) -> None:
        self.forget()
        _OF_REGISTRY.remove.run(self._connection, **_place(registry, name))


class SqlImageDocuments:
    """``ports.images.ImageDocuments``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, image: Image, name: str) -> Any | None:
        row = _OF_IMAGE.find.one(self._connection, at_image_id=image.key, at_name=name)
        return None if row is None else row.document

    def put(self, image: Image, name: str, document: Any) -> None:
        _OF_IMAGE.put.run(self._connection, at_image_id=image.key, at_name=name, new=document)

    def awaited(self, repository: Repository) -> set[str]:
        return {row.digest for row in _AWAITED.all(self._connection, repository_id=repository.key)}


def _place(registry: Registry, name: str) -> dict[str, str]:
    return {"at_account": registry.id, "at_region": registry.region, "at_name": name}

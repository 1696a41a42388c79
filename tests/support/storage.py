"""Make repositories and images to store, store them, and read the rows of a database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.domain.names import Registry, digest_of
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import metadata
from ecr_emulator.storage.units import Units

HOME = Registry("123456789012", "eu-west-1")
NOW = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)


def a_repository(name: str = "team/app", registry: Registry = HOME) -> Repository:
    """Return a repository with default settings that is not stored yet."""
    return Repository(registry, name, NOW)


def store_manifest(work: UnitOfWork, repository: Repository, raw: bytes, *tags: str) -> Image:
    """Store a manifest as an image with tags, and return the stored image."""
    manifest = read_manifest(raw)
    subject = manifest.subject.digest if manifest.subject else None
    image = Image(digest_of(raw), manifest.media_type, NOW, manifest.size_in_bytes, subject=subject)
    image = work.images.add(repository, image, manifest, raw)
    for tag in tags:
        work.tags.put(repository, tag, image, NOW)
    return replace(image, tags=tuple(sorted(tags)))


def row_counts(store: Units) -> dict[str, int]:
    """Return the number of rows by table."""
    with store.reading() as work:
        return {
            table.name: Statement(select(func.count().label("number")).select_from(table)).one(work.connection).number
            for table in metadata.sorted_tables
        }


def rows(database: Path) -> set[tuple[object, ...]]:
    """Return every row of a database as a tuple that begins with the name of its table."""
    with closing(sqlite3.connect(database)) as connection:
        return {(name, *row) for name in _tables(connection) for row in connection.execute(f"SELECT * FROM {name}")}


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(query)]

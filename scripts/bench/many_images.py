"""A data directory with many small images, written straight into the database: pushing a million takes hours."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.data_directory import DATABASE, prepare
from ecr_emulator.storage.store import SqlStore

CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"
SIZE = 1_000
"""Bytes that each layer claims to have. The layers have no files."""
BATCH = 10_000
MINUTE = 60_000
"""Milliseconds."""

_REPOSITORY = """
INSERT INTO repositories (id, account, region, name, created_at, tag_mutability, exclusion_filters, encryption_type,
    scan_on_push, resource_tags, lifecycle_policy) VALUES (?, ?, ?, ?, ?, 'MUTABLE', '[]', 'AES256', 0, '{}', ?)
"""
_IMAGE = """
INSERT INTO images
    (id, repository_id, digest, media_type, artifact_media_type, size_in_bytes, pushed_at, is_tagged, status)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'ACTIVE')
"""
_MANIFEST = "INSERT INTO manifests (digest, raw) VALUES (?, ?)"
_TAG = "INSERT INTO tags (repository_id, tag, image_id, tagged_at) VALUES (?, ?, ?, ?)"
_REFERENCE = "INSERT INTO image_references VALUES (?, ?, ?, 'blob', ?, ?, ?)"
_LAYER = "INSERT INTO layers (repository_id, digest, size, added_at) VALUES (?, ?, ?, ?)"


@contextmanager
def filling(connection: sqlite3.Connection) -> Iterator[None]:
    """Let the block insert many rows in one transaction, without indexes and triggers, which are made again after it.

    The rows must be as the triggers would have made them.
    """
    for pragma in ("synchronous = OFF", "cache_size = -1000000", "foreign_keys = OFF", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    schema = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in schema:
        connection.execute(f"DROP {kind} {name}")
    yield
    for _, _, statement in schema:
        connection.execute(statement)
    connection.execute("COMMIT")


def fill(
    data_dir: Path, number: int, newest_at: int, *, repository: str, registry: Registry, policy: str | None = None
) -> None:
    """Create a repository with so many images; one in two has a tag. ``newest_at`` is in milliseconds since 1970.

    One was pushed each minute up to ``newest_at``.
    """
    prepare(data_dir)
    SqlStore(data_dir / DATABASE, durable=False).close()
    with closing(sqlite3.connect(data_dir / DATABASE, isolation_level=None)) as connection:
        key = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM repositories").fetchone()[0]
        first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM images").fetchone()[0]
        oldest_at = newest_at - number * MINUTE
        connection.execute(_REPOSITORY, (key, registry.id, registry.region, repository, oldest_at, policy))
        positions = iter(range(number))
        with filling(connection):
            while batch := list(islice(positions, BATCH)):
                _add(connection, key, [(first + position, oldest_at + position * MINUTE) for position in batch])
        counts = "UPDATE repositories SET image_count = ?, layer_bytes = ? WHERE id = ?"
        connection.execute(counts, (number, 2 * number * SIZE, key))


def _add(connection: sqlite3.Connection, repository: int, places: list[tuple[int, int]]) -> None:
    images = [(key, at, *_image(key)) for key, at in places]
    connection.executemany(
        _IMAGE, ((key, repository, digest, OCI_MANIFEST, CONFIG, SIZE, at, key % 2) for key, at, digest, *_ in images)
    )
    connection.executemany(_MANIFEST, ((digest, raw) for _, _, digest, raw, *_ in images))
    connection.executemany(_TAG, ((repository, f"v{key}", key, at) for key, at, *_ in images if key % 2))
    connection.executemany(
        _REFERENCE,
        (
            (key, position, repository, digest, SIZE, kind)
            for key, _, _, _, *blobs in images
            for position, (digest, kind) in enumerate(zip(blobs, (CONFIG, LAYER), strict=True))
        ),
    )
    connection.executemany(
        _LAYER, ((repository, digest, SIZE, at) for _, at, _, _, *blobs in images for digest in blobs)
    )


def _image(key: int) -> Iterator[Any]:
    """Yield the digest and the manifest of an image, then the digests of its blobs."""
    config, layer = (f"sha256:{hashlib.sha256(f'{kind} {key}'.encode()).hexdigest()}" for kind in ("config", "layer"))
    raw = (
        f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}",'
        f'"config":{{"mediaType":"{CONFIG}","digest":"{config}","size":{SIZE}}},'
        f'"layers":[{{"mediaType":"{LAYER}","digest":"{layer}","size":{SIZE}}}]}}'
    ).encode()
    yield f"sha256:{hashlib.sha256(raw).hexdigest()}"
    yield raw
    yield config
    yield layer

"""Moves of the layers of a stopped emulator from its data directory to the place that ``--blobs`` names, and back.

Every step can be repeated: after an interruption, the same move continues, and until it is complete no emulator starts
with a part of the layers. Each layer is verified on its way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from ecr_emulator.blob_parts import OpenBlobs
from ecr_emulator.private_files import FOLDER
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import (
    BlobFolder,
    BlobOwner,
    StateMismatch,
    bind_elsewhere,
    bind_here,
    is_bound_elsewhere,
)
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.s3_place import S3Place
from ecr_emulator.storage.data_directory import MOVING
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import make_folder, sync

CHUNK = 1024 * 1024
"""Bytes that are read at a time."""


class Moved(NamedTuple):
    """The number of layers in the new place, and of their bytes."""

    layers: int
    bytes: int


class DamagedLayer(Exception):
    """A layer does not have the bytes of its digest. The move can continue when it is repaired or gone."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"The layer {digest} is damaged: run `ecr-emulator gc --verify`, and then this command again")


def move_layers(settings: Settings, store: Units, data_dir: Path) -> Moved:
    """Move the layers of a data directory, which the caller owns, to the place of the settings.

    Raises ``StateMismatch``, ``DamagedLayer``, ``StorageFailure`` and ``OSError``.
    """
    with _opened(settings.blobs, data_dir) as (target, place), closing(FileBlobs(data_dir, durable=True)) as source:
        bind_elsewhere(store, data_dir, place, lambda: _copy(source, target))
        moved = _count(target)
    shutil.rmtree(data_dir / "blobs")
    sync(data_dir)
    return moved


def move_layers_back(settings: Settings, store: Units, data_dir: Path) -> Moved:
    """Move the layers of a database back into its data directory. The place of the settings keeps its copies.

    Raises what ``move_layers`` does.
    """
    with _opened(settings.blobs, data_dir) as (source, place), closing(FileBlobs(data_dir, durable=True)) as target:
        if not is_bound_elsewhere(store, data_dir, place):
            raise StateMismatch(f"{place} does not have the layers of the data directory {data_dir}")
        _copy(source, target)
        bind_here(store, data_dir)
        return _count(target)


@contextmanager
def _opened(place: Path | S3Place | None, data_dir: Path) -> Iterator[tuple[OpenBlobs, BlobOwner]]:
    """Open the blobs of a place, whatever database they belong to."""
    if not isinstance(place, S3Place):
        assert place is not None
        make_folder(place)
        with closing(FileBlobs(place, durable=True)) as files:
            yield files, BlobFolder(place)
        return
    from ecr_emulator.storage.blobs.s3.bucket import Bucket
    from ecr_emulator.storage.blobs.s3.owner import BlobBucket
    from ecr_emulator.storage.blobs.s3.store import S3Blobs

    (data_dir / MOVING).mkdir(FOLDER, exist_ok=True)
    bucket = Bucket(place)
    try:
        with closing(S3Blobs(bucket, data_dir / MOVING)) as blobs:
            yield blobs, BlobBucket(bucket, place)
    finally:
        shutil.rmtree(data_dir / MOVING)


def _copy(source: OpenBlobs, target: OpenBlobs) -> None:
    """Copy the blobs that the target lacks."""
    for digest in source.digests():
        size = source.size(digest)
        if size is None or target.intact_size(digest, size) == size:
            continue
        name = str(UUID(bytes=os.urandom(16)))
        with closing(source.open(digest)) as file, closing(target.begin(name)) as writer:
            try:
                while chunk := file.read(CHUNK):
                    writer.write(chunk)
                is_right = writer.commit(digest)
            except BaseException:
                writer.abandon()
                raise
            if not is_right:
                raise DamagedLayer(digest)


def _count(blobs: OpenBlobs) -> Moved:
    sizes = [blobs.size(digest) or 0 for digest in blobs.digests()]
    return Moved(len(sizes), sum(sizes))

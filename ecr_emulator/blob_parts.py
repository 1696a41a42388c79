"""Opens the blobs of an emulator, where the settings say that they are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple, Protocol

from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import BlobFolder, StateMismatch, require_blobs_elsewhere, require_local_blobs
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.holds import Holds
from ecr_emulator.storage.blobs.linked_copies import LinkedCopies
from ecr_emulator.storage.blobs.s3_place import S3Place
from ecr_emulator.storage.data_directory import MOVING
from ecr_emulator.storage.snapshots import BlobCopies
from ecr_emulator.storage.units import Units
from ecr_emulator.synced_files import make_folder

MEBIBYTE = 1024 * 1024


class OpenBlobs(BlobStore, Protocol):
    """A blob store with what only its owner does."""

    def clear(self) -> None:
        """Delete the blobs that are not held, or leave that to a sweep. The caller lets nobody write meanwhile."""

    def forget_progress(self) -> None:
        """Forget what is known of closed writers, because another state has taken the place of this one."""

    def close(self) -> None:
        """End what runs in the background."""


class BlobParts(NamedTuple):
    """Blobs, and what keeps those of snapshots."""

    blobs: OpenBlobs
    copies: BlobCopies


def open_blobs(settings: Settings, store: Units, data_dir: Path, durable: bool, holds: Holds) -> BlobParts:
    """Open the blobs that belong to a database. Raises ``StateMismatch`` and ``StorageFailure``.

    What a killed move has left is removed.
    """
    shutil.rmtree(data_dir / MOVING, ignore_errors=True)
    if isinstance(settings.blobs, S3Place):
        return _in_s3(settings, settings.blobs, store, data_dir, holds)
    if settings.redirect_blobs:
        raise StateMismatch("--redirect-blobs needs --blobs s3://…: only S3 has signed URLs")
    folder = _blob_folder(settings.blobs, store, data_dir)
    files = FileBlobs(folder, durable, settings.disk_reserve * MEBIBYTE, holds)
    return BlobParts(files, LinkedCopies(files, folder))


def _blob_folder(blobs: Path | None, store: Units, data_dir: Path) -> Path:
    if blobs is None:
        require_local_blobs(store, data_dir)
        return data_dir
    try:
        make_folder(blobs)
        require_blobs_elsewhere(store, data_dir, BlobFolder(blobs))
    except OSError as failure:
        raise StorageFailure(f"The folder of blobs {blobs} cannot be used: {failure.strerror}") from None
    return blobs


def _in_s3(settings: Settings, place: S3Place, store: Units, data_dir: Path, holds: Holds) -> BlobParts:
    from ecr_emulator.storage.blobs.s3.bucket import Bucket
    from ecr_emulator.storage.blobs.s3.kept_blobs import KeptBlobs
    from ecr_emulator.storage.blobs.s3.owner import BlobBucket
    from ecr_emulator.storage.blobs.s3.store import S3Blobs

    bucket = Bucket(place)
    try:
        require_blobs_elsewhere(store, data_dir, BlobBucket(bucket, place))
    except BaseException:
        bucket.close()
        raise
    reserve, shared = settings.disk_reserve * MEBIBYTE, holds if holds.are_shared else None
    blobs = S3Blobs(bucket, data_dir, reserve, shared, redirects=settings.redirect_blobs)
    return BlobParts(blobs, KeptBlobs(blobs))

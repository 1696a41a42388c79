"""The database to which a prefix of a bucket belongs."""

from __future__ import annotations

from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3_place import S3Place
from ecr_emulator.storage.data_directory import IDENTITY


class BlobBucket:
    """``state_binding.BlobOwner`` of a prefix. All methods raise ``StorageFailure``."""

    def __init__(self, bucket: Bucket, place: S3Place) -> None:
        self._bucket = bucket
        self._place = place

    def __str__(self) -> str:
        return f"s3://{self._place.bucket}/{self._place.prefix}"

    def has_blobs(self) -> bool:
        return next(self._bucket.objects("blobs/"), None) is not None

    def owner(self) -> str | None:
        try:
            return self._bucket.content(IDENTITY).decode().strip()
        except FileNotFoundError:
            return None

    def claim(self, identity: str) -> str:
        self._bucket.create(IDENTITY, f"{identity}\n".encode())
        return self.owner() or ""

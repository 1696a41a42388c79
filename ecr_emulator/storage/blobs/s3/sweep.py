"""Deletion of what requests and killed nodes have left in S3."""

from __future__ import annotations

from contextlib import closing

from ecr_emulator.storage.blobs.holds import Holds
from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3.keys import BLOBS, digest_at, key_of
from ecr_emulator.storage.blobs.s3.pieces import UPLOADS, delete_upload


def sweep(bucket: Bucket, holds: Holds, keep: set[str]) -> int:
    """Delete uploads whose names are neither held nor in ``keep``, and parts of blobs that nobody puts together.

    Return the number of uploads.
    """
    swept = 0
    with closing(holds.unheld(name for name in bucket.folders(UPLOADS) if name not in keep)) as free:
        for names in free:
            for name in names:
                delete_upload(bucket, name)
            swept += len(names)
    _abort_parts(bucket, holds)
    return swept


def _abort_parts(bucket: Bucket, holds: Holds) -> None:
    begun: dict[str, list[str]] = {}
    for key, upload in bucket.begun_parts(BLOBS):
        if digest := digest_at(key):
            begun.setdefault(digest, []).append(upload)
    with closing(holds.unheld(begun)) as free:
        for digest in (digest for some in free for digest in some):
            for upload in begun[digest]:
                bucket.abort_parts(key_of(digest), upload)

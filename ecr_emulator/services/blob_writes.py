"""Writes of whole blobs that ECR itself has the bytes of."""

from __future__ import annotations

from ecr_emulator.ports.blobs import BlobStore


def store_blob(blobs: BlobStore, name: str, digest: str, data: bytes) -> None:
    """Store the bytes of a blob unless it is there, or replace it if it is damaged.

    ``name`` is a new name for the writer. The caller holds the digest. Raises ``StorageFailure``.
    """
    blobs.drop_if_damaged(digest)
    if blobs.size(digest) is not None:
        return
    writer = blobs.begin(name)
    try:
        writer.write(data)
        writer.commit(digest)
    finally:
        writer.abandon()

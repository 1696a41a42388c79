"""Blobs from the pieces of their uploads, put together inside S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

from ecr_emulator.storage.blobs.s3.bucket import Bucket
from ecr_emulator.storage.blobs.s3.pieces import Piece

SMALLEST_PART = 5 * 1024 * 1024
"""Bytes that each part of an object has at least, except the last one."""
MOST_PARTS = 9_000
"""Maximum number of parts to use. S3 allows 10,000."""

Part = Sequence[Piece | bytes]
"""The pieces of a part, and bytes that are not in S3 yet."""


def assemble(bucket: Bucket, pool: Executor, key: str, pieces: Sequence[Piece], rest: bytes) -> str:
    """Write an object from pieces and the bytes that follow them; return its ETag.

    Nobody sees the object before it is complete. Pieces that are large enough are copied inside S3. Raises
    ``StorageFailure``, and ``FileNotFoundError`` if a piece is gone.
    """
    parts = list(_parts([*pieces, rest] if rest or not pieces else pieces))
    if len(parts) == 1:
        return _write(bucket, key, parts[0])
    upload = bucket.begin_parts(key)
    try:
        write: Callable[[int, Part], str] = lambda number, part: _write_part(bucket, (key, upload, number), part)  # noqa: E731
        etags = list(pool.map(write, range(1, len(parts) + 1), parts))
        return bucket.complete_parts(key, upload, etags)
    except BaseException:
        bucket.abort_parts(key, upload)
        raise


def _parts(pieces: Sequence[Piece | bytes]) -> Iterator[Part]:
    smallest = max(SMALLEST_PART, sum(map(_size, pieces)) // MOST_PARTS)
    part: list[Piece | bytes] = []
    for piece in pieces:
        part.append(piece)
        if sum(map(_size, part)) >= smallest:
            yield part
            part = []
    if part:
        yield part


def _size(piece: Piece | bytes) -> int:
    return piece.size if isinstance(piece, Piece) else len(piece)


def _write(bucket: Bucket, key: str, part: Part) -> str:
    if len(part) == 1 and isinstance(part[0], Piece):
        return bucket.copy(part[0].key, key)
    return bucket.put(key, _content(bucket, part))


def _write_part(bucket: Bucket, place: tuple[str, str, int], part: Part) -> str:
    if len(part) == 1 and isinstance(part[0], Piece):
        return bucket.copy_part(*place, part[0].key)
    return bucket.put_part(*place, _content(bucket, part))


def _content(bucket: Bucket, part: Part) -> bytes:
    return b"".join(bucket.content(piece.key) if isinstance(piece, Piece) else piece for piece in part)

"""Blobs of S3 as files."""

from __future__ import annotations

import io
from http.client import HTTPException
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.blobs.s3.bucket import Bucket

SKIPPED = 256 * 1024
"""Bytes that a reader reads and drops to reach a later position: fewer than another request would take."""
ATTEMPTS = 4
"""Number of requests in a row that may end without a byte before reading fails."""
_BROKEN = (BotoCoreError, HTTPError, HTTPException, OSError)


class S3File(io.RawIOBase):
    """An object as a seekable file. One request reads from a position on; it is repeated where the answer breaks off.

    S3 ends an answer that a slow client does not read for a while; the next request then goes on at the same byte.
    Reading raises ``FileNotFoundError`` if there is no such object, and ``OSError`` if it cannot be read.
    """

    def __init__(self, bucket: Bucket, key: str, size: int) -> None:
        self._bucket = bucket
        self._key = key
        self._size = size
        self._position = 0
        self._answer: BinaryIO | None = None
        self._answer_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another position; nothing is requested before the next read."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative position {start + offset}")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(SKIPPED), b""))

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes, and fewer only at the end."""
        if size is None or size < 0:
            return self.readall()
        pieces, wanted = [], min(size, self._size - self._position)
        while wanted > 0:
            pieces.append(self._some(wanted))
            wanted -= len(pieces[-1])
        return b"".join(pieces)

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._drop_answer()
        super().close()

    def _some(self, size: int) -> bytes:
        """Return between one and ``size`` bytes."""
        failure: BaseException | None = None
        for _ in range(ATTEMPTS):
            try:
                data = self._from_answer(size)
                if data:
                    self._position = self._answer_at = self._position + len(data)
                    return data
            except (FileNotFoundError, StorageFailure):
                raise
            except _BROKEN as broken:
                failure = broken
            self._drop_answer()
        raise OSError(f"S3 ends {self._bucket.address(self._key)} {self._size - self._position} bytes early: {failure}")

    def _from_answer(self, size: int) -> bytes:
        behind = self._position - self._answer_at
        if self._answer is not None and 0 < behind <= SKIPPED:
            self._answer_at += len(self._answer.read(behind))
        if self._answer is None or self._answer_at != self._position:
            self._drop_answer()
            self._answer, _ = self._bucket.read(self._key, self._position)
            self._answer_at = self._position
        return self._answer.read(size)

    def _drop_answer(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

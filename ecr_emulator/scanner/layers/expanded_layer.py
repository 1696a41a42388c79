"""The expanded bytes of a layer as a file that can be read forwards only."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import Any, BinaryIO, cast

from ecr_emulator.ports.image_contents import Layer, UnreadableImage
from ecr_emulator.scanner.layers.limits import MIB, Budget

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_WINDOW_LOG = 26
"""Logarithm of the memory in bytes that decompression may take. Zstandard takes an eighth of it at level 19."""
_CHUNK = MIB
_BLOCK = 512


class ExpandedLayer:
    """A forward-only file for ``tarfile``: ``seek`` skips bytes by reading them.

    ``begin_entry`` limits how many bytes the next header may take, and ``begin_data`` lifts the limit.
    """

    def __init__(self, layer: Layer, budget: Budget) -> None:
        self._layer = layer
        self._budget = budget
        try:
            self._blob = layer.open()
        except FileNotFoundError as failure:
            raise self._unreadable("is missing") from failure
        self._file = _expand(self._blob, layer)
        self._position = 0
        self._header_end: int | None = None
        self.last_block = b""

    def begin_entry(self) -> None:
        """Limit the bytes that are read until ``begin_data``, not counting skipped ones."""
        self._header_end = self._budget.limits.entry_header

    def begin_data(self) -> None:
        """End the header of an entry."""
        self._header_end = None

    def tell(self) -> int:
        """Return the number of bytes that were read or skipped."""
        return self._position

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end. Raises ``UnreadableImage``."""
        if self._header_end is not None:
            self._header_end -= size
            if self._header_end < 0:
                raise self._unreadable(f"describes a file in more than {self._budget.limits.entry_header} bytes")
        data = self._take(size)
        self.last_block = data[-_BLOCK:]
        return data

    def seek(self, position: int) -> int:
        """Skip bytes up to a position. Raises ``UnreadableImage`` if it has passed."""
        if position < self._position:
            raise self._unreadable("refers to bytes before the current one")
        while self._position < position:
            if not self._take(min(_CHUNK, position - self._position)):
                break
        return self._position

    def close(self) -> None:
        """Close the blob."""
        self._blob.close()

    def _take(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, _zstandard_error()) as failure:
            raise self._unreadable(f"cannot be decompressed: {failure}") from failure
        self._position += len(data)
        self._budget.add_bytes(len(data))
        limits = self._budget.limits
        if self._position > limits.ratio_applies_from and self._position > limits.ratio * self._layer.size:
            raise self._unreadable(f"expands to more than {limits.ratio} times its size")
        return data

    def _unreadable(self, reason: str) -> UnreadableImage:
        return UnreadableImage(f"Layer {self._layer.digest} {reason}.")


def _expand(blob: BinaryIO, layer: Layer) -> BinaryIO:
    """Return a file of the expanded bytes. The first bytes select the compression, as in containerd."""
    magic = blob.read(4)
    blob.seek(0)
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=blob, mode="rb"))
    if magic == _ZSTANDARD or magic[1:] == _SKIPPABLE:
        try:
            zstandard = _zstandard()
            options = {zstandard.DecompressionParameter.window_log_max: _WINDOW_LOG}
            return cast(BinaryIO, zstandard.ZstdFile(blob, "rb", options=options))
        except ImportError as failure:
            reason = f"Layer {layer.digest} is compressed with Zstandard. Install ecr-emulator[scan] to read it."
            raise UnreadableImage(reason) from failure
    return blob


def _zstandard() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _zstandard_error() -> type[Exception]:
    try:
        error: type[Exception] = _zstandard().ZstdError
    except ImportError:
        return EOFError
    return error

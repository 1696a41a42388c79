"""A blob that goes from its upstream to one reader without being stored; its digest is verified all the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain
from typing import BinaryIO

from ecr_emulator.domain.names import algorithm_of
from ecr_emulator.ports.upstream_failures import WrongBytes

HOLD_BACK = 64 * 1024
"""Number of last bytes that reach no reader before the digest is verified: nobody gets a complete wrong blob."""
PIECE = 256 * 1024

Source = Callable[[int], Generator[bytes, None, None]]
"""The bytes of a blob from an offset on, as its upstream sends them. Raises ``UpstreamFailure``."""


class UncachedBlob:
    """Sends one blob to one reader. ``known`` has the first ``count`` bytes of it already."""

    def __init__(self, digest: str, size: int, source: Source, known: BinaryIO, count: int) -> None:
        self._digest = digest
        self._size = size
        self._source = source
        self._known = known
        self._count = count

    def chunks(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """Yield the bytes from start up to stop. Raises ``UpstreamFailure``, before the last ones if they are wrong.

        All bytes before ``stop`` are read and hashed: otherwise the digest could not be verified at the end.
        """
        hasher = hashlib.new(algorithm_of(self._digest))
        held = bytearray()
        position = 0
        with closing(self._source(self._count)) as rest:
            for chunk in chain(self._first(), rest):
                hasher.update(chunk)
                wanted = chunk[max(start - position, 0) : max(stop - position, 0)]
                free = max(self._size - HOLD_BACK - max(start, position), 0)
                position += len(chunk)
                held += wanted[free:]
                if wanted[:free]:
                    yield wanted[:free]
                if position >= stop and not held:
                    return
        if position != self._size or hasher.hexdigest() != self._digest.partition(":")[2]:
            raise WrongBytes.instead_of(self._digest)
        yield bytes(held)

    def _first(self) -> Iterator[bytes]:
        self._known.seek(0)
        left = self._count
        while left and (chunk := self._known.read(min(PIECE, left))):
            left -= len(chunk)
            yield chunk

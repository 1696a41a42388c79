"""Blobs for clients: where their bytes come from."""

from __future__ import annotations

from collections.abc import Callable, Generator

from ecr_emulator.domain.cache_use import CacheUse
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.validity import Validity


@dataclass(frozen=True, slots=True)
class BlobSource:
    """A blob ready to be sent. ``chunks(start, stop)`` yields the bytes from start up to, not including, stop.

    ``is_loose`` says that no image refers to the blob, and ``is_here`` that its bytes do not come from an upstream.
    ``check_key`` raises ``KmsException`` if the bytes cannot be read now, because of the key of the repository.
    ``cache_use`` is what a GET of the blob makes of the cache; None if no rule covers the repository.
    ``validity`` is None if the next request may differ, or renews the blob's grace; while it holds, ``is_intact`` tells
    whether the stored bytes are undamaged.
    """

    digest: str
    size: int
    is_loose: bool
    is_here: bool
    check_key: Callable[[], None]
    chunks: Callable[[int, int], Generator[bytes, None, None]]
    cache_use: CacheUse | None
    validity: Validity | None = None
    is_intact: Callable[[], bool] | None = None

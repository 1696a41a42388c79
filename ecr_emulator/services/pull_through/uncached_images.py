"""Images that were served and could not be stored, kept in mind so that their blobs can be asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.manifest import Descriptor
from ecr_emulator.domain.names import Registry

REMEMBERED = 10_000
"""So many blobs are kept in mind, a few megabytes; those that were named longest ago are forgotten first."""


class UnstoredImages:
    """What the manifests say that reached a client while the disk was full. Safe to use from many threads."""

    def __init__(self) -> None:
        self._blobs: OrderedDict[tuple[Registry, str, str], Layer] = OrderedDict()
        self._lock = Lock()

    def add(self, registry: Registry, name: str, blobs: Iterable[Descriptor]) -> None:
        """Remember the blobs of a manifest under the name that it was pulled by."""
        with self._lock:
            for blob in blobs:
                key = (registry, name, blob.digest)
                self._blobs[key] = Layer(blob.digest, blob.size, blob.media_type)
                self._blobs.move_to_end(key)
            while len(self._blobs) > REMEMBERED:
                self._blobs.popitem(last=False)

    def clear(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._blobs.clear()

    def find(self, registry: Registry, name: str, digest: str) -> Layer | None:
        """A blob that a client may ask for by this name, though no image is stored that refers to it."""
        with self._lock:
            return self._blobs.get((registry, name, digest))

"""Images that were served but could not be stored, remembered so that clients can pull their blobs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.manifest import Descriptor
from ecr_emulator.domain.names import Registry

REMEMBERED = 10_000
"""Maximum number of blobs that are remembered, a few megabytes; the oldest are forgotten first."""


class UncachedImages:
    """The blobs of manifests that were served while the disk was full. Safe to use from many threads."""

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
        """Forget all blobs."""
        with self._lock:
            self._blobs.clear()

    def snapshot(self) -> Mapping[tuple[Registry, str, str], Layer]:
        """Return the blobs that are remembered, for ``restore``."""
        with self._lock:
            return dict(self._blobs)

    def restore(self, snapshot: Mapping[tuple[Registry, str, str], Layer]) -> None:
        """Remember the blobs that were remembered when a snapshot was taken, and no others."""
        with self._lock:
            self._blobs = OrderedDict(snapshot)

    def find(self, registry: Registry, name: str, digest: str) -> Layer | None:
        """Return a blob that a client may pull by this name though no stored image refers to it, or None."""
        with self._lock:
            return self._blobs.get((registry, name, digest))

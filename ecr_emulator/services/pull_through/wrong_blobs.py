"""Blobs that came with wrong bytes, which are not requested again at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.ports.time import Clock
from ecr_emulator.ports.upstream_failures import UpstreamUnavailable, WrongBytes

WRONG_FOR = timedelta(seconds=60)
"""Time for which a blob that came with wrong bytes is not requested again: clients retry at once."""

Place = tuple[str, str, str]
"""The source of a blob: the upstream, its name for the repository, and the digest."""


class WrongBlobs:
    """The blobs that came with wrong bytes, by their sources. Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[Place, datetime] = {}
        self._lock = Lock()

    def check(self, cached_name: CachedName, layer: Layer) -> None:
        """Raise ``UpstreamUnavailable`` if the upstream cannot have the blob, or lately sent wrong bytes for it."""
        if layer.size == 0 and layer.digest != digest_of(b"", algorithm_of(layer.digest)):
            raise UpstreamUnavailable(f"the manifest does not say how large {layer.digest} is")
        since = self._since.get(_place(cached_name, layer))
        if since and abs(self._clock.now() - since) < WRONG_FOR:
            raise WrongBytes.instead_of(layer.digest)

    def add(self, cached_name: CachedName, layer: Layer) -> None:
        """Remember a blob that came with wrong bytes now."""
        now = self._clock.now()
        with self._lock:
            recent = {each: since for each, since in self._since.items() if abs(now - since) < WRONG_FOR}
            self._since = recent | {_place(cached_name, layer): now}

    def forget(self) -> None:
        """Forget all blobs."""
        self.restore({})

    def snapshot(self) -> Mapping[Place, datetime]:
        """Return the blobs and the times at which they came, for ``restore``."""
        with self._lock:
            return dict(self._since)

    def restore(self, snapshot: Mapping[Place, datetime]) -> None:
        """Remember what was known when a snapshot was taken, and nothing else."""
        with self._lock:
            self._since = dict(snapshot)


def _place(cached_name: CachedName, layer: Layer) -> Place:
    return cached_name.rule.url, cached_name.upstream_name, layer.digest

"""The deeds of a client that concern the pull through cache."""

from __future__ import annotations

import random

from ecr_emulator.testing.upstream.images import UpstreamIndex
from scripts.torture.acts import Read
from scripts.torture.clients import Client
from scripts.torture.histories import Wrong
from scripts.torture.world import CACHED, CACHED_TAGS, World, cached


class CacheDeeds:
    """Pulls, imports and updates of images that the upstream has."""

    def __init__(self, world: World, client: Client, chance: random.Random) -> None:
        self._world = world
        self._histories = world.histories
        self._client = client
        self._chance = chance

    def pull_cached(self) -> None:
        """Pull a whole image through the cache."""
        tag = self._chance.choice(CACHED_TAGS)
        self._histories.record(cached(tag), lambda: Read(self._pulled_version(tag)))

    def pull_cold(self) -> None:
        """Pull a whole image that the cache does not have."""
        tag, new = self._world.new_cold_image()
        if self._read(f"{CACHED}/manifests/{tag}") != new.raw:
            raise Wrong(f"other bytes at {CACHED}:{tag}")
        self._expect_images(new)

    def import_cached(self) -> None:
        """Import an image into the cache, or ask for it again."""
        version = self._chance.choice(self._world.versions[self._chance.choice(CACHED_TAGS)])
        answer = self._client.admin("POST", "pull", {"image": f"{CACHED}@{version.digest}"})
        if b"StorageFailure" in answer.body:
            raise self._client.failure(f"an import ends with {answer.body[-300:]!r}")
        if b'"done": true' not in answer.body.splitlines()[-1]:
            raise Wrong(f"an import of {version.digest} ends with {answer.body[-300:]!r}")
        self._world.imported.add(version.digest)

    def update(self) -> None:
        """Move a tag of the upstream, and the clock to the time at which cached tags are checked."""
        with self._world.moving:
            self._world.new_version(self._chance.choice(CACHED_TAGS))
            self._world.advance(self._client, self._world.is_calm)

    def _pulled_version(self, tag: str) -> int:
        manifest = self._read(f"{CACHED}/manifests/{tag}")
        version = self._world.version(tag, manifest)
        if version < 0:
            raise Wrong(f"{CACHED}:{tag} is {manifest!r}")
        self._expect_images(self._world.versions[tag][version])
        return version

    def _expect_images(self, version: UpstreamIndex) -> None:
        for image in version.images:
            self._expect(f"{CACHED}/manifests/{image.digest}", image.raw)
            for blob in image.blobs:
                self._expect(f"{CACHED}/blobs/{blob.digest}", blob.raw)

    def _expect(self, path: str, raw: bytes) -> None:
        if self._read(path) != raw:
            raise Wrong(f"other bytes at {path}")

    def _read(self, path: str) -> bytes:
        answer = self._client.registry("GET", path)
        if answer.status != 200:
            raise Wrong(f"GET {path}: {answer.status} {answer.body[:300]!r}")
        return answer.body

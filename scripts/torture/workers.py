"""The clients of a run: each does random things to random repositories, one after the other, and records them."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

from ecr_emulator.testing.upstream.images import UpstreamIndex
from scripts.torture.acts import (
    NOTHING,
    Expired,
    Found,
    ImageDeleted,
    Listed,
    Pulled,
    Pushed,
    Read,
    Replaced,
    TagDeleted,
)  # fmt: skip
from scripts.torture.clients import Answer, Client, NoAnswer, NotReached, Refused
from scripts.torture.images import blobs_of
from scripts.torture.world import CACHED, CACHED_TAGS, COPIED, EXPIRING, REPOSITORIES, SHARED, TAGS, World, cached

REFUSALS = {
    "BLOB_UNKNOWN",
    "MANIFEST_BLOB_UNKNOWN",
    "LayersNotFoundException",
    "BLOB_UPLOAD_UNKNOWN",
    "UploadNotFoundException",
}
"""Errors of a push whose layers a collection without grace deletes."""
PAUSE, LONGEST_PAUSE = 0.01, 0.5
"""Seconds before a client tries again after a failure; twice as many after each further one. What nobody answered may
have happened or not, so too many failures at the same time could not be checked.
"""


class Wrong(Exception):
    """An answer that no history allows."""


class Worker:
    """A client with a connection of its own. Only worker 0 pushes to the repository whose images expire."""

    def __init__(self, number: int, world: World, client: Client, chance: random.Random) -> None:
        self._number = number
        self._world = world
        self._histories = world.histories
        self._images = world.images
        self._client = client
        self._chance = chance

    def run(self, weights: dict[str, int], over: Event) -> list[str]:
        """Do things with these weights until the event is set, and return what was wrong."""
        deeds: dict[str, Callable[[], None]] = {name: getattr(self, name) for name in weights}
        pause = PAUSE
        while not over.is_set():
            (name,) = self._chance.choices(list(weights), list(weights.values()))
            try:
                deeds[name]()
                self._histories.counts[name] += 1
                pause = PAUSE
            except NoAnswer:
                over.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            except Refused as refused:
                if refused.answer.error not in REFUSALS:
                    return [f"{name}: {refused}"]
                self._histories.counts["refused"] += 1
            except Wrong as wrong:
                return [f"{name}: {wrong}"]
        return []

    # --- Repositories that clients push to ---------------------------------------------------------------------

    def push(self) -> None:
        """Push a new image, with a tag or without."""
        name = self._writable()
        number = self._images.new()
        for blob in blobs_of(self._images[number]):
            self._world.pushes.push(self._client, self._chance, name, blob)
        self._put(name, number, self._chance.choice((*TAGS, NOTHING)))

    def move_tag(self) -> None:
        """Let a tag point at an image that another tag points at."""
        name = self._chance.choice((SHARED, COPIED))
        number = self._pulled(name, self._chance.choice(TAGS))
        if number is not None:
            self._put(name, number, self._chance.choice(TAGS))

    def delete_tag(self) -> None:
        """Delete a tag, in either plane."""
        name, tag = self._writable(), self._chance.choice(TAGS)

        def by_registry() -> TagDeleted:
            return TagDeleted(tag, _existed(self._client.registry("DELETE", f"{name}/manifests/{tag}")))

        def by_api() -> TagDeleted:
            return TagDeleted(tag, self._deleted(name, imageTag=tag))

        self._histories.record(name, self._chance.choice((by_registry, by_api)), TagDeleted(tag))

    def delete_image(self) -> None:
        """Delete an image by its digest, in either plane."""
        name = self._writable()
        number = self._pulled(name, self._chance.choice(TAGS))
        if number is None:
            return
        digest = self._images[number].digest

        def by_registry() -> ImageDeleted:
            return ImageDeleted(number, _existed(self._client.registry("DELETE", f"{name}/manifests/{digest}")))

        def by_api() -> ImageDeleted:
            return ImageDeleted(number, self._deleted(name, imageDigest=digest))

        self._histories.record(name, self._chance.choice((by_registry, by_api)), ImageDeleted(number))

    def pull(self) -> None:
        """Pull a whole image, if nobody deletes it meanwhile."""
        name = self._chance.choice(REPOSITORIES)
        number = self._pulled(name, self._chance.choice(TAGS))
        if number is None:
            return
        for blob in self._images[number].blobs:
            answer = self._client.registry("GET", f"{name}/blobs/{blob.digest}")
            if answer.status == 200 and answer.body != blob.raw:
                raise Wrong(f"{name}: {len(answer.body)} other bytes instead of blob {blob.digest}")

    def find(self) -> None:
        """Ask whether a recent image exists, in either plane."""
        name = self._chance.choice(REPOSITORIES)
        numbers = [number for number, _ in self._histories.state(name)]
        if not numbers:
            return
        number = self._chance.choice(numbers)
        digest = self._images[number].digest

        def by_registry() -> Found:
            return Found(number, self._client.registry("HEAD", f"{name}/manifests/{digest}").status == 200)

        def by_api() -> Found:
            found = self._client.call("BatchGetImage", repositoryName=name, imageIds=[{"imageDigest": digest}])
            return Found(number, bool(found["images"]))

        self._histories.record(name, self._chance.choice((by_registry, by_api)))

    def list(self) -> None:
        """List a repository."""
        name = self._chance.choice(REPOSITORIES)
        self._histories.record(name, lambda: Listed(self._world.list(self._client, name)))

    # --- The emulator's own endpoints --------------------------------------------------------------------------

    def expire(self) -> None:
        """Evaluate the lifecycle policies."""
        self._histories.record(EXPIRING, lambda: self._posted("lifecycle", Expired()), Expired())

    def collect(self) -> None:
        """Collect garbage without grace."""
        self._client.admin("POST", "gc", {"grace": "0s"})

    def load(self) -> None:
        """Replace everything by the saved state, whose content is known."""
        assert self._world.saved is not None
        saved = self._world.saved
        began = monotonic()
        try:
            self._client.admin("PUT", "state", saved.content)
        except NotReached:
            raise
        except NoAnswer:
            for name, pairs in saved.repositories.items():
                self._histories.add_unanswered(name, Replaced(pairs), began)
            raise
        for name, pairs in saved.repositories.items():
            self._histories.add(name, Replaced(pairs), began, monotonic())

    # --- The cache ---------------------------------------------------------------------------------------------

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

    # -----------------------------------------------------------------------------------------------------------

    def _writable(self) -> str:
        return self._chance.choice((SHARED, COPIED) if self._number else REPOSITORIES)

    def _put(self, name: str, number: int, tag: str) -> None:
        image = self._images[number]

        def by_registry() -> Pushed:
            answer = self._client.registry("PUT", f"{name}/manifests/{tag or image.digest}", image.raw)
            if answer.status != 201:
                raise Refused("PUT of a manifest", answer)
            return Pushed(number, tag)

        def by_api() -> Pushed | Pulled | Found:
            tagged = {"imageTag": tag} if tag else {}
            try:
                self._client.call("PutImage", repositoryName=name, imageManifest=image.raw.decode(), **tagged)
            except Refused as refused:
                if refused.answer.error != "ImageAlreadyExistsException":
                    raise
                return Pulled(tag, number) if tag else Found(number, True)
            return Pushed(number, tag)

        self._histories.record(name, self._chance.choice((by_registry, by_api)), Pushed(number, tag))

    def _pulled(self, name: str, tag: str) -> int | None:
        """Pull the manifest of a tag, and return the number of its image."""
        found: list[int | None] = []

        def pull() -> Pulled:
            answer = self._client.registry("GET", f"{name}/manifests/{tag}")
            found.append(
                self._images.number_of(answer.headers["docker-content-digest"]) if answer.status == 200 else None
            )
            if found[0] is not None and (found[0] < 0 or self._images[found[0]].raw != answer.body):
                raise Wrong(f"{name}:{tag} is {answer.body!r}")
            return Pulled(tag, found[0])

        self._histories.record(name, pull)
        return found[0]

    def _deleted(self, name: str, **image: str) -> bool:
        answer = self._client.call("BatchDeleteImage", repositoryName=name, imageIds=[image])
        return not answer["failures"]

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

    def _posted(self, path: str, act: Any) -> Any:
        self._client.admin("POST", path)
        return act


def _existed(answer: Answer) -> bool:
    if answer.status not in (202, 404):
        raise Refused("DELETE", answer)
    return answer.status == 202

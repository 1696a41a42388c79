"""The clients of a run: each does random things to random repositories, one after the other, and records them."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

from scripts.torture.acts import (
    NOTHING,
    Expired,
    Found,
    ImageDeleted,
    Listed,
    Pulled,
    Pushed,
    TagDeleted,
    Write,
)  # fmt: skip
from scripts.torture.cache_deeds import CacheDeeds
from scripts.torture.clients import Answer, Client, NoAnswer, NotReached, Refused
from scripts.torture.histories import Wrong
from scripts.torture.images import blobs_of
from scripts.torture.linearizability import Act
from scripts.torture.registers import POLICY_OF, TEMPORARY, create, delete, exists, policy, set_policy
from scripts.torture.world import COPIED, EXPIRING, REPOSITORIES, SHARED, TAGS, World

REFUSALS = {
    "BLOB_UNKNOWN",
    "MANIFEST_BLOB_UNKNOWN",
    "LayersNotFoundException",
    "BLOB_UPLOAD_UNKNOWN",
    "UploadNotFoundException",
}
"""Errors of a push whose layers a collection without grace deletes."""
LOOKS = 0.5
"""Share of the changes of a tag before and after which each node is asked for the tag."""
ENOUGH = 2
"""Number of pulls of a tag after which a node remembers its answer."""
PAUSE, LONGEST_PAUSE = 0.01, 0.5
"""Seconds before a client tries again after a failure; twice as many after each further one. What nobody answered may
have happened or not, so too many failures at the same time could not be checked.
"""


class Worker:
    """A client with a connection of its own. Only worker 0 pushes to the repository whose images expire."""

    def __init__(self, number: int, world: World, client: Client, chance: random.Random) -> None:
        self._number = number
        self._world = world
        self._histories = world.histories
        self._images = world.images
        self._client = client
        self._chance = chance
        self._cache = CacheDeeds(world, client, chance)

    def run(self, weights: dict[str, int], over: Event) -> list[str]:
        """Do things with these weights until the event is set, and return what was wrong."""
        deeds: dict[str, Callable[[], None]] = {
            name: getattr(self if hasattr(self, name) else self._cache, name) for name in weights
        }
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

        self._change(name, tag, self._chance.choice((by_registry, by_api)), TagDeleted(tag))

    def delete_image(self) -> None:
        """Delete an image by its digest, in either plane."""
        name = self._writable()
        tag = self._chance.choice(TAGS)
        number = self._pulled(name, tag)
        if number is None:
            return
        digest = self._images[number].digest

        def by_registry() -> ImageDeleted:
            return ImageDeleted(number, _existed(self._client.registry("DELETE", f"{name}/manifests/{digest}")))

        def by_api() -> ImageDeleted:
            return ImageDeleted(number, self._deleted(name, imageDigest=digest))

        self._change(name, tag, self._chance.choice((by_registry, by_api)), ImageDeleted(number))

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

    def change_policy(self) -> None:
        """Set or delete the policy of a repository, and read it from each node."""
        number = self._chance.choice((0, self._chance.getrandbits(40)))
        self._histories.record(POLICY_OF, lambda: set_policy(self._client, number), Write(number))
        self._at_each_node(lambda: self._histories.record(POLICY_OF, lambda: policy(self._client)))

    def create_or_delete(self) -> None:
        """Create or delete a repository, and ask each node whether it exists."""
        change, value = self._chance.choice(((create, True), (delete, False)))
        self._histories.record(TEMPORARY, lambda: change(self._client), Write(value))
        self._at_each_node(lambda: self._histories.record(TEMPORARY, lambda: exists(self._client)))

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
            for name, state in saved.states.items():
                self._histories.add_unanswered(name, Write(state), began)
            raise
        for name, state in saved.states.items():
            self._histories.add(name, Write(state), began, monotonic())

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

        self._change(name, tag, self._chance.choice((by_registry, by_api)), Pushed(number, tag))

    def _change(self, name: str, tag: str, change: Callable[[], Act[Any]], unanswered: Act[Any]) -> None:
        """Change a tag. In a part of the cases, pull it from each node before and at once after."""
        looks = bool(tag) and self._chance.random() < LOOKS
        for _ in range(ENOUGH if looks else 0):
            self._at_each_node(lambda: self._pulled(name, tag))
        self._histories.record(name, change, unanswered)
        if looks:
            self._at_each_node(lambda: self._pulled(name, tag))

    def _at_each_node(self, read: Callable[[], object]) -> None:
        for _ in self._client.at_each_node():
            read()

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

    def _posted(self, path: str, act: Any) -> Any:
        self._client.admin("POST", path)
        return act


def _existed(answer: Answer) -> bool:
    if answer.status not in (202, 404):
        raise Refused("DELETE", answer)
    return answer.status == 202

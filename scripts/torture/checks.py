"""The checks after a kill: everything that was confirmed is there and whole, and nothing else is."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from http.client import HTTPException
from time import monotonic

from ecr_emulator.testing.upstream.images import Content, UpstreamImage, UpstreamIndex
from scripts.torture.acts import Listed, Pulled, Read
from scripts.torture.clients import REGION, Client, NoAnswer, Refused
from scripts.torture.pushes import Lost
from scripts.torture.registers import POLICY_OF, TEMPORARY, exists, policy
from scripts.torture.world import CACHED, CACHED_TAGS, COPIED, COPIES, REPOSITORIES, TAGS, World, cached

AGAIN = 0.2
"""Share of the images that are pulled again after they have been found whole; verification reads all of them."""
LATEST = 6
"""Number of the newest images whose absence is checked if they are not listed."""


class Check:
    """Checks a world after a recovery. ``needed`` are the digests of the blobs that the emulator may still keep."""

    def __init__(self, world: World, client: Client, chance: random.Random) -> None:
        self._world = world
        self._histories = world.histories
        self._client = client
        self._chance = chance
        self.needed: set[str] = set()

    def run(self, resumes: bool, advances: bool) -> Iterator[str]:
        """Yield what is wrong. Pushes that broke off are resumed if nothing has ended their sessions.

        The clock is moved if nobody knows which cached tags are due, because it may have moved a part of the way.
        """
        try:
            if advances:
                self._world.advance(self._client)
            yield from self._imported()
            self._record_content()
            self._record_cached_tags()
            self._histories.settle()  # the first answers after the start have waited for everything that was due
            self._record_content()
            self._record_cached_tags()
            wrong = self._histories.check()
            yield from wrong
            if not wrong:
                yield from self._pushed()
                yield from self._copied()
                yield from self._begun(resumes)
                yield from self._garbage()
        except (NoAnswer, Refused, Lost, HTTPException, LookupError, ValueError) as failure:
            yield f"a request of the checks failed: {failure!r}"

    def _imported(self) -> Iterator[str]:
        """Check the images whose import was confirmed, while the upstream does not answer."""
        world = self._world
        world.upstream.stop()
        for version in (each for versions in world.versions.values() for each in versions):
            if version.digest in world.imported:
                yield from self._wrong_bytes(CACHED, version)
        world.upstream.start()

    def _record_content(self) -> None:
        for name in REPOSITORIES:
            began = monotonic()
            listed = Listed(self._world.list(self._client, name))
            self._histories.add(name, listed, began, monotonic())
            for tag in TAGS:
                began = monotonic()
                answer = self._client.registry("HEAD", f"{name}/manifests/{tag}")
                digest = answer.headers.get("docker-content-digest", "")
                number = self._world.images.number_of(digest) if answer.status == 200 else None
                self._histories.add(name, Pulled(tag, number), began, monotonic())

        self._histories.record(POLICY_OF, lambda: policy(self._client))
        self._histories.record(TEMPORARY, lambda: exists(self._client))

    def _record_cached_tags(self) -> None:
        for tag in CACHED_TAGS:
            began = monotonic()
            answer = self._client.registry("GET", f"{CACHED}/manifests/{tag}")
            version = self._world.version(tag, answer.body)
            if answer.status != 200 or version < 0:
                raise Refused(f"a pull of {CACHED}:{tag}", answer)
            self._histories.add(cached(tag), Read(version), began, monotonic())
            for wrong in self._wrong_bytes(CACHED, self._world.versions[tag][version]):
                raise Lost(wrong)

    def _pushed(self) -> Iterator[str]:
        """Check that the images of each repository are whole, and that others are not there."""
        for name in REPOSITORIES:
            numbers = {number for number, _ in self._histories.state(name)}
            yield from self._whole(name, numbers)
            for number in self._world.images.latest(LATEST):
                answer = self._client.registry("GET", f"{name}/manifests/{self._world.images[number].digest}")
                if number not in numbers and answer.status != 404:
                    yield f"{name}: image {number} is not listed, but answered with {answer.status}"

    def _copied(self) -> Iterator[str]:
        """Check that the images of the replicated repository are in the other Region."""
        pushed = {number for number, _ in self._histories.state(COPIED)}
        try:
            copies = {number for number, _ in self._world.list(self._client, COPIED, COPIES)}
        except Refused as refused:
            if refused.answer.error != "RepositoryNotFoundException":
                raise
            copies = set()
        if pushed - copies:
            yield f"{COPIED}: images {sorted(pushed - copies)} are not in {COPIES}"
        yield from self._whole(COPIED, copies, COPIES)

    def _whole(self, name: str, numbers: set[int], region: str = REGION) -> Iterator[str]:
        for number in sorted(numbers):
            if number < 0:
                yield f"{name} in {region} has an image that nobody pushed"
                continue
            image, place = self._world.images[number], (number, name, region)
            self.needed |= {blob.digest for blob in image.blobs}
            if place not in self._world.whole or self._chance.random() < AGAIN:
                yield from self._wrong_bytes(name, image, region)
                self._world.whole.add(place)

    def _begun(self, resumes: bool) -> Iterator[str]:
        """Check that no blob is visible in part, and that pushes of blobs continue where they stopped."""
        pushes = self._world.pushes
        for name, blob in pushes.begun:
            answer = self._client.registry("GET", f"{name}/blobs/{blob.digest}")
            if answer.status != 404 and (answer.status != 200 or answer.body != blob.raw):
                yield f"{name}: {answer.status} with {len(answer.body)} of {blob.size} bytes of {blob.digest}"
        for push in pushes.unfinished if resumes else ():
            pushes.resume(self._client, push)
            yield from self._wrong_blob(push.repository, push.blob)
        pushes.forget()

    def _garbage(self) -> Iterator[str]:
        """Collect garbage, after which nothing may be damaged, missing or left over."""
        self._client.admin("POST", "gc", {"grace": "0s"})
        lines = [json.loads(line) for line in self._client.admin("POST", "verify").body.splitlines()]
        yield from (f"verification: {line}" for line in lines if "state" in line or "error" in line)
        if not lines[-1].get("done"):
            yield f"verification ends with {lines[-1]}"

    def _wrong_bytes(self, name: str, content: Content, region: str = REGION) -> Iterator[str]:
        """Yield what is wrong with an image or an index, and everything that it refers to."""
        answer = self._client.registry("GET", f"{name}/manifests/{content.digest}", region=region)
        if answer.status != 200 or answer.body != content.raw:
            yield f"{name} in {region}: {answer.status} {answer.body[:200]!r} for manifest {content.digest}"
        if isinstance(content, UpstreamIndex):
            for image in content.images:
                yield from self._wrong_bytes(name, image, region)
        elif isinstance(content, UpstreamImage):
            for blob in content.blobs:
                yield from self._wrong_blob(name, blob, region)

    def _wrong_blob(self, name: str, blob: Content, region: str = REGION) -> Iterator[str]:
        answer = self._client.registry("GET", f"{name}/blobs/{blob.digest}", region=region)
        if answer.status != 200 or answer.body != blob.raw:
            yield f"{name} in {region}: {answer.status} with {len(answer.body)} of {blob.size} bytes of {blob.digest}"

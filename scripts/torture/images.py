"""The images that are pushed: numbered in their order, each with bytes that its number and a seed determine."""

from __future__ import annotations

import random
from itertools import count
from threading import Lock

from ecr_emulator.testing.upstream.images import Content, UpstreamImage, image, layer

SIZES = (0, 1, 300, 5_000, 40_000, 200_000, 600_000)
"""Bytes of layers."""
SHARED = 5
"""Number of layers that many images have in common."""


class Images:
    """All images of a run, which threads may add to."""

    def __init__(self, seed: object) -> None:
        self._seed = seed
        self._numbers = count(1)
        self._lock = Lock()
        self._by_number: dict[int, UpstreamImage] = {}
        self._number_of: dict[str, int] = {}

    def new(self) -> int:
        """Make an image that no other number has, and return its number."""
        with self._lock:
            number = next(self._numbers)
            chance = random.Random(f"{self._seed}/{number}")
            shared = [layer(f"{self._seed}/shared {each}", 20_000) for each in chance.sample(range(SHARED), 2)]
            own = layer(f"{self._seed}/{number}", chance.choice(SIZES))
            made = image(f"{self._seed}/{number}", *shared[: chance.randrange(3)], own)
            self._by_number[number] = made
            self._number_of[made.digest] = number
        return number

    def __getitem__(self, number: int) -> UpstreamImage:
        return self._by_number[number]

    def latest(self, many: int) -> list[int]:
        """Return the numbers of the newest images."""
        return list(self._by_number)[-many:]

    def number_of(self, digest: str) -> int:
        """Return the number of an image; -1 if nobody has made it."""
        return self._number_of.get(digest, -1)


def blobs_of(pushed: UpstreamImage) -> tuple[Content, ...]:
    """Return the blobs of an image in the order in which a client pushes them."""
    return (*pushed.layers, pushed.config)

"""The parts of one image: the manifests below it, their referrers, and all their blobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import field
from typing import TypeVar

from ecr_emulator.domain.image import Layer, StoredManifest
from ecr_emulator.domain.import_policy import (
    FULL,
    LAZY,
    MAX_DEPTH,
    MAX_MANIFEST_BYTES,
    MAX_MANIFESTS,
    WITH_SUBJECT,
    ImportPolicy,
)
from ecr_emulator.domain.manifest import Descriptor, Manifest, read_manifest
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamNotFound
from ecr_emulator.quick_dataclasses import dataclass

log = logging.getLogger(__name__)

Wanted = TypeVar("Wanted")
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Sources:
    """Functions that fetch parts. All of them raise ``UpstreamFailure``."""

    manifest: Callable[[str], StoredManifest]
    blob: Callable[[Layer], None]
    referrers: Callable[[str], list[str]]


@dataclass(slots=True)
class Part:
    """A stored manifest. ``is_whole`` says whether all its blobs are stored; its children do not count."""

    digest: str
    manifest: Manifest
    is_whole: bool = False


@dataclass(slots=True)
class ImageParts:
    """Fetches the parts of an image, a few at a time, as far as the policy says.

    A part that fails stops no other part. Afterwards ``parts`` has the manifests, the image's own first, ``failures``
    has the reasons why parts are missing, and ``is_partial`` says whether parts were left out on purpose.
    """

    sources: Sources
    policy: ImportPolicy
    threads: Executor
    parts: list[Part] = field(default_factory=list)
    failures: list[UpstreamFailure] = field(default_factory=list)
    is_partial: bool = False
    _seen: set[str] = field(default_factory=set)
    _bytes: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all parts that the upstream has were fetched."""
        return not (self.failures or self.is_partial)

    def fetch(self, top: StoredManifest) -> None:
        """Fetch the parts of an image whose manifest is stored."""
        self._seen.add(top.digest)
        self.parts = [_part(top)]
        if self.policy.mode == LAZY:
            self.is_partial = True
            return
        self._fetch_listed(self.parts)
        if self.policy.referrers == WITH_SUBJECT:
            self._fetch_referrers()
        self._fetch_blobs()

    def _fetch_listed(self, level: list[Part]) -> None:
        """Fetch the children level by level. Several indexes may list the same image; it is fetched once."""
        for _ in range(MAX_DEPTH):
            level = self._fetch_manifests(child.digest for part in level for child in part.manifest.children)
        if any(part.manifest.children for part in level):
            self._leave_out(f"{MAX_DEPTH} levels")

    def _fetch_referrers(self) -> None:
        """Fetch the referrers of the image and its children, but not the referrers of these referrers."""
        subjects = [part.digest for part in self.parts if part.manifest.subject is None]
        listings = self._each(self.sources.referrers, subjects)
        self._fetch_manifests(digest for listing in listings for digest in listing)

    def _fetch_manifests(self, digests: Iterable[str]) -> list[Part]:
        unseen = [digest for digest in dict.fromkeys(digests) if digest not in self._seen]
        room = MAX_MANIFESTS - len(self._seen)
        if len(unseen) > room:
            self._leave_out(f"{MAX_MANIFESTS} parts")
        self._seen.update(unseen[:room])
        fetched = [part for part in self._each(self._fetch_manifest, unseen[:room]) if part]
        self.parts += fetched
        return fetched

    def _fetch_manifest(self, digest: str) -> Part | None:
        """Return a manifest; None if the upstream does not have it. That is no failure: sparse indexes are legal."""
        if self._bytes > MAX_MANIFEST_BYTES:
            self._leave_out(f"{MAX_MANIFEST_BYTES} bytes of manifests")
            return None
        try:
            stored = self.sources.manifest(digest)
        except UpstreamNotFound as absent:
            log.info("a part of %s is not there: %s", self.parts[0].digest, absent.reason)
            return None
        self._bytes += len(stored.raw)
        return _part(stored)

    def _leave_out(self, most: str) -> None:
        if not self.is_partial:
            log.warning("%s has more than %s; the rest is not imported", self.parts[0].digest, most)
        self.is_partial = True

    def _fetch_blobs(self) -> None:
        """Fetch the blobs, configs first: they are small, and clients request them first."""
        chosen = _blobs if self.policy.mode == FULL else _configs
        wanted = {blob.digest: blob for choose in (_configs, chosen) for part in self.parts for blob in choose(part)}
        here = set(self._each(self._fetch_blob, wanted.values()))
        for part in self.parts:
            part.is_whole = all(blob.digest in here for blob in _blobs(part))
            self.is_partial |= chosen is _configs and not part.is_whole

    def _fetch_blob(self, blob: Descriptor) -> str:
        self.sources.blob(Layer(blob.digest, blob.size))
        return blob.digest

    def _each(self, fetch: Callable[[Wanted], Got], wanted: Iterable[Wanted]) -> list[Got]:
        """Return what could be fetched, in the order of ``wanted``; record the failures."""

        def attempt(one: Wanted) -> list[Got]:
            try:
                return [fetch(one)]
            except UpstreamFailure as failure:
                self.failures.append(failure)
            return []

        return [got for found in self.threads.map(attempt, wanted) for got in found]


def _part(stored: StoredManifest) -> Part:
    return Part(stored.digest, read_manifest(stored.raw, stored.media_type))


def _configs(part: Part) -> list[Descriptor]:
    config = part.manifest.config
    return [config] if config and not config.is_foreign else []


def _blobs(part: Part) -> list[Descriptor]:
    return list(part.manifest.blobs)

"""Pulls of images through the registry, with every byte checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ecr_emulator.domain.image_names import parse_image_name
from ecr_emulator.domain.manifest import MANIFEST_TYPES, Descriptor, Manifest, read_manifest
from ecr_emulator.domain.names import Registry, algorithm_of, digest_of, is_digest
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.seeds.client import EmulatorClient, repository_path
from ecr_emulator.transports import Answer

ACCEPT = ", ".join(sorted(MANIFEST_TYPES))


class DamagedImage(Exception):
    """The registry sent other bytes than a digest or a size promises. The message names them."""


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image as it was pulled.

    ``platforms`` are those that an index names, empty for a single image. ``manifests`` are raw, by digest; ``blobs``
    are sizes in bytes, by digest.
    """

    digest: str
    media_type: str
    platforms: tuple[str, ...] = ()
    manifests: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    blobs: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest or index that the reference names, parsed."""
        parsed: dict[str, Any] = json.loads(self.manifests[self.digest])
        return parsed

    @property
    def size(self) -> int:
        """Bytes of all configs and layers."""
        return sum(self.blobs.values())


def pull_image(client: EmulatorClient, registry: Registry, reference: str) -> PulledImage:
    """Pull an image with everything in it. Raises ``CallRefused``, ``DamagedImage`` and ``ValueError``."""
    name = parse_image_name(reference)
    return _Pull(client, name.registry or registry, name.repository).run(name.digest or name.tag or "latest")


class _Pull:
    """One pull from a repository."""

    def __init__(self, client: EmulatorClient, registry: Registry, repository: str) -> None:
        self._client = client
        self._path = repository_path(registry, repository)
        self._authorization = client.authorization(registry)
        self._manifests: dict[str, bytes] = {}
        self._blobs: dict[str, int] = {}
        self._platforms: list[str] = []

    def run(self, reference: str) -> PulledImage:
        """Pull the image that a tag or a digest names."""
        answer = self._fetch("manifests", reference, ACCEPT)
        digest = reference if is_digest(reference) else answer.headers["docker-content-digest"]
        manifest = self._read(answer, digest)
        return PulledImage(digest, manifest.media_type, tuple(self._platforms), self._manifests, self._blobs)

    def _read(self, answer: Answer, digest: str) -> Manifest:
        """Check a manifest and pull everything that it refers to."""
        raw = answer.read()
        self._check(digest, digest_of(raw, algorithm_of(digest)))
        self._manifests[digest] = raw
        manifest = read_manifest(raw, answer.headers["content-type"])
        for child in manifest.children:
            if child.platform:
                self._platforms.append(child.platform)
            if child.digest not in self._manifests:
                self._read(self._fetch("manifests", child.digest, child.media_type), child.digest)
        for blob in manifest.blobs:
            if blob.digest not in self._blobs:
                self._blobs[blob.digest] = self._check_blob(blob)
        return manifest

    def _check_blob(self, blob: Descriptor) -> int:
        """Download a blob and return its size."""
        hashed, size = hashlib.new(algorithm_of(blob.digest)), 0
        for chunk in self._fetch("blobs", blob.digest, "*/*").chunks:
            hashed.update(chunk)
            size += len(chunk)
        self._check(blob.digest, f"{hashed.name}:{hashed.hexdigest()}")
        if size != blob.size:
            raise DamagedImage(f"{blob.digest} of {self._path} has {size} bytes, not the {blob.size} of its descriptor")
        return size

    def _fetch(self, kind: str, reference: str, accept: str) -> Answer:
        return self._client.fetch(f"{self._path}/{kind}/{reference}", {**self._authorization, "Accept": accept})

    def _check(self, promised: str, found: str) -> None:
        if found != promised:
            raise DamagedImage(f"{promised} of {self._path} has the digest {found}")

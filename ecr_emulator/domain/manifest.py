"""Parsing of image manifests, indexes and artifact manifests. Their bytes are never rewritten."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import field
from typing import Any

from ecr_emulator.domain.names import algorithm_of, digest_of
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.quick_dataclasses import dataclass

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
ORAS_ARTIFACT = "application/vnd.cncf.oras.artifact.manifest.v1+json"

SCHEMA1_TYPES = frozenset({SCHEMA1, SCHEMA1_SIGNED})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST, ORAS_ARTIFACT}) | SCHEMA1_TYPES | INDEX_TYPES
BLOB_TYPES = (
    "application/vnd.buildkit.cacheconfig.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.oci.image.layer.",
)
"""Prefixes of media types that never belong to a manifest."""
FOREIGN_TYPES = (
    "application/vnd.docker.image.rootfs.foreign.",
    "application/vnd.oci.image.layer.nondistributable.",
)
"""Prefixes of the media types of foreign layers, which are stored elsewhere and need not be pushed."""

MAX_MANIFEST_BYTES = 4_194_304
"""Maximum size in bytes of a manifest that ECR accepts."""
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
"""The grammar of digests in the OCI specification, of any algorithm."""
MAX_SIZE = 2**40
"""Maximum size of a blob in bytes. No layer is as large, and the sum over one manifest fits into the database."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A manifest's reference to a blob or to another manifest. ``platform`` is like ``linux/arm/v7``, or empty."""

    digest: str
    size: int
    media_type: str
    data: str = ""
    platform: str = ""

    @property
    def inline(self) -> bytes | None:
        """The embedded bytes (``data``, base64), if the manifest has them and they match size and digest; else None."""
        try:
            raw = base64.b64decode(self.data, validate=True)
            is_right = len(raw) == self.size and digest_of(raw, algorithm_of(self.digest)) == self.digest
        except ValueError:
            return None
        return raw if self.data and is_right else None

    @property
    def is_foreign(self) -> bool:
        """Whether a registry may lack the bytes. Only the media type decides; ``urls`` does not."""
        return self.media_type.startswith(FOREIGN_TYPES)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a manifest that a registry uses."""

    media_type: str
    artifact_type: str | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def is_index(self) -> bool:
        """Whether this is a manifest list or image index."""
        return self.media_type in INDEX_TYPES

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers that a registry must hold, without foreign layers."""
        return tuple(blob for blob in self.listed_blobs if not blob.is_foreign)

    @property
    def listed_blobs(self) -> tuple[Descriptor, ...]:
        """The config and all layers, including foreign layers, which a registry stores only if they were pushed."""
        return (self.config, *self.layers) if self.config else self.layers

    @property
    def size_in_bytes(self) -> int:
        """The size that DescribeImages reports for an image, in bytes: config and layers without the manifest."""
        return (self.config.size if self.config else 0) + sum(layer.size for layer in self.layers)

    @property
    def artifact_media_type(self) -> str | None:
        """The ``artifactMediaType`` of DescribeImages: the artifact type, or else the media type of the config."""
        if self.artifact_type or self.is_index:
            return self.artifact_type
        return self.config.media_type if self.config else None


def read_manifest(raw: bytes, declared_media_type: str | None = None) -> Manifest:
    """Parse a manifest. If it has a media type, a declared manifest media type must be the same one.

    Raises ``InvalidParameterException`` in ECR's words for a manifest that ECR does not accept.
    """
    document = _parsed(raw)
    media_type = _media_type(document, declared_media_type)
    try:
        return _manifest(document, media_type)
    except (KeyError, TypeError, ValueError, AttributeError) as broken:
        raise _invalid() from broken


def _invalid() -> InvalidParameterException:
    return InvalidParameterException.at("ImageManifest", "Invalid JSON syntax")


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        # json would also accept NaN, and UTF-16 bytes, which PutImage cannot transmit.
        document = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as broken:
        raise _invalid() from broken
    if not isinstance(document, dict) or document.get("schemaVersion") not in (1, 2):
        raise _invalid()
    return document


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a duplicate key: parsers differ in the value that they use, and so in the image."""
    found = dict(members)
    if len(found) < len(members):
        twice, _ = Counter(name for name, _ in members).most_common(1)[0]
        raise InvalidParameterException.at("ImageManifest", f"Member must not have the key {twice[:80]!a} twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _media_type(document: dict[str, Any], declared: str | None) -> str:
    inside = document.get("mediaType")
    if inside is None and declared is None and document["schemaVersion"] == 1:
        declared = SCHEMA1_SIGNED if "signatures" in document else SCHEMA1
    media_type = inside or declared
    if media_type is None:
        raise InvalidParameterException.at(
            "imageManifestMediaType", "Member must not be null when the manifest has no mediaType"
        )
    if not isinstance(media_type, str) or media_type not in MANIFEST_TYPES:
        raise _invalid()
    if inside is not None and declared is not None and declared in MANIFEST_TYPES and inside != declared:
        raise InvalidParameterException.at(
            "imageManifestMediaType", f"Member must be the mediaType of the manifest: {inside}"
        )
    return media_type


def _manifest(document: dict[str, Any], media_type: str) -> Manifest:
    if media_type in SCHEMA1_TYPES:
        layers = tuple(
            Descriptor(str(layer["blobSum"]), 0, "application/vnd.docker.image.rootfs.diff.tar.gzip")
            for layer in document["fsLayers"]
        )
        return Manifest(media_type, layers=layers)
    is_index = media_type in INDEX_TYPES
    layers_key = "blobs" if media_type == ORAS_ARTIFACT else "layers"
    needs_config = media_type in (OCI_MANIFEST, DOCKER_MANIFEST)
    return Manifest(
        media_type=media_type,
        artifact_type=_text(document.get("artifactType")),
        config=_descriptor(document["config"]) if needs_config else None,
        layers=() if is_index else _descriptors(document.get(layers_key)),
        children=_children(document["manifests"]) if is_index else (),
        subject=_subject(document["subject"]) if document.get("subject") else None,
        annotations=_annotations(document.get("annotations") or {}),
    )


def _descriptors(items: list[dict[str, Any]] | None) -> tuple[Descriptor, ...]:
    return tuple(_descriptor(item) for item in items or ())


def _children(items: list[dict[str, Any]]) -> tuple[Descriptor, ...]:
    """Refuse an index of layers, which BuildKit can write as its cache; ECR does not accept it."""
    children = _descriptors(items)
    if any(child.media_type.startswith(BLOB_TYPES) for child in children):
        raise ValueError(items)
    return children


def _descriptor(item: dict[str, Any]) -> Descriptor:
    digest, size = _text(item["digest"]), item["size"]
    if digest is None or isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_SIZE:
        raise ValueError(item)
    if not isinstance(item.get("urls") or [], list):
        raise ValueError(item)
    data, platform = str(item.get("data") or ""), _platform(item.get("platform"))
    return Descriptor(digest, size, _text(item.get("mediaType")) or "", data, platform)


def _subject(item: dict[str, Any]) -> Descriptor:
    """Refuse a subject whose digest is none: it becomes a header of the answer, and the name of a list of referrers."""
    subject = _descriptor(item)
    if not _DIGEST.fullmatch(subject.digest):
        raise ValueError(item)
    return subject


def _platform(given: Any) -> str:
    """Return a platform in the form ``linux/arm/v7``; empty if there is none or it is not an object."""
    names = [given.get(name) for name in ("os", "architecture", "variant")] if isinstance(given, dict) else []
    return "/".join(str(name) for name in names if name)


def _annotations(given: dict[str, Any]) -> dict[str, str]:
    return {name: _text(value) or "" for name, value in given.items()}


def _text(value: Any) -> str | None:
    """Return a text or None. Raises ``ValueError`` for other types, and for lone surrogates: they cannot be stored."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(value)
    value.encode()
    return value

"""Manifests in the answers of upstreams, verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import (
    MAX_MANIFEST_BYTES,
)
from ecr_emulator.domain.names import algorithm_of, digest_of, is_digest
from ecr_emulator.ports.upstream import ManifestHead
from ecr_emulator.ports.upstream_failures import UpstreamUnavailable, UpstreamUnsupported

ENOUGH = MAX_MANIFEST_BYTES + 1
"""Number of bytes of a body to read to know whether it is too large."""


def announced(headers: Mapping[str, str]) -> ManifestHead | None:
    """Return the digest and media type of a manifest in the headers; None if they lack the digest."""
    digest = headers.get("Docker-Content-Digest", "").strip()
    return ManifestHead(digest, _media_type_outside(headers)) if is_digest(digest) else None


def received(raw: bytes, headers: Mapping[str, str], reference: str, who: str) -> StoredManifest:
    """Return the manifest in a body. The media type in the manifest has precedence over that of the header.

    Raises ``UpstreamUnsupported`` if it is too large or of schema 1, and ``UpstreamUnavailable`` if it is not JSON, or
    its digest is not that of ``reference`` or of the headers.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise UpstreamUnsupported(f"{who} sent a manifest of more than 4 MiB for {reference}, and ECR takes none")
    document = _document(raw, reference, who)
    if document.get("schemaVersion") == 1:
        # The digest of a schema 1 manifest is that of its text without signatures, and would not match its bytes.
        raise UpstreamUnsupported.of_schema_1(who, reference)
    head = announced(headers)
    expected = [each for each in (reference, head.digest if head else "") if is_digest(each)]
    for each in expected:
        if digest_of(raw, algorithm_of(each)) != each:
            raise UpstreamUnavailable(f"{who} sent bytes for {reference} that are not those of {each}")
    digest = expected[0] if expected else digest_of(raw)
    media_type = document.get("mediaType")
    return StoredManifest(digest, media_type if isinstance(media_type, str) else _media_type_outside(headers), raw)


def _media_type_outside(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip()


def _document(raw: bytes, reference: str, who: str) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UpstreamUnavailable(f"{who} sent something for {reference} that is no manifest")
    return document

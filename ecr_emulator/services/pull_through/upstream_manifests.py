"""Manifests of upstreams: read those that ECR can store."""

from __future__ import annotations

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import SCHEMA1_TYPES, Manifest, read_manifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.ports.upstream_failures import UpstreamUnsupported


def read_from_upstream(rule: PullThroughRule, manifest: StoredManifest) -> Manifest:
    """Read a manifest from an upstream. Raises ``UpstreamUnsupported`` for one that ECR does not store."""
    if manifest.media_type in SCHEMA1_TYPES:
        raise UpstreamUnsupported.of_schema_1(rule.url, manifest.digest)
    try:
        return read_manifest(manifest.raw, manifest.media_type)
    except InvalidParameterException as refused:
        raise UpstreamUnsupported(
            f"{rule.url} sent {manifest.digest} as {manifest.media_type}, which ECR does not store"
        ) from refused

"""Manifests of upstreams: fetch those that have changed, and read those that ECR can store."""

from __future__ import annotations

from ecr_emulator.domain.image import ImageId, StoredManifest
from ecr_emulator.domain.manifest import SCHEMA1_TYPES, Manifest, read_manifest
from ecr_emulator.domain.pull_through import CachedName, PullThroughRule
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream import Upstream
from ecr_emulator.ports.upstream_failures import UpstreamUnsupported
from ecr_emulator.services.pull_through.cached_images import cached_manifest


def fetch_change(
    store: Store, upstream: Upstream, cached_name: CachedName, image_id: ImageId, cached: StoredManifest | None
) -> StoredManifest | None:
    """Return the manifest that the upstream has; None if that is the cached one.

    An update is fetched by digest, since its tag may move meanwhile. It is not fetched if the repository has it.
    """
    if cached is None or image_id.tag is None:
        return upstream.manifest(cached_name.upstream_name, image_id.tag or image_id.digest or "")
    head = upstream.head_manifest(cached_name.upstream_name, image_id.tag)
    if head.digest == cached.digest:
        return None
    known = cached_manifest(store, cached_name, ImageId(digest=head.digest))
    return known or head.manifest or upstream.manifest(cached_name.upstream_name, head.digest)


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

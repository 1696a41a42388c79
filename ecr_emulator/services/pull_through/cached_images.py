"""Cached images: find them, and record the result of their checks."""

from __future__ import annotations

import logging
from datetime import datetime

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import ImageId, StoredManifest
from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import NEVER, Validation
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.services.optional_writes import optional_write

log = logging.getLogger(__name__)


def cached_manifest(
    store: Store, cached_name: CachedName, image_id: ImageId, *, is_active: bool = False
) -> StoredManifest | None:
    """Return the cached manifest of a tag or digest; None if there is none or its bytes are damaged.

    If ``is_active``, the manifest of an archived image is not returned either.
    """
    with store.reading() as work:
        repository = work.repositories.find(cached_name.registry, cached_name.name)
        if repository is None:
            return None
        if image_id.tag:
            image = work.tags.find(repository, image_id.tag)
        else:
            image = work.images.find(repository, image_id.digest or "")
        if image is None or (is_active and not image.is_active):
            return None
        manifest = work.images.manifest(image)
        return manifest if manifest.is_whole else None


def is_due(store: Store, cached_name: CachedName, tag: str | None, now: datetime) -> bool:
    """Return whether a tag must be checked at its upstream. A digest never needs a check."""
    with store.reading() as work:
        repository = work.repositories.find(cached_name.registry, cached_name.name)
        known = work.tags.validation(repository, tag) if repository and tag else None
    return tag is not None and (known is None or known.is_due(now))


def note_success(store: Store, cached_name: CachedName, tag: str | None, cached: StoredManifest, now: datetime) -> None:
    """Record that a check found a tag unchanged upstream. A tag that a client has moved meanwhile is still due."""
    with optional_write(f"the check of {cached_name.name}:{tag}"), store.writing(waits=False) as work:
        repository = work.repositories.find(cached_name.registry, cached_name.name)
        tagged = work.tags.find(repository, tag) if repository and tag else None
        if repository and tag and tagged and tagged.digest == cached.digest:
            work.tags.save_validation(repository, tag, Validation(now))


def note_failure(
    store: Store, cached_name: CachedName, image_id: ImageId, failure: UpstreamFailure, now: datetime
) -> None:
    """Record a failure in the log, in an event, and with the tag, which also says when the next check is due."""
    image = f"{cached_name.name}:{image_id.tag}" if image_id.tag else f"{cached_name.name}@{image_id.digest}"
    log.warning("pull through %s of %s failed: %s", cached_name.rule.url, image, failure.reason)
    with optional_write(f"the failure of {cached_name.name}"), store.writing(waits=False) as work:
        repository = work.repositories.find(cached_name.registry, cached_name.name)
        digest = image_id.digest
        if repository and image_id.tag:
            tagged = work.tags.find(repository, image_id.tag)
            digest = tagged.digest if tagged else None
            _note_on_tag(work, repository, image_id.tag, failure, now)
        attempt = Import(
            cached_name.rule, cached_name.name, image_id.tag, digest, (failure.failure_code, failure.reason)
        )
        work.events.add(attempt.event(now))


def _note_on_tag(work: UnitOfWork, repository: Repository, tag: str, failure: UpstreamFailure, now: datetime) -> None:
    known = work.tags.validation(repository, tag) or Validation(NEVER)
    work.tags.save_validation(repository, tag, known.failed(failure.reason, now))

"""Orders: images that are to be imported, and the tags that they come under."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import ImportRefused, UpstreamUnavailable
from ecr_emulator.services.image_trees import HasBytes, stored_platforms
from ecr_emulator.services.images import Origin, Push, store_image
from ecr_emulator.services.import_status import note_start


@dataclass(frozen=True, slots=True)
class Outdated:
    """A cached image that its tag is to leave, because the upstream had another one at the time of a check."""

    digest: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An image to be imported, by tag or by digest. An update has the image that is ``outdated`` by it."""

    cached_name: CachedName
    tag: str | None
    manifest: StoredManifest
    is_resumed: bool = False
    outdated: Outdated | None = None


def imported(manifest: StoredManifest, tag: str | None) -> Push:
    """The push that an import amounts to."""
    return Push(manifest.raw, manifest.media_type, tag, manifest.digest)


def point_tag(
    work: UnitOfWork, repository: Repository, order: Order, tag: str, now: datetime, has_bytes: HasBytes
) -> bool:
    """Store an image under its tag, unless something that the tag has would be lost with it; whether it was.

    Raises ``UpstreamUnavailable`` if another upstream says by now what the tag means, and ``ImportRefused`` if the tag
    may not move, or was changed by somebody else since its update began.
    """
    _check_source(work, order)
    tagged = work.tags.find(repository, tag)
    if tagged is None or tagged.digest != order.manifest.digest:
        _check_tag(repository, order, tag, tagged.digest if tagged else None)
        if tagged:
            cached = stored_platforms(work, repository, work.images.manifest(tagged), has_bytes)
            if not stored_platforms(work, repository, order.manifest, has_bytes).can_replace(cached):
                return False
    stored = store_image(work, repository, imported(order.manifest, tag), now, Origin.UPSTREAM)
    note_start(work, stored.image)
    work.tags.save_validation(repository, tag, Validation(order.outdated.found_at if order.outdated else now))
    return True


def _check_source(work: UnitOfWork, order: Order) -> None:
    """A rule that was deleted lets what is under way come to its end; one that took its place does not."""
    asked = order.cached_name
    current = find_cached_name(work.rules.all(asked.registry), asked.name) or asked
    if (current.rule.url, current.upstream_name) != (asked.rule.url, asked.upstream_name):
        raise UpstreamUnavailable(
            f"{asked.name} came to be pulled from {current.rule.url} while {asked.rule.url} was asked for it",
            retry_after=1,
        )


def _check_tag(repository: Repository, order: Order, tag: str, tagged: str | None) -> None:
    name, digest = repository.name, order.manifest.digest
    if order.outdated and tagged != order.outdated.digest:
        raise ImportRefused(f"the tag '{tag}' was changed in '{name}' while {digest} was on its way")
    if tagged and repository.mutability.locks(tag):
        raise ImportRefused(f"the tag '{tag}' moved upstream to {digest}, and it is immutable in '{name}'")

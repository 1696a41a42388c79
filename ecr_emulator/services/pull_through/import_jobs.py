"""Import jobs: an image to import, and the tag that it gets."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import ImportRefused, UpstreamUnavailable
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.image_trees import HasBytes, stored_platforms
from ecr_emulator.services.images import Origin, Push, store_image
from ecr_emulator.services.import_status import note_start


@dataclass(frozen=True, slots=True)
class ReplacedImage:
    """The cached image that an update takes a tag from, and when a check found the tag changed upstream."""

    digest: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An image to import by tag or by digest. ``replaces`` is the cached image of the tag if the job is an update."""

    cached_name: CachedName
    tag: str | None
    manifest: StoredManifest
    is_resumed: bool = False
    replaces: ReplacedImage | None = None


def imported(manifest: StoredManifest, tag: str | None) -> Push:
    """Return the push that stores an imported manifest."""
    return Push(manifest.raw, manifest.media_type, tag, manifest.digest)


def point_tag(
    work: UnitOfWork, repository: Repository, job: ImportJob, tag: str, now: datetime, has_bytes: HasBytes
) -> bool:
    """Store an image and point its tag at it. Return False if a platform could no longer be pulled after that.

    Raises ``UpstreamUnavailable`` if a rule for another upstream covers the name by now, and ``ImportRefused`` if the
    tag is immutable or has changed since its update began.
    """
    _check_source(work, job)
    tagged = work.tags.find(repository, tag)
    if tagged is None or tagged.digest != job.manifest.digest:
        _check_tag(repository, job, tag, tagged.digest if tagged else None)
        if tagged:
            cached = stored_platforms(work, repository, work.images.manifest(tagged), has_bytes)
            if not stored_platforms(work, repository, job.manifest, has_bytes).can_replace(cached):
                return False
    stored = store_image(work, repository, imported(job.manifest, tag), now, Origin.UPSTREAM)
    note_start(work, stored.image)
    work.tags.save_validation(repository, tag, Validation(job.replaces.found_at if job.replaces else now))
    return True


def _check_source(work: UnitOfWork, job: ImportJob) -> None:
    """Raise ``UpstreamUnavailable`` if another rule took the place of the job's. A deleted rule stops no job."""
    asked = job.cached_name
    current = find_cached_name(work.rules.all(asked.registry), asked.name) or asked
    if (current.rule.url, current.upstream_name) != (asked.rule.url, asked.upstream_name):
        raise UpstreamUnavailable(
            f"{asked.name} is pulled from {current.rule.url} since a change of the rule; "
            f"the answer of {asked.rule.url} is dropped",
            retry_after=1,
        )


def _check_tag(repository: Repository, job: ImportJob, tag: str, tagged: str | None) -> None:
    name, digest = repository.name, job.manifest.digest
    if job.replaces and tagged != job.replaces.digest:
        raise ImportRefused(f"the tag '{tag}' was changed in '{name}' while {digest} was being imported")
    if tagged and repository.mutability.locks(tag):
        raise ImportRefused(f"the tag '{tag}' moved upstream to {digest}, and it is immutable in '{name}'")

"""Refresh: check cached tags at their upstream now, even if the last check is less than a day old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from time import monotonic

from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.validation_timer import NEVER, Validation
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through.checks import Wanted
from ecr_emulator.services.pull_through.manifests import PullThrough

IMPORTED = "imported"
UNCHANGED = "unchanged"
UPDATED = "updated"
UPDATING = "updating"
FAILED = "failed"

TAGS_AT_ONCE = 1_000


class NoRule(Exception):
    """No pull through cache rule covers the repository, so it has no upstream."""

    @classmethod
    def of(cls, registry: Registry, name: str) -> NoRule:
        """Return the error that no rule of a registry covers a name."""
        return cls(f"No pull through cache rule of {registry.id} in {registry.region} covers '{name}'")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of refreshing one tag. ``digest`` is the image that is served now, or None.

    While a tag is updating, that is the previous image, and ``reason`` says when the tag will move.
    """

    tag: str
    outcome: str
    digest: str | None
    previous: str | None
    reason: str | None = None


class TagRefresher:
    """Checks tags at upstreams on request.

    Remembered negative answers and open circuit breakers do not prevent a check; rate limits do.
    """

    def __init__(self, store: Store, upstreams: Upstreams, pull_through: PullThrough) -> None:
        self._store = store
        self._upstreams = upstreams
        self._pull_through = pull_through

    def refresh(self, registry: Registry, name: str, tag: str | None, now: datetime) -> list[Refreshed]:
        """Refresh one tag, cached or not, or all cached tags of a repository.

        Raises ``NoRule``, and ``RepositoryNotFoundException`` if no tag is given and there is no repository.
        """
        with self._store.reading() as work:
            cached_name = find_cached_name(work.rules.all(registry), name)
            if cached_name is None:
                raise NoRule.of(registry, name)
            if tag is None:
                work.repositories.get(registry, name)
        self._upstreams.ask_anew(cached_name.rule, cached_name.upstream_name)
        since = monotonic()
        return [self._ask(cached_name, each, now, since) for each in ([tag] if tag else self._tags(registry, name))]

    def _tags(self, registry: Registry, name: str) -> Iterator[str]:
        after = ""
        while True:
            with self._store.reading() as work:
                page = work.tags.page(work.repositories.get(registry, name), after, TAGS_AT_ONCE)
            yield from page
            if len(page) < TAGS_AT_ONCE:
                return
            after = page[-1]

    def _ask(self, cached_name: CachedName, tag: str, now: datetime, since: float) -> Refreshed:
        previous = self._expire(cached_name.registry, cached_name.name, tag)
        wanted = Wanted(cached_name, ImageId(tag=tag), now, is_refresh=True, since=since)
        try:
            fetched = self._pull_through.manifest(wanted)
        except UpstreamFailure as failure:
            return Refreshed(tag, FAILED, None, previous, failure.reason)
        update = self._pull_through.updates.find(cached_name.registry, cached_name.name, tag)
        if update:
            new = update.job.manifest.digest if update.job else "a new image"
            reason = f"{new} is served when its import is complete"
            return Refreshed(tag, UPDATING, fetched.manifest.digest, previous, reason)
        digest, failed = self._outcome(cached_name.registry, cached_name.name, tag)
        if failed := failed or fetched.unchecked:
            return Refreshed(tag, FAILED, digest, previous, failed)
        changed = IMPORTED if previous is None else UPDATED
        return Refreshed(tag, UNCHANGED if digest == previous else changed, digest or fetched.manifest.digest, previous)

    def _expire(self, registry: Registry, name: str, tag: str) -> str | None:
        """Make the check of a tag due, so that the pull that follows checks it. Return the digest that it points at.

        The listing of the image's referrers becomes due too.
        """
        with self._store.writing() as work:
            repository = work.repositories.find(registry, name)
            image = work.tags.find(repository, tag) if repository else None
            if repository is None or image is None:
                return None
            work.tags.save_validation(repository, tag, Validation(NEVER))
            listing = work.referrer_listings.find(repository, image.digest)
            if listing:
                work.referrer_listings.save(repository, replace(listing, validation=Validation(NEVER)))
            return image.digest

    def _outcome(self, registry: Registry, name: str, tag: str) -> tuple[str | None, str | None]:
        """Return the digest that a tag points at, or None, and why its last check failed, or None."""
        with self._store.reading() as work:
            repository = work.repositories.find(registry, name)
            tagged = work.tags.find(repository, tag) if repository else None
            known = work.tags.validation(repository, tag) if repository else None
        return tagged.digest if tagged else None, known.last_error if known and known.failures else None

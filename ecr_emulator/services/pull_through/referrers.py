"""Referrers: the images whose subject is another image, here and at the upstream of a cache.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.domain.names import Registry, is_digest
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.referrer import Referrer, ReferrerListing, united
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.access import UNLIMITED, Permissions
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through.client_wait import CLIENT_WAIT
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, FetchTurns, turn_to_ask
from ecr_emulator.services.pull_through.single_flight import CircularCall, SingleFlight
from ecr_emulator.services.pull_through.upstream_threads import UpstreamThreads
from ecr_emulator.services.pull_through.waiting_clients import RETRY_AFTER, WaitingClients

log = logging.getLogger(__name__)

LISTINGS = 4
"""Maximum number of listings requested from one upstream at the same time."""

_Subject = tuple[CachedName, str]


class _Listed(NamedTuple):
    """The referrers that an upstream lists. ``began`` is when the call began, in seconds of the monotonic clock."""

    referrers: tuple[Referrer, ...]
    began: float
    now: datetime


@dataclass(frozen=True, slots=True)
class FoundReferrers:
    """The referrers of a digest, archived or not, in order of digest.

    ``failure`` says why the upstream's referrers are missing. It is None if an earlier listing of them is known.
    """

    referrers: list[Referrer]
    failure: UpstreamFailure | None = None


class Referrers:
    """Lists referrers. An upstream is asked once for any number of clients, and again after a day."""

    def __init__(
        self,
        store: Store,
        upstreams: Upstreams,
        asks_upstreams: bool = True,
        waiting: WaitingClients | None = None,
        turns: FetchTurns = ONE_NODE,
    ) -> None:
        self._waiting = waiting or WaitingClients()
        self._store = store
        self._upstreams = upstreams
        self._asks_upstreams = asks_upstreams
        self._turns = turns
        self._threads = UpstreamThreads(LISTINGS, "pull-through-referrers")
        self._single_flight: SingleFlight[_Subject, _Listed] = SingleFlight(
            lambda key: self._threads.of(key[0].rule.url)
        )

    def find(
        self, registry: Registry, name: str, subject: str, now: datetime, permissions: Permissions = UNLIMITED
    ) -> FoundReferrers:
        """Return the referrers of a digest, stored ones and those that the upstream of the rule lists.

        The digest itself need not be stored. If the upstream fails, its last listing is used. No repository is created:
        without one, the referrers are those that the upstream lists. A caller who may not import sees only stored
        referrers. Raises ``RepositoryNotFoundException`` if there is neither a repository nor a referrer.
        """
        with self._store.reading() as work:
            is_askable = self._asks_upstreams and is_digest(subject)
            cached_name = find_cached_name(work.rules.all(registry), name) if is_askable else None
            repository = work.repositories.find(registry, name)
            here = _referrers_here(work, repository, subject) if repository else []
            listing = work.referrer_listings.find(repository, subject) if repository else None
        failure = None
        upstream = listing.referrers if listing else ()
        if cached_name and (listing is None or listing.validation.is_due(now)) and permissions.may_import(name):
            try:
                upstream = self._ask(cached_name, subject, now)
            except UpstreamFailure as failed:
                failure = None if listing else failed
        if repository is None and not (upstream or failure):
            with self._store.reading() as work:
                work.repositories.get(registry, name)
        return FoundReferrers(united(here, upstream), failure)

    def listed_upstream(self, cached_name: CachedName, subject: str, now: datetime) -> list[str]:
        """Return the digests that an upstream lists; ask it if a check is due. Raises ``UpstreamFailure``."""
        return [each.digest for each in self._ask(cached_name, subject, now)]

    def pending(self) -> list[Future[_Listed]]:
        """Return the requests to upstreams under way."""
        return self._single_flight.pending()

    def close(self) -> None:
        """Start no more requests to upstreams."""
        self._threads.close()

    def _ask(self, cached_name: CachedName, subject: str, now: datetime) -> tuple[Referrer, ...]:
        url = cached_name.rule.url
        try:
            with self._waiting.at(url):
                return self._listed(cached_name, subject, now)
        except CircularCall:
            return ()  # the upstream's upstream is this registry, whose own referrers are listed anyway
        except TimeoutError:
            late = f"{url} did not list referrers within {CLIENT_WAIT:.0f} seconds"
            raise UpstreamUnavailable(late, retry_after=RETRY_AFTER) from None

    def _listed(self, cached_name: CachedName, subject: str, now: datetime) -> tuple[Referrer, ...]:
        """Join calls until one is not older than this request, or is still valid at its time; see ``checks``."""
        asked = monotonic()
        while True:
            listed = self._single_flight.result(
                (cached_name, subject),
                lambda: self._in_turn(cached_name, subject, now),
                asked + CLIENT_WAIT - monotonic(),
            )
            known = self._known(cached_name, subject)
            if listed.began >= asked or not (known.validation if known else Validation(listed.now)).is_due(now):
                return listed.referrers

    def _in_turn(self, cached_name: CachedName, subject: str, now: datetime) -> _Listed:
        began = monotonic()
        with turn_to_ask(self._turns, self._upstreams, cached_name, f"referrers of {subject}"):
            return _Listed(self._from_upstream(cached_name, subject, now), began, now)

    def _from_upstream(self, cached_name: CachedName, subject: str, now: datetime) -> tuple[Referrer, ...]:
        known = self._known(cached_name, subject)
        if known and not known.validation.is_due(now):
            return known.referrers  # a call that finished just now fetched it
        try:
            upstream = self._upstreams.at(cached_name.rule)
            found = tuple(upstream.referrers(cached_name.upstream_name, subject))
        except UpstreamFailure as failure:
            self._failed(cached_name, subject, failure, now)
            raise
        self._save(cached_name, ReferrerListing(subject, found, Validation(now)), known)
        return found

    def _known(self, cached_name: CachedName, subject: str) -> ReferrerListing | None:
        with self._store.reading() as work:
            repository = work.repositories.find(cached_name.registry, cached_name.name)
            return work.referrer_listings.find(repository, subject) if repository else None

    def _failed(self, cached_name: CachedName, subject: str, failure: UpstreamFailure, now: datetime) -> None:
        """Record a failure in the log, in an event, and with the listing if one is known."""
        log.warning(
            "referrers of %s@%s: %s failed: %s", cached_name.name, subject, cached_name.rule.url, failure.reason
        )
        with optional_write(f"the failure of {cached_name.name}"), self._store.writing(waits=False) as work:
            attempt = Import(cached_name.rule, cached_name.name, None, subject, (failure.failure_code, failure.reason))
            work.events.add(attempt.event(now))
            repository = work.repositories.find(cached_name.registry, cached_name.name)
            known = work.referrer_listings.find(repository, subject) if repository else None
            if repository and known:
                validation = known.validation.failed(failure.reason, now)
                work.referrer_listings.save(repository, replace(known, validation=validation))

    def _save(self, cached_name: CachedName, listing: ReferrerListing, known: ReferrerListing | None) -> None:
        """Save a listing, unless a refresh has made the one that was known before due meanwhile."""
        with (
            optional_write(f"the list of referrers of {listing.subject} in {cached_name.name}"),
            self._store.writing(waits=False) as work,
        ):
            repository = work.repositories.find(cached_name.registry, cached_name.name)
            if repository and work.referrer_listings.find(repository, listing.subject) == known:
                work.referrer_listings.save(repository, listing)


def _referrers_here(work: UnitOfWork, repository: Repository, subject: str) -> list[Referrer]:
    return [_described(work, image) for image in work.image_relations.referrers(repository, subject)]


def _described(work: UnitOfWork, image: Image) -> Referrer:
    stored = work.images.manifest(image)
    annotations = read_manifest(stored.raw, stored.media_type).annotations
    size = len(stored.raw)
    return Referrer(image.digest, image.media_type, size, image.artifact_media_type, annotations, image.status)

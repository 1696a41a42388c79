"""Imports: the rest of an image, brought in behind the client's back.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore, Lock

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import Layer, StoredManifest
from ecr_emulator.domain.import_policy import FULL, ImportPolicy
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule, matching_rule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import UpstreamUnavailable
from ecr_emulator.ports import Clock, Store, UnitOfWork
from ecr_emulator.services.arrivals import image_arrived
from ecr_emulator.services.downloads import Downloads
from ecr_emulator.services.flights import Flights
from ecr_emulator.services.image_parts import ImageParts, Part, Sources
from ecr_emulator.services.lanes import Lanes
from ecr_emulator.services.records import if_there_is_room
from ecr_emulator.services.referrers import Referrers

log = logging.getLogger(__name__)

AT_ONCE = 4
"""So many images are imported from one upstream at the same time; more wait."""
PARTS_AT_ONCE = 3
"""So many manifests or blobs of one image are fetched at the same time."""
REMEMBERED = 10_000
"""So many images are known to have been seen; of one that is forgotten it is looked up again how its import went."""
PARTS_PER_HOST = 4
"""So many parts are fetched from one upstream at the same time: fewer than blobs may be, so that clients find room.

What clients wait for is not counted."""
DOCUMENT = "pull-through-import"
"""The image document that says how far an import has come."""
COMPLETE = "COMPLETE"
PARTIAL = "PARTIAL"

_Ordered = tuple[PullThroughRule, str, str, str | None]

FetchManifest = Callable[[PullThroughRule, str, str], StoredManifest]
"""Brings a manifest into a repository under a rule, by digest. Raises ``UpstreamFailure``."""


@dataclass(frozen=True, slots=True)
class Order:
    """An image to be imported: its manifest is here, and was asked for by tag, or by digest."""

    rule: PullThroughRule
    name: str
    tag: str | None
    manifest: StoredManifest
    is_resumed: bool = False


def check_source(work: UnitOfWork, order: Order) -> None:
    """Raise ``UpstreamUnavailable`` if another upstream says by now what the tag means.

    A rule that was deleted lets what is under way come to its end; one that took its place does not.
    """
    rule, name = order.rule, order.name
    current = matching_rule(work.rules.all(rule.registry), name) or rule
    if (current.url, current.upstream_name(name)) != (rule.url, rule.upstream_name(name)):
        raise UpstreamUnavailable(
            f"{name} came to be pulled from {current.url} while {rule.url} was asked for it", retry_after=1
        )


class Imports:
    """Imports images as far as the policy says, each once for any number of clients.

    What an import did not get, it leaves to later requests: a client's own, or the next one that finds the tag
    unchanged upstream. What an import of an earlier process did not get is fetched after the first pull of the tag.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        downloads: Downloads,
        referrers: Referrers,
        fetch_manifest: FetchManifest,
        policy: ImportPolicy,
    ) -> None:
        self._store = store
        self._clock = clock
        self._downloads = downloads
        self._referrers = referrers
        self._fetch_manifest = fetch_manifest
        self._policy = policy
        self._threads = Lanes(AT_ONCE, "pull-through-import")
        self._flights: Flights[_Ordered, None] = Flights(lambda ordered: self._threads.of(ordered[0].url))
        self._hosts: dict[str, BoundedSemaphore] = {}
        self._seen: dict[tuple[Registry, str, str], None] = {}
        self._lock = Lock()

    def start(self, order: Order) -> None:
        """Bring in what the order's manifest refers to; its clients' own requests join the downloads."""
        self.is_new(order.rule.registry, order.name, order.manifest.digest)
        key = (order.rule, order.name, order.manifest.digest, order.tag)
        self._flights.join(key, lambda: self._import_or_say(order))

    def is_new(self, registry: Registry, name: str, digest: str) -> bool:
        """Whether this process has not seen an image lately; it has now."""
        key = (registry, name, digest)
        if key in self._seen:
            return False
        with self._lock:
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return True

    def resume(self, order: Order) -> None:
        """Go on with an import that failed, or that brought in less than the policy now says."""
        with self._store.reading() as work:
            repository = work.repositories.find(order.rule.registry, order.name)
            image = work.images.find(repository, order.manifest.digest) if repository else None
            status = work.image_documents.find(image, DOCUMENT) if image else COMPLETE
        if status is None or (status == PARTIAL and self._policy.mode == FULL):
            self.start(order)

    def pending(self) -> list[Future[None]]:
        """The imports under way."""
        return self._flights.pending()

    def forget(self) -> None:
        """Have seen no image."""
        with self._lock:
            self._seen.clear()

    def close(self) -> None:
        """Take no more work."""
        self._threads.close()

    def _import_or_say(self, order: Order) -> None:
        """Nobody waits for an import to hear what went wrong."""
        try:
            self._import(order)
        except Exception:
            log.exception("import of %s@%s failed", order.name, order.manifest.digest)

    def _import(self, order: Order) -> None:
        with self._store.reading() as work:
            repository = work.repositories.find(order.rule.registry, order.name)
        if repository is None:
            return  # it was deleted meanwhile
        with ThreadPoolExecutor(PARTS_AT_ONCE, "pull-through-part") as threads:
            found = ImageParts(self._sources(order, repository), self._policy, threads)
            found.fetch(order.manifest)
        if found.failures:
            missing, first = len(found.failures), found.failures[0].reason
            log.warning("import of %s@%s lacks %d parts: %s", order.name, order.manifest.digest, missing, first)
        self._record(order, found)

    def _sources(self, order: Order, repository: Repository) -> Sources:
        rule, name = order.rule, order.name
        host = self._hosts.setdefault(rule.url, BoundedSemaphore(PARTS_PER_HOST))

        def manifest(digest: str) -> StoredManifest:
            with host:
                return self._fetch_manifest(rule, name, digest)

        def blob(layer: Layer) -> None:
            with host:
                self._downloads.fetch(rule, repository, layer)

        def referrers(digest: str) -> list[str]:
            with host:
                return self._referrers.listed_upstream(rule, name, digest, self._clock.now())

        return Sources(manifest, blob, referrers)

    def _record(self, order: Order, found: ImageParts) -> None:
        """Say how it went. The image has not arrived while a part of it has failed to come, but what is whole has."""
        what = f"the import of {order.name}@{order.manifest.digest}"
        with if_there_is_room(what), self._store.writing(waits=False) as work:
            repository = work.repositories.find(order.rule.registry, order.name)
            if repository is None:
                return
            now = self._clock.now()
            for part in found.parts:
                if not found.failures or (part.is_whole and part.digest != order.manifest.digest):
                    _arrived(work, repository, order, part, found.is_complete, now)
            if order.tag or not work.images.parents(repository, order.manifest.digest):
                failure = next(((each.failure_code, each.reason) for each in found.failures), None)
                attempt = Import(order.rule, order.name, order.tag, order.manifest.digest, failure)
                work.events.add(attempt.event(now))


def _arrived(
    work: UnitOfWork, repository: Repository, order: Order, part: Part, everything: bool, now: datetime
) -> None:
    """An image arrives once, and again under each new tag."""
    image = work.images.find(repository, part.digest)
    if image is None:
        return  # it was deleted meanwhile
    tag = order.tag if part.digest == order.manifest.digest else None
    status = work.image_documents.find(image, DOCUMENT)
    if status is None or (tag and not order.is_resumed):
        image_arrived(work, repository, image, tag, now)
    is_complete = everything or (part.is_whole and not part.manifest.children)
    work.image_documents.put(image, DOCUMENT, COMPLETE if is_complete else PARTIAL)

"""The pull through cache: bring an image in from its upstream, keep it, and ask again once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from datetime import datetime
from typing import Any, cast

from ecr_emulator.domain.events import Import
from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.import_policy import AS_ECR_DOES, LAST_PULLS, ImportPolicy
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import NEVER, MayImport, PullThroughRule, Validation, matching_rule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    ImportRefused,
    StorageFailure,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)
from ecr_emulator.ports import Clock, Store, UnitOfWork, Upstream, Upstreams
from ecr_emulator.services.downloads import Downloads
from ecr_emulator.services.flights import Endless, Flights
from ecr_emulator.services.images import Origin, imported, store_image
from ecr_emulator.services.imports import Imports, Order, check_source
from ecr_emulator.services.lanes import Lanes
from ecr_emulator.services.records import if_there_is_room
from ecr_emulator.services.referrers import Referrers
from ecr_emulator.services.repositories import repository_for_import
from ecr_emulator.services.unstored import UnstoredImages
from ecr_emulator.services.upstream_manifests import read_from_upstream

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a client waits for a manifest; the flight goes on after that, so that asking again finds it."""
MANIFEST_FLIGHTS = 8
"""So many manifests are fetched from one upstream at the same time, those that imports ask for included."""

_Asked = tuple[PullThroughRule, str, str | None]
"""What a flight brings, and by which rule: once that is another, another is asked."""


class PullThrough:
    """Fetches from upstreams, once for any number of clients.

    Manifests and imports have threads of their own, so that long imports never hold up a manifest, and each upstream
    has its own, so that a silent one never holds up another.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        upstreams: Upstreams,
        downloads: Downloads,
        referrers: Referrers,
        policy: ImportPolicy = AS_ECR_DOES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._upstreams = upstreams
        self._downloads = downloads
        self._referrers = referrers
        self._manifest_threads = Lanes(MANIFEST_FLIGHTS, "pull-through-manifest")
        self._manifests: Flights[_Asked, StoredManifest] = Flights(
            lambda asked: self._manifest_threads.of(asked[0].url)
        )
        self._imports = Imports(store, clock, downloads, referrers, self._child, policy)
        self.unstored = UnstoredImages()

    # --- Manifests -------------------------------------------------------------------------------------

    def manifest(self, rule: PullThroughRule, name: str, image_id: ImageId, now: datetime) -> StoredManifest:
        """The manifest as the upstream has it now, stored; the cached one if the upstream fails.

        Raises ``UpstreamFailure`` if there is neither.
        """
        flight = (rule, name, image_id.tag or image_id.digest)
        failure: UpstreamFailure
        try:
            return self._manifests.outcome(flight, lambda: self._current(rule, name, image_id, now), PATIENCE)
        except TimeoutError:
            failure = UpstreamUnavailable(
                f"{rule.url} did not answer within {PATIENCE:.0f} seconds; the emulator keeps trying",
                retry_after=1,
            )
        except Endless:
            failure = UpstreamNotFound(
                f"the pull through cache rules of {rule.registry.host} and its upstreams lead in a circle, "
                f"or through too many registries, and none of them has {name} {image_id.tag or image_id.digest}"
            )
        cached = self._cached(rule, name, image_id)
        if cached:
            return cached
        raise failure

    def _current(self, rule: PullThroughRule, name: str, image_id: ImageId, now: datetime) -> StoredManifest:
        cached = self._cached(rule, name, image_id)
        if cached and not self._is_due(rule, name, image_id, now):
            return cached  # a flight that landed just now brought it
        try:
            upstream = self._upstreams.at(rule)
            manifest = self._fetch(upstream, rule, name, image_id, cached)
            if manifest is None and cached:
                self._validated(rule, name, image_id.tag, now)
                self._imports.resume(Order(rule, name, image_id.tag, cached, is_resumed=True))
                return cached
            if manifest is None:
                raise UpstreamNotFound(f"{rule.url} does not say what {image_id.tag} is")
            order = Order(rule, name, image_id.tag, manifest)
            is_kept = self._keep(order, now)
        except UpstreamFailure as failure:
            self._failed(rule, name, image_id, failure, now)
            if cached:
                return cached
            raise
        if is_kept:
            self._imports.start(order)
        return manifest

    def _fetch(
        self,
        upstream: Upstream,
        rule: PullThroughRule,
        name: str,
        image_id: ImageId,
        cached: StoredManifest | None,
    ) -> StoredManifest | None:
        """What the upstream has; None if that is what is cached. An update is fetched by digest: tags move.

        It is not fetched if another tag has brought it in.
        """
        upstream_name = rule.upstream_name(name) or name
        if cached is None or image_id.tag is None:
            return upstream.manifest(upstream_name, image_id.tag or image_id.digest or "")
        head = upstream.head_manifest(upstream_name, image_id.tag)
        if head.digest == cached.digest:
            return None
        known = self._cached(rule, name, ImageId(digest=head.digest))
        return known or head.manifest or upstream.manifest(upstream_name, head.digest)

    def _cached(self, rule: PullThroughRule, name: str, image_id: ImageId) -> StoredManifest | None:
        with self._store.reading() as work:
            repository = work.repositories.find(rule.registry, name)
            if repository is None:
                return None
            if image_id.tag:
                image = work.tags.find(repository, image_id.tag)
            else:
                image = work.images.find(repository, image_id.digest or "")
            return work.images.manifest(image) if image else None

    def _is_due(self, rule: PullThroughRule, name: str, image_id: ImageId, now: datetime) -> bool:
        with self._store.reading() as work:
            repository = work.repositories.find(rule.registry, name)
            known = work.tags.validation(repository, image_id.tag) if repository and image_id.tag else None
        return image_id.tag is not None and (known is None or known.is_due(now))

    def _keep(self, order: Order, now: datetime, *, is_part: bool = False) -> bool:
        """Store a manifest; False if there is no room. Its blobs may be asked for then all the same.

        A part of an image goes where the image is, and nowhere if that was deleted.
        """
        contents = read_from_upstream(order.rule, order.manifest)
        try:
            repository = self._store_manifest(order, now, is_part=is_part)
        except StorageFailure as failure:
            log.warning("%s@%s is served and not cached: %s", order.name, order.manifest.digest, failure.reason)
            self.unstored.add(order.rule.registry, order.name, contents.listed_blobs)
            return False
        self._keep_inline(repository, contents)
        return True

    def _keep_inline(self, repository: Repository, contents: Manifest) -> None:
        """Store the blobs that a manifest brings along; one for which there is no room can still be fetched."""
        for blob in contents.listed_blobs:
            data = blob.inline
            if data is not None:
                with if_there_is_room(f"blob {blob.digest} of {repository.name}"):
                    self._downloads.keep(repository, Layer(blob.digest, blob.size), data)

    def _store_manifest(self, order: Order, now: datetime, *, is_part: bool) -> Repository:
        registry, name, tag, manifest = order.rule.registry, order.name, order.tag, order.manifest
        with self._store.writing() as work:
            if is_part and work.repositories.find(registry, name) is None:
                raise UpstreamNotFound(f"the repository {name} was deleted while {manifest.digest} was fetched")
            if tag:
                check_source(work, order)
            repository = repository_for_import(work, registry, name, now)
            tagged = work.tags.find(repository, tag) if tag else None
            if tag and tagged and tagged.digest != manifest.digest and repository.mutability.locks(tag):
                raise ImportRefused(
                    f"the tag '{tag}' moved upstream to {manifest.digest}, and it is immutable in '{name}'"
                )
            store_image(work, repository, imported(manifest, tag), now, Origin.UPSTREAM)
            if tag:
                work.tags.save_validation(repository, tag, Validation(now))
        return repository

    def _validated(self, rule: PullThroughRule, name: str, tag: str | None, now: datetime) -> None:
        with if_there_is_room(f"the check of {name}:{tag}"), self._store.writing(waits=False) as work:
            repository = work.repositories.find(rule.registry, name)
            if repository and tag:
                work.tags.save_validation(repository, tag, Validation(now))

    def _failed(
        self, rule: PullThroughRule, name: str, image_id: ImageId, failure: UpstreamFailure, now: datetime
    ) -> None:
        """Leave the reason where people look: the log, the event, and the tag's own record."""
        image = f"{name}:{image_id.tag}" if image_id.tag else f"{name}@{image_id.digest}"
        log.warning("pull through %s of %s failed: %s", rule.url, image, failure.reason)
        with if_there_is_room(f"the failure of {name}"), self._store.writing(waits=False) as work:
            repository = work.repositories.find(rule.registry, name)
            digest = image_id.digest
            if repository and image_id.tag:
                tagged = work.tags.find(repository, image_id.tag)
                digest = tagged.digest if tagged else None
                _note_failure(work, repository, image_id.tag, failure, now)
            attempt = Import(rule, name, image_id.tag, digest, (failure.failure_code, failure.reason))
            work.events.add(attempt.event(now))

    def go_on(
        self, registry: Registry, name: str, tag: str | None, manifest: StoredManifest, may_import: MayImport
    ) -> None:
        """Go on with the import of a cached image if an earlier process, which was killed, did not end it."""
        if not self._imports.is_new(registry, name, manifest.digest):
            return
        with self._store.reading() as work:
            rule = matching_rule(work.rules.all(registry), name)
        if rule and may_import(False):
            self._imports.resume(Order(rule, name, tag, manifest, is_resumed=True))

    def _child(self, rule: PullThroughRule, name: str, digest: str) -> StoredManifest:
        """A manifest that an image refers to. Clients who ask for it share the flight, and come first.

        Raises ``UpstreamTooManyRequests`` where the upstream's rate limit leaves only a few pulls.
        """
        child = ImageId(digest=digest)
        cached = self._cached(rule, name, child)
        if cached:
            return cached
        limit = self._upstreams.state(rule).rate_limit
        if limit and limit.remaining <= LAST_PULLS:
            raise UpstreamTooManyRequests(
                f"{rule.url} allows only {limit.remaining} more pulls, which are kept for what clients ask for; "
                f"{digest} comes when somebody does"
            )
        key = (rule, name, digest)
        return self._manifests.join(key, lambda: self._current_child(rule, name, child)).result()

    def _current_child(self, rule: PullThroughRule, name: str, child: ImageId) -> StoredManifest:
        cached = self._cached(rule, name, child)
        if cached:
            return cached
        upstream = self._upstreams.at(rule)
        manifest = upstream.manifest(rule.upstream_name(name) or name, child.digest or "")
        self._keep(Order(rule, name, None, manifest), self._clock.now(), is_part=True)
        return manifest

    # --- Life ------------------------------------------------------------------------------------------

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the pulls and imports under way, and those that they lead to; whether all ended in time."""
        flights = (self._manifests, self._imports, self._referrers)
        while pending := {cast("Future[Any]", each) for kind in flights for each in kind.pending()}:
            if wait(pending, timeout).not_done:
                return False
        return True

    def forget(self) -> None:
        """Remember nothing of images that are gone."""
        self._imports.forget()
        self.unstored.clear()

    def close(self) -> None:
        """Take no more work."""
        self._imports.close()
        self._manifest_threads.close()


def _note_failure(work: UnitOfWork, repository: Repository, tag: str, failure: UpstreamFailure, now: datetime) -> None:
    known = work.tags.validation(repository, tag) or Validation(NEVER)
    work.tags.save_validation(repository, tag, known.failed(failure.reason, now))

"""Checks of manifests at upstreams, and which requests of clients they answer.

Clients that want the same manifest at the same time share a check. A check may have asked the upstream before a client
sent its request, and before an upstream image moved, a tag was refreshed, or the clock was advanced. So an older check
answers a request only if it has left nothing to check at the request's time.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime
from time import monotonic

from ecr_emulator.domain.cache_use import CHECK, MISS, STALE, FetchedManifest
from ecr_emulator.domain.image import ImageId, StoredManifest
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.domain.validation_timer import NEVER, Validation
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through.cached_images import cached_manifest, is_due
from ecr_emulator.services.pull_through.updates import Update


@dataclass(frozen=True, slots=True)
class Wanted:
    """The request of a client for a manifest at an emulated time (``now``).

    A refresh wants the upstream to be asked after the request began, even if no check is due. A client waits for an
    update until a time after ``since``. Refreshes of many tags share it, so that they wait together as long as one.
    ``began`` and ``since`` are in seconds of the monotonic clock.
    """

    cached_name: CachedName
    image_id: ImageId
    now: datetime
    is_refresh: bool = False
    began: float = field(default_factory=monotonic)
    since: float = field(default_factory=monotonic)

    @property
    def reference(self) -> str | None:
        """The tag, or the digest."""
        return self.image_id.tag or self.image_id.digest

    def by_changed_rule(self, store: Store) -> Wanted | None:
        """Return the request by the rule that covers the repository now; None if there is none, or the same one."""
        asked = self.cached_name
        with store.reading() as work:
            current = find_cached_name(work.rules.all(asked.registry), asked.name)
        return replace(self, cached_name=current) if current and current != asked else None


@dataclass(frozen=True, slots=True)
class Found:
    """The manifest to serve, one of the outcomes of ``cache_use``, and the update of the tag that is under way.

    ``has_asked`` says that the upstream was asked for it.
    """

    manifest: StoredManifest
    outcome: str
    update: Update | None = None
    has_asked: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. ``began`` is in seconds of the monotonic clock; ``now`` is the emulated time."""

    result: Found | UpstreamFailure
    began: float
    now: datetime

    @property
    def found(self) -> Found:
        """The manifest that was found. Raises the ``UpstreamFailure`` of the check."""
        if isinstance(self.result, UpstreamFailure):
            raise self.result
        return self.result

    def answer(self, store: Store, wanted: Wanted) -> FetchedManifest | None:
        """Return the answer to a request, or None if it needs a later check. Raises ``UpstreamFailure``.

        A client does not wait for an update: call this when it is over, or has taken too long.
        """
        cached = cached_manifest(store, wanted.cached_name, wanted.image_id)
        if isinstance(self.result, UpstreamFailure):
            if self._is_later(wanted) or (cached is None and self._holds(wanted)):
                raise self.result
            return None
        if self.result.update:
            return self._after_update(self.result, self.result.update, cached, store, wanted)
        if self._is_later(wanted) and self.result.has_asked:
            return FetchedManifest(self.result.manifest, self.result.outcome)
        return self._unless_due(self.result, cached, store, wanted)

    def _after_update(
        self, found: Found, update: Update, cached: StoredManifest | None, store: Store, wanted: Wanted
    ) -> FetchedManifest | None:
        served = cached or found.manifest
        answer = FetchedManifest(served, STALE if served.digest == found.manifest.digest else CHECK)
        if not update.over.is_set() or (self._is_later(wanted) and found.has_asked):
            return answer
        return answer if self._unless_due(found, cached, store, wanted) else None

    def _unless_due(
        self, found: Found, cached: StoredManifest | None, store: Store, wanted: Wanted
    ) -> FetchedManifest | None:
        """Return the cached manifest if no check is due. One that could not be stored holds as long as a stored one."""
        if wanted.is_refresh:
            return None
        if cached is None:
            is_kept = found.outcome == MISS and self._holds(wanted)
            return FetchedManifest(found.manifest, MISS) if is_kept else None
        if is_due(store, wanted.cached_name, wanted.image_id.tag, wanted.now):
            return None
        return FetchedManifest(cached, found.outcome)

    def _is_later(self, wanted: Wanted) -> bool:
        return self.began >= wanted.began

    def _holds(self, wanted: Wanted) -> bool:
        """Whether a cached tag with the result of this check would not be due yet."""
        if wanted.is_refresh:
            return False
        known = Validation(self.now) if isinstance(self.result, Found) else Validation(NEVER).failed("", self.now)
        return not known.is_due(wanted.now)

"""Verification: read everything that is stored, find damage, and fetch damaged parts from upstreams again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import Registry, algorithm_of, digest_of
from ecr_emulator.domain.pull_through import CachedName, find_cached_name
from ecr_emulator.ports.blobs import BlobStore
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through import BlobDownloads

STEP = 1024 * 1024
PROGRESS_EVERY = 16 * 1024 * 1024
"""Number of bytes after which progress is reported again, roughly."""
BLOBS_AT_ONCE = 1_000
MANIFESTS_AT_ONCE = 16
"""Number of manifests in memory at a time; each may have 4 MiB."""

Places = list[tuple[Registry, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that verification found damaged, missing, unreadable or left over.

    ``state`` is ``damaged``, ``missing``, ``unreadable`` or ``left over``; ``kind`` is ``blob``, ``manifest``, ``file``
    or ``database``. ``name`` is its digest or path, or the message of the database; ``places`` are the repositories
    that use it. ``is_broken`` is False if it was fetched again or is not needed; else ``reason`` says why it was not.
    """

    state: str
    kind: str
    name: str
    places: tuple[str, ...] = ()
    is_broken: bool = False
    reason: str | None = None


@dataclass(slots=True)
class Progress:
    """The progress of a verification: what was read so far, and the ``total`` bytes of all blobs."""

    total: int
    bytes: int = 0
    blobs: int = 0
    manifests: int = 0


Steps = Generator[Progress | Finding, None, None]
Healing = Generator[Progress | Finding, None, str | None]
"""Returns the reason why something could not be fetched again, or None."""


class Verification:
    """Reads every blob and every manifest. Memory is bounded, and the emulator may serve requests meanwhile.

    A damaged blob is deleted, so that no response says that it exists, and the next push stores it again.
    """

    def __init__(self, store: Store, blobs: BlobStore, upstreams: Upstreams, downloads: BlobDownloads) -> None:
        self._store = store
        self._blobs = blobs
        self._upstreams = upstreams
        self._downloads = downloads

    def run(self) -> Steps:
        """Verify everything. Yield the same progress object at each step, and each finding once."""
        sizes = (self._blobs.size(digest) for digest in self._blobs.digests())
        progress = Progress(sum(size or 0 for size in sizes))
        yield progress
        yield from self._verify_database()
        yield from self._find_missing(progress)
        for digest in self._blobs.digests():
            yield from self._verify_blob(digest, progress)
        for path in self._blobs.strays():
            yield Finding("left over", "file", path)
        yield from self._verify_manifests(progress)
        yield progress

    def _verify_database(self) -> Iterator[Finding]:
        with self._store.reading() as work:
            errors = work.inventory.integrity_errors()
        for error in errors:
            yield Finding("damaged", "database", error, is_broken=True, reason="restore it from a copy")

    # --- Blobs -----------------------------------------------------------------------------------------------

    def _find_missing(self, progress: Progress) -> Steps:
        after = ""
        while page := self._blobs_after(after):
            for digest, size in page:
                if self._blobs.size(digest) is None:
                    yield from self._report_blob("missing", digest, size, progress)
            after = page[-1][0]

    def _blobs_after(self, after: str) -> list[tuple[str, int]]:
        with self._store.reading() as work:
            return work.inventory.blobs(after, BLOBS_AT_ONCE)

    def _verify_blob(self, digest: str, progress: Progress) -> Steps:
        try:
            size = self._blobs.size(digest) or 0
            is_whole = yield from self._read(digest, progress)
            is_damaged = not is_whole and self._blobs.drop_if_damaged(digest, anew=True)
        except FileNotFoundError:
            return  # it was deleted meanwhile
        except OSError as failure:
            places = self._places_of_blob(digest)
            yield Finding("unreadable", "blob", digest, _named(places), True, failure.strerror or str(failure))
            return
        if is_damaged:
            yield from self._report_blob("damaged", digest, size, progress)
        elif not self._is_needed(digest):
            yield Finding("left over", "blob", digest)

    def _read(self, digest: str, progress: Progress) -> Generator[Progress, None, bool]:
        """Read a blob; return whether its bytes have its digest."""
        hasher = hashlib.new(algorithm_of(digest))
        unreported = 0
        with closing(self._blobs.open(digest)) as file, suppress(OSError):
            while chunk := file.read(STEP):
                hasher.update(chunk)
                progress.bytes += len(chunk)
                unreported += len(chunk)
                if unreported >= PROGRESS_EVERY:
                    unreported = 0
                    yield progress
        progress.blobs += 1
        yield progress
        return hasher.hexdigest() == digest.partition(":")[2]

    def _is_needed(self, digest: str) -> bool:
        with self._store.reading() as work:
            return not work.layers.unused([digest])

    def _places_of_blob(self, digest: str) -> Places:
        with self._store.reading() as work:
            return work.inventory.blob_places(digest)

    def _report_blob(self, state: str, digest: str, size: int, progress: Progress) -> Steps:
        """Fetch a blob again, and yield the finding. A missing blob that no repository needs is no finding."""
        places = self._places_of_blob(digest)
        if places:
            reason = yield from self._fetch_blob(places, digest, size, progress)
            yield Finding(state, "blob", digest, _named(places), reason is not None, reason)
        elif state == "damaged":
            yield Finding(state, "blob", digest)

    def _fetch_blob(self, places: Places, digest: str, size: int, progress: Progress) -> Healing:
        def fetch(cached_name: CachedName) -> Iterator[Progress]:
            with self._store.reading() as work:
                repository = work.repositories.find(cached_name.registry, cached_name.name)
                held = work.layers.find(repository, digest) if repository else None
            layer = held or Layer(digest, size)
            if repository:
                for _ in self._downloads.chunks(cached_name, layer, 0, layer.size):
                    yield progress
                self._downloads.fetch(cached_name, layer)

        return (yield from self._heal(places, fetch))

    # --- Manifests -------------------------------------------------------------------------------------------

    def _verify_manifests(self, progress: Progress) -> Steps:
        after = ""
        while page := self._manifests_after(after):
            for digest, raw in page:
                progress.manifests += 1
                if raw is None or digest_of(raw, algorithm_of(digest)) != digest:
                    yield from self._report_manifest("missing" if raw is None else "damaged", digest, progress)
            after = page[-1][0]
            yield progress

    def _manifests_after(self, after: str) -> list[tuple[str, bytes | None]]:
        with self._store.reading() as work:
            return work.inventory.manifests(after, MANIFESTS_AT_ONCE)

    def _report_manifest(self, state: str, digest: str, progress: Progress) -> Steps:
        with self._store.reading() as work:
            places = work.inventory.manifest_places(digest)
        if places:
            reason = yield from self._fetch_manifest(places, digest, progress)
            yield Finding(state, "manifest", digest, _named(places), reason is not None, reason)

    def _fetch_manifest(self, places: Places, digest: str, progress: Progress) -> Healing:
        def fetch(cached_name: CachedName) -> Iterator[Progress]:
            fetched = self._upstreams.at(cached_name.rule).manifest(cached_name.upstream_name, digest)
            yield progress
            with self._store.writing() as work:
                work.images.mend(digest, fetched.raw)

        return (yield from self._heal(places, fetch))

    # --- Healing ---------------------------------------------------------------------------------------------

    def _heal(self, places: Places, fetch: Callable[[CachedName], Iterator[Progress]]) -> Healing:
        """Fetch something from the first upstream that has it."""
        reason = "no upstream has it; push it again"
        for registry, name in places:
            with self._store.reading() as work:
                cached_name = find_cached_name(work.rules.all(registry), name)
            try:
                if cached_name:
                    yield from fetch(cached_name)
                    return None
            except (UpstreamFailure, StorageFailure) as failure:
                reason = failure.reason
        return reason


def _named(places: Places) -> tuple[str, ...]:
    return tuple(f"{registry.host}/{name}" for registry, name in places)

"""Prefetch: pull all of an image before a client does, and report the progress."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import Descriptor, Manifest, read_manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import ImageNotFoundException
from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamNotStored, UpstreamUnavailable
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.blob_source import BlobSource
from ecr_emulator.services.pull_through import Updates
from ecr_emulator.services.pulls import Pulls

PROGRESS_EVERY = 1024 * 1024
"""Number of bytes after which progress is reported again, roughly."""


@dataclass(slots=True)
class Progress:
    """The progress of a pull. ``new_bytes`` of the ``bytes`` were not here when the manifests that list them came.

    ``missing`` counts the images that an index lists and the upstream does not have, which is legal.
    """

    digest: str
    images: int = 0
    missing: int = 0
    blobs: int = 0
    blobs_done: int = 0
    bytes: int = 0
    bytes_done: int = 0
    new_bytes: int = 0


class Prefetch:
    """Pulls images as a client does, by the same rules; joins the downloads under way."""

    def __init__(self, pulls: Pulls, blobs: Blobs, updates: Updates) -> None:
        self._pulls = pulls
        self._blobs = blobs
        self._updates = updates

    def manifest(self, registry: Registry, name: str, reference: str, now: datetime) -> StoredManifest:
        """Pull the manifest that the image begins with; the new one if its tag is being updated.

        Raises what ``Pulls.manifest`` does.
        """
        served = self._pulls.manifest(registry, name, reference, now)
        update = self._updates.find(registry, name, reference)
        if update and update.job is None:
            update.over.wait()  # only the node that imports the new image knows it
            return self._pulls.manifest(registry, name, reference, now)
        return update.job.manifest if update and update.job else served

    def image(
        self, registry: Registry, name: str, reference: str, manifest: StoredManifest, now: datetime
    ) -> Generator[Progress, None, None]:
        """Pull the parts of an image whose manifest is here; wait for the update of its tag to end.

        Yields the same object at each step. Raises ``UpstreamFailure``; the parts that have come by then stay.
        """
        update = self._updates.find(registry, name, reference)
        yield from self._parts(registry, name, manifest, now)
        if update is None:
            return
        update.over.wait()
        served = self._pulls.manifest(registry, name, reference, now)
        if served.digest != manifest.digest:
            raise UpstreamUnavailable(
                f"{name}:{reference} stays at {served.digest}: {manifest.digest} was not imported completely; "
                "the events have the reason"
            )

    def _parts(
        self, registry: Registry, name: str, manifest: StoredManifest, now: datetime
    ) -> Generator[Progress, None, None]:
        progress = Progress(manifest.digest)
        blobs = self._blobs_of(registry, name, manifest, now, progress)
        progress.blobs, progress.bytes = len(blobs), sum(blob.size for blob in blobs)
        yield progress
        for blob in blobs:
            source = self._pulls.find_blob(registry, name, blob.digest, now)  # the repository holds it from now on
            if source is None:
                raise UpstreamNotFound(f"{name} does not have {blob.digest} any more")
            for count in [blob.size] if source.is_here else _fetched(source):
                progress.bytes_done += count
                yield progress
            if not source.is_here and self._blobs.size(blob.digest) is None:  # it came as an uncached blob
                raise UpstreamNotStored(
                    f"{blob.digest} is not cached: the disk is full or cannot be written; the log has the reason"
                )
            progress.blobs_done += 1
            yield progress

    def _blobs_of(
        self, registry: Registry, name: str, manifest: StoredManifest, now: datetime, progress: Progress
    ) -> list[Descriptor]:
        """Return the blobs of an image, or of all images in an index, each once."""
        blobs: dict[str, Descriptor] = {}
        seen, waiting = {manifest.digest}, [_contents(manifest)]
        while waiting:
            contents = waiting.pop()
            progress.images += 1
            for blob in contents.blobs:
                if blob.digest not in blobs:
                    blobs[blob.digest] = blob
                    progress.new_bytes += 0 if self._blobs.intact_size(blob.digest, blob.size) else blob.size
            for child in contents.children:
                if child.digest not in seen:
                    seen.add(child.digest)
                    waiting += self._child(registry, name, child.digest, now, progress)
        return list(blobs.values())

    def _child(self, registry: Registry, name: str, digest: str, now: datetime, progress: Progress) -> list[Manifest]:
        try:
            return [_contents(self._pulls.manifest(registry, name, digest, now))]
        except (ImageNotFoundException, UpstreamNotFound):
            progress.missing += 1
            return []


def _fetched(source: BlobSource) -> Iterator[int]:
    """Yield the number of bytes that came since the last time, until all of a blob is here."""
    fresh = 0
    for chunk in source.chunks(0, source.size):
        fresh += len(chunk)
        if fresh >= PROGRESS_EVERY:
            yield fresh
            fresh = 0
    yield fresh


def _contents(manifest: StoredManifest) -> Manifest:
    return read_manifest(manifest.raw, manifest.media_type)

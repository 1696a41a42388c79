"""Updates: new images of cached tags. A tag moves when its new image is imported completely."""

from __future__ import annotations

from dataclasses import field
from threading import Event, Lock
from time import monotonic

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.pull_through.import_jobs import ImportJob

_Tag = tuple[Registry, str, str | None]


@dataclass(frozen=True, slots=True)
class Update:
    """The new image of a cached tag. ``began`` is when the update began, in seconds of the monotonic clock."""

    job: ImportJob
    began: float = field(default_factory=monotonic)
    over: Event = field(default_factory=Event)

    def wait(self, since: float, timeout: float) -> None:
        """Wait until the update is over, at most until ``timeout`` seconds after ``since`` or its begin."""
        self.over.wait(max(0.0, min(since, self.began) + timeout - monotonic()))


class Updates:
    """The updates under way, one at a time for each tag. Safe to use from many threads."""

    def __init__(self) -> None:
        self._under_way: dict[_Tag, Update] = {}
        self._lock = Lock()

    def begin(self, job: ImportJob) -> Update:
        """Record that the update of a tag is under way; return the update."""
        update = Update(job)
        with self._lock:
            self._under_way[_tag(job)] = update
        return update

    def end(self, job: ImportJob) -> None:
        """End the update of a tag, whether its image was imported or not, and wake the clients that wait for it."""
        with self._lock:
            update = self._under_way.pop(_tag(job), None)
        if update:
            update.over.set()

    def find(self, registry: Registry, name: str, tag: str | None) -> Update | None:
        """Return the update of a tag that is under way, or None."""
        return self._under_way.get((registry, name, tag))

    def digests(self, repository: Repository) -> set[str]:
        """Return the digests of the images that updates are importing into a repository."""
        place = (repository.registry, repository.name)
        return {job.manifest.digest for job in self._jobs() if _tag(job)[:2] == place}

    def end_all(self) -> None:
        """End all updates, so that no client waits any longer."""
        for job in self._jobs():
            self.end(job)

    def _jobs(self) -> list[ImportJob]:
        with self._lock:
            return [update.job for update in self._under_way.values()]


def _tag(job: ImportJob) -> _Tag:
    return job.cached_name.registry, job.cached_name.name, job.tag

"""Updates: new images of cached tags. A tag moves when its new image is imported completely."""

from __future__ import annotations

from dataclasses import field
from functools import partial
from threading import Event, Lock
from time import monotonic

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.import_status import find_awaited
from ecr_emulator.services.pull_through.fetch_turns import ONE_NODE, FetchTurns
from ecr_emulator.services.pull_through.import_jobs import ImportJob

_Tag = tuple[Registry, str, str | None]


@dataclass(frozen=True, slots=True)
class Update:
    """The new image of a cached tag. ``began`` is when the update began, in seconds of the monotonic clock.

    ``job`` is None if another node imports the image.
    """

    job: ImportJob | None
    began: float = field(default_factory=monotonic)
    over: Event = field(default_factory=Event)

    def wait(self, since: float, timeout: float) -> None:
        """Wait until the update is over, at most until ``timeout`` seconds after ``since`` or its begin."""
        self.over.wait(max(0.0, min(since, self.began) + timeout - monotonic()))


class Updates:
    """The updates under way, one at a time for each tag, on any node. Safe to use from many threads."""

    def __init__(self, turns: FetchTurns = ONE_NODE) -> None:
        self._turns = turns
        self._under_way: dict[_Tag, Update] = {}
        self._elsewhere: dict[_Tag, Update] = {}
        self._lock = Lock()

    def begin(self, job: ImportJob) -> Update:
        """Record that the update of a tag is under way; return the update."""
        update = Update(job)
        with self._lock:
            self._under_way[_tag(job)] = update
        for name in _claims(job):
            self._turns.claim(name)
        return update

    def end(self, job: ImportJob) -> None:
        """End the update of a tag, whether its image was imported or not, and wake the clients that wait for it."""
        with self._lock:
            update = self._under_way.pop(_tag(job), None)
        if update:
            self._turns.release(*_claims(job))
            update.over.set()

    def find(self, registry: Registry, name: str, tag: str | None) -> Update | None:
        """Return the update of a tag that is under way, or None. Raises ``StorageFailure`` if nobody can tell."""
        key = (registry, name, tag)
        return self._under_way.get(key) or (self._find_elsewhere(key) if self._turns.are_shared else None)

    def digests(self, work: UnitOfWork, repository: Repository) -> set[str]:
        """Return the digests of the images that updates are importing into a repository."""
        place = (repository.registry, repository.name)
        found = {job.manifest.digest for job in self._jobs() if _tag(job)[:2] == place}
        if self._turns.are_shared:
            awaited = {_claim_of_digest(*place, digest): digest for digest in find_awaited(work, repository) - found}
            found |= {awaited[name] for name in self._turns.are_elsewhere(set(awaited))}
        return found

    def end_all(self) -> None:
        """End all updates, so that no client waits any longer."""
        for job in self._jobs():
            self.end(job)

    def _find_elsewhere(self, tag: _Tag) -> Update | None:
        """Return the update of a tag by another node. It is over when that node has ended it, or has died."""
        claim = _claim_of_tag(*tag)
        if not self._turns.are_elsewhere({claim}):
            return None
        with self._lock:
            known = self._elsewhere.get(tag)
            if known:
                return known
            update = self._elsewhere[tag] = Update(None)
        self._turns.call_when_free(claim, partial(self._end_elsewhere, tag, update))
        return update

    def _end_elsewhere(self, tag: _Tag, update: Update) -> None:
        with self._lock:
            del self._elsewhere[tag]
        update.over.set()

    def _jobs(self) -> list[ImportJob]:
        with self._lock:
            return [update.job for update in self._under_way.values() if update.job]


def _tag(job: ImportJob) -> _Tag:
    return job.cached_name.registry, job.cached_name.name, job.tag


def _claims(job: ImportJob) -> tuple[str, str]:
    registry, name, tag = _tag(job)
    return _claim_of_tag(registry, name, tag), _claim_of_digest(registry, name, job.manifest.digest)


def _claim_of_tag(registry: Registry, name: str, tag: str | None) -> str:
    return f"update of {registry.host}/{name}:{tag}"


def _claim_of_digest(registry: Registry, name: str, digest: str) -> str:
    return f"update of {registry.host}/{name}@{digest}"

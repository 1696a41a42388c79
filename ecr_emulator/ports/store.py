"""The ports of the metadata: its transactions, its events and its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.task import Scope, Task, TaskPlace
from ecr_emulator.ports.images import ImageDocuments, ImageRelations, Images, KnownFindings, Scans, Tags
from ecr_emulator.ports.listings import Listings
from ecr_emulator.ports.nodes import OtherNodes
from ecr_emulator.ports.pulls import PullLookups
from ecr_emulator.ports.registries import (
    Backfills,
    CreationTemplates,
    PullThroughRules,
    RegistryDocuments,
    ServiceLinkedRoles,
)
from ecr_emulator.ports.repositories import (
    Inventory,
    Layers,
    LifecycleMatches,
    LifecyclePreviews,
    ReferrerListings,
    Repositories,
    Uploads,
)


class Events(Protocol):
    """The log of the newest events. Older events are removed.

    Each event has a greater key than all earlier ones, even than those that a reset has deleted.
    """

    def add(self, event: Event) -> None:
        """Append an event."""

    def after(self, key: int, limit: int) -> list[Event]:
        """Return at most ``limit`` events after the event with this key, oldest first."""

    def before(self, registry: Registry, key: int, limit: int) -> list[Event]:
        """Return at most ``limit`` events of a registry before the event with this key, newest first."""

    def newest_key(self) -> int:
        """Return the greatest key that an event has had; 0 if there has been none."""

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        """Return at most ``limit`` events of a registry with this detail type, newest first."""


class Tasks(Protocol):
    """Background work with the times at which it is due.

    Eight methods: tasks are performed one by one, in the whole state or a part of it, and listed for people.
    """

    def add(self, task: Task) -> None:
        """Store a task; it replaces a waiting task with the same key."""

    def find(self, key: str) -> Task | None:
        """Return the waiting task with this key, or None."""

    def remove(self, key: str) -> None:
        """Remove a task, if there is one with this key."""

    def hasten(self, kind: str, now: datetime) -> int:
        """Make all tasks of a kind due now and return their number."""

    def due(self, now: datetime, left_out: Set[str] = frozenset()) -> Task | None:
        """Return the task that has been due for longest, of other kinds than those left out; None if none is due."""

    def due_in(self, scope: Scope, now: datetime, sources: Iterable[Registry] = ()) -> Task | None:
        """Return the task that has been due for longest, of those that change a part of the state.

        The tasks of the ``sources`` count too: registries whose changes are replicated to the scope's.
        """

    def count(self) -> int:
        """Return the number of waiting tasks."""

    def page(self, after: TaskPlace | None, limit: int) -> list[Task]:
        """Return at most ``limit`` waiting tasks after a place, or the first ones, in the order of their places."""


class Watch(Protocol):
    """Tells whether a repository, or anything that pulls from it depend on, has changed since a unit of work read it.

    ``is_unchanged`` becomes False before the commit of a change begins, and stays False. It costs nothing to read.
    """

    @property
    def is_unchanged(self) -> bool:
        """Whether no commit of a change has begun."""


class UnitOfWork(Protocol):
    """One transaction with access to all metadata."""

    repositories: Repositories
    images: Images
    image_relations: ImageRelations
    tags: Tags
    referrer_listings: ReferrerListings
    layers: Layers
    pulls: PullLookups
    inventory: Inventory
    listings: Listings
    uploads: Uploads
    rules: PullThroughRules
    templates: CreationTemplates
    events: Events
    service_linked_roles: ServiceLinkedRoles
    registry_documents: RegistryDocuments
    image_documents: ImageDocuments
    scans: Scans
    known_findings: KnownFindings
    backfills: Backfills
    lifecycle_matches: LifecycleMatches
    lifecycle_previews: LifecyclePreviews
    tasks: Tasks

    def watch(self, repository: Repository) -> Watch | None:
        """Return a watch on a repository as this unit sees it.

        None if the unit may write, or if somebody has written since it began: the unit may see an older state.
        """

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the value that the state keeps under a name; ``make`` makes it at the first call.

        No reset deletes it, and no saved state has it. The unit must be one that may write.
        """


class Store(Protocol):
    """The metadata. A unit of work commits when its block ends normally, and rolls back on an exception.

    Eight methods: beside the units, it tells of commits and keeps what no reset deletes.
    """

    @property
    def other_nodes(self) -> OtherNodes | None:
        """The other nodes with the same metadata; None if this is the only one."""

    @property
    def next_due(self) -> datetime | None:
        """The time when the first task is due, as of the last commit; None if there is none. Reads no storage."""

    def at_commit(self, listener: Callable[[Sequence[Event]], None]) -> None:
        """Call ``listener`` with the new events after each commit that has events or that changes tasks.

        Listeners are called in the order of the commits, while no other thread can write. They must be quick and must
        neither raise nor open a unit.
        """

    def find_positions(self) -> dict[str, int]:
        """Return the key of the last event that each receiver has got, by the keys of the receivers."""

    def change_positions(self, change: Callable[[Mapping[str, int]], Mapping[str, int]]) -> None:
        """Replace the positions of all receivers by what a function makes of them. Raises ``StorageFailure``."""

    def remember_time(self, now: datetime) -> None:
        """Store the time, so that the clock does not go back after a restart. Raises ``StorageFailure``."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit that only reads. Many can be open at the same time, and none waits for a writing unit."""

    def joining(self) -> AbstractContextManager[UnitOfWork]:
        """Return the writing unit that this thread has open, to write to it; open one if it has none."""

    def writing(
        self, *, waits: bool = True, promised: bool | None = None, frees: bool = False
    ) -> AbstractContextManager[UnitOfWork]:
        """Open a unit that may write. Only one is open at a time. Raises ``StorageFailure``.

        A commit survives a loss of power. With ``promised=False`` it does so only after a later commit that does; use
        it for changes that clients would repeat. With ``waits=False`` the same holds, unless ``promised=True`` is
        given, and the unit fails at once if another program has locked the database; use it for changes that can be
        skipped or made later. With ``frees=True`` the unit may use the reserve of the disk; use it for deletions.
        """

"""The ports of the metadata: transactions, and the events and tasks among it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Task
from ecr_emulator.ports.images import ImageDocuments, ImageRelations, Images, KnownFindings, Scans, Tags
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
    LifecyclePreviews,
    ReferrerListings,
    Repositories,
    Uploads,
)


class Events(Protocol):
    """The log of the newest events; older ones are forgotten."""

    def add(self, event: Event) -> None:
        """Append."""

    def after(self, key: int, limit: int) -> list[Event]:
        """At most ``limit`` events that came after the one with this key, oldest first."""

    def latest(self, registry: Registry, detail_type: str, limit: int) -> list[Event]:
        """At most ``limit`` events of a registry of this type, newest first."""


class Tasks(Protocol):
    """Work to be done behind the client's back."""

    def add(self, task: Task) -> None:
        """Have it done when it is due; it replaces a task that waits under the same key."""

    def find(self, key: str) -> Task | None:
        """The task that waits under this key, or None."""

    def remove(self, key: str) -> None:
        """Forget a task; harmless if there is none."""

    def hasten(self, kind: str, now: datetime) -> int:
        """Make all tasks of a kind due, whenever they were to be done; how many there are."""

    def due(self, now: datetime) -> Task | None:
        """The task that has been due for longest."""


class UnitOfWork(Protocol):
    """One transaction and the door to everything stored."""

    repositories: Repositories
    images: Images
    image_relations: ImageRelations
    tags: Tags
    referrer_listings: ReferrerListings
    layers: Layers
    inventory: Inventory
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
    lifecycle_previews: LifecyclePreviews
    tasks: Tasks


class Store(Protocol):
    """The metadata. Leaving a block normally commits it; an exception rolls it back."""

    @property
    def next_due(self) -> datetime | None:
        """When the first task is due, as of the last commit; None if there is none. Costs nothing."""

    def remember_time(self, now: datetime) -> None:
        """Remember what time it is, so that a restart does not go back behind it. Raises ``StorageFailure``."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """A unit that only reads; many run side by side, and none waits for a writer."""

    def writing(
        self, *, waits: bool = True, promised: bool = True, frees: bool = False
    ) -> AbstractContextManager[UnitOfWork]:
        """A unit that may write; one at a time. Raises ``StorageFailure``.

        What it commits survives a loss of power. With ``promised=False`` it does so only together with a later commit
        that is promised: for what clients do again. With ``waits=False`` that is so, too, and the unit fails at once
        where another program holds the lock: for what can be left out or done later. With ``frees=True`` it may use
        the last room of the disk: for what makes room there.
        """

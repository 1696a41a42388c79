"""A transaction on the database, with access to all metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.images import ImageDocuments, ImageRelations, Images, KnownFindings, Scans, Tags
from ecr_emulator.ports.listings import Listings
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
from ecr_emulator.ports.store import Events, Tasks
from ecr_emulator.storage.backfills import SqlBackfills
from ecr_emulator.storage.connections import StoreConnection
from ecr_emulator.storage.documents import SqlImageDocuments, SqlRegistryDocuments
from ecr_emulator.storage.events import DEFAULT_SIZE, SqlEvents
from ecr_emulator.storage.image_relations import SqlImageRelations
from ecr_emulator.storage.images import SqlImages
from ecr_emulator.storage.inventory import SqlInventory
from ecr_emulator.storage.layers import SqlLayers
from ecr_emulator.storage.lifecycle_matches import SqlLifecycleMatches
from ecr_emulator.storage.listings import SqlListings
from ecr_emulator.storage.previews import SqlLifecyclePreviews
from ecr_emulator.storage.pulls import SqlPullLookups
from ecr_emulator.storage.referrer_listings import SqlReferrerListings
from ecr_emulator.storage.repositories import SqlRepositories
from ecr_emulator.storage.roles import SqlServiceLinkedRoles
from ecr_emulator.storage.rules import SqlPullThroughRules
from ecr_emulator.storage.scans import SqlKnownFindings, SqlScans
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import state
from ecr_emulator.storage.tags import SqlTags
from ecr_emulator.storage.tasks import SqlTasks
from ecr_emulator.storage.templates import SqlCreationTemplates
from ecr_emulator.storage.uploads import SqlUploads
from ecr_emulator.storage.watches import Watch, Watches

_STATE = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_REMOVE_STATE = Statement(delete(state).where(state.c.key == bindparam("at_key")))
_ADD_STATE = Statement(upsert(state).on_conflict_do_nothing())


class SqlUnitOfWork:
    """``ports.store.UnitOfWork`` on one connection, used for one transaction after another."""

    def __init__(self, connection: StoreConnection, watches: Watches, event_log_size: int = DEFAULT_SIZE) -> None:
        self.connection = connection
        self._watches = watches
        self._began_at: int | None = None
        self.repositories: Repositories = SqlRepositories(connection)
        self.images: Images = SqlImages(connection)
        self.image_relations: ImageRelations = SqlImageRelations(connection)
        self.tags: Tags = SqlTags(connection)
        self.referrer_listings: ReferrerListings = SqlReferrerListings(connection)
        self.layers: Layers = SqlLayers(connection)
        self.pulls: PullLookups = SqlPullLookups(connection)
        self.inventory: Inventory = SqlInventory(connection, lambda: self._began_at)
        self.listings: Listings = SqlListings(connection)
        self.uploads: Uploads = SqlUploads(connection)
        self.rules: PullThroughRules = SqlPullThroughRules(connection)
        self.templates: CreationTemplates = SqlCreationTemplates(connection)
        self.sql_events = SqlEvents(connection, event_log_size)
        self.events: Events = self.sql_events
        self.service_linked_roles: ServiceLinkedRoles = SqlServiceLinkedRoles(connection)
        self._registry_documents = SqlRegistryDocuments(connection)
        self.registry_documents: RegistryDocuments = self._registry_documents
        self.image_documents: ImageDocuments = SqlImageDocuments(connection)
        self.scans: Scans = SqlScans(connection)
        self.known_findings: KnownFindings = SqlKnownFindings(connection)
        self.backfills: Backfills = SqlBackfills(connection)
        self.lifecycle_matches: LifecycleMatches = SqlLifecycleMatches(connection)
        self.lifecycle_previews: LifecyclePreviews = SqlLifecyclePreviews(connection)
        self.sql_tasks = SqlTasks(connection)
        self.tasks: Tasks = self.sql_tasks

    def begin_reading(self) -> None:
        """Begin a transaction that sees one state of the database."""
        self._registry_documents.forget()
        self._began_at = self._watches.commits
        self.connection.begin_reading()

    def begin_writing(self, synced: bool) -> bool:
        """Begin a transaction that may write; see ``StoreConnection.begin_writing``."""
        self._registry_documents.forget()
        self._began_at = None
        self.connection.changes.clear()
        return self.connection.begin_writing(synced)

    @contextmanager
    def transaction(self) -> Iterator[StoreConnection]:
        """Commit the transaction at the end of the block; roll it back if the block raises."""
        try:
            yield self.connection
            with self._watches.ended_by(self.connection.changes):
                self.connection.commit()
        finally:
            if self.connection.in_transaction:
                self.connection.rollback()

    def watch(self, repository: Repository) -> Watch | None:
        return None if self._began_at is None else self._watches.watch(repository.key, self._began_at)

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        found = _STATE.one(self.connection, key=name)
        if found is None:
            _ADD_STATE.run(self.connection, key=name, value=make())
            found = _STATE.one(self.connection, key=name)
        value: bytes = found.value
        return value

    def has_kept(self, name: str) -> bool:
        """Return whether the state keeps a value under a name."""
        return _STATE.one(self.connection, key=name) is not None

    def forget_kept(self, name: str) -> None:
        """Forget the value that the state keeps under a name."""
        _REMOVE_STATE.run(self.connection, at_key=name)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

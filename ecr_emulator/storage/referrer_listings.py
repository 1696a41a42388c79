"""Referrers that upstreams listed: one row for each subject, with the listing as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.referrer import Referrer, ReferrerListing
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import referrer_listings as table

_of_repository = table.c.repository_id == bindparam("repository")
_FIND = Statement(select(table).where(_of_repository, table.c.subject == bindparam("about")))
_put = upsert(table)
_SAVE = Statement(_put.on_conflict_do_update(set_={name: _put.excluded[name] for name in table.c.keys()[2:]}))
_listed = func.json_each(table.c.referrers).table_valued("value")
_HAS = Statement(
    select(table.c.subject).where(_of_repository, func.json_extract(_listed.c.value, "$.digest") == bindparam("digest"))
)


_REMOVE_EMPTY = Statement(
    delete(table).where(table.c.validated_at < bindparam("before"), func.json_array_length(table.c.referrers) == 0)
)


class SqlReferrerListings:
    """``ports.repositories.ReferrerListings``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, repository: Repository, subject: str) -> ReferrerListing | None:
        row = _FIND.one(self._connection, repository=repository.key, about=subject)
        if row is None:
            return None
        validation = Validation(row.validated_at, row.attempted_at, row.failures, row.last_error)
        return ReferrerListing(subject, tuple(Referrer(**each) for each in row.referrers), validation)

    def save(self, repository: Repository, listing: ReferrerListing) -> None:
        _SAVE.run(
            self._connection,
            repository_id=repository.key,
            subject=listing.subject,
            referrers=[asdict(each) for each in listing.referrers],
            **asdict(listing.validation),
        )

    def has(self, repository: Repository, digest: str) -> bool:
        return _HAS.one(self._connection, repository=repository.key, digest=digest) is not None

    def remove_empty(self, before: datetime) -> None:
        _REMOVE_EMPTY.run(self._connection, before=before)

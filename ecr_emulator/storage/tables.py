"""The tables of the database. ``migrations`` creates them; a test compares the two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy import Integer as AnyInteger
from sqlalchemy import String as AnyString
from sqlalchemy.engine import Dialect
from sqlalchemy.types import UserDefinedType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

String = AnyString().with_variant(AnyString(collation="C"), "postgresql")
"""Text in the order of its code points: lists are paged by it."""
Integer = AnyInteger().with_variant(BigInteger(), "postgresql")
"""An integer of 64 bits, as all of SQLite's are."""


class Instant(UserDefinedType[datetime]):
    """An aware datetime in UTC, stored as whole milliseconds since 1970."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "INTEGER"

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return _milliseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return instant_of


def _milliseconds(value: datetime | None) -> int | None:
    return None if value is None else (value - _EPOCH) // _MILLISECOND


def instant_of(value: int | None) -> datetime | None:
    """Return the instant that is stored as these milliseconds."""
    return None if value is None else _EPOCH + value * _MILLISECOND


metadata = MetaData()


def _required(name: str, kind: Any, *constraints: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *constraints, nullable=False, **options)


def _owner() -> ForeignKey:
    return ForeignKey("repositories.id", ondelete="CASCADE")


repositories = Table(
    "repositories",
    metadata,
    Column("id", Integer, primary_key=True),
    _required("account", String),
    _required("region", String),
    _required("name", String),
    _required("created_at", Instant),
    _required("tag_mutability", String),
    _required("exclusion_filters", JSON),
    _required("encryption_type", String),
    Column("kms_key", String),
    _required("scan_on_push", Boolean),
    Column("policy", String),
    Column("lifecycle_policy", String),
    _required("resource_tags", JSON),
    Column("lifecycle_evaluated_at", Instant),
    _required("image_count", Integer, server_default="0"),
    _required("layer_bytes", Integer, server_default="0"),
    UniqueConstraint("account", "region", "name"),
    # Keys are never reused: a kept key of a deleted repository must not find another repository.
    sqlite_autoincrement=True,
)

repository_counts = Table(
    "repository_counts",
    metadata,
    Column("account", String, primary_key=True, nullable=False),
    Column("region", String, primary_key=True, nullable=False),
    _required("number", Integer),
    sqlite_with_rowid=False,
)

_HAS_SUBJECT = text("subject IS NOT NULL")

manifests = Table(
    "manifests",
    metadata,
    Column("digest", String, primary_key=True, nullable=False),
    _required("raw", LargeBinary),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    _required("repository_id", Integer, _owner()),
    _required("digest", String),
    _required("media_type", String),
    Column("artifact_media_type", String),
    Column("subject", String),
    _required("size_in_bytes", Integer),
    _required("pushed_at", Instant),
    Column("last_pulled_at", Instant),
    _required("status", String),
    Column("last_archived_at", Instant),
    Column("last_activated_at", Instant),
    _required("is_tagged", Boolean, server_default="0"),
    UniqueConstraint("repository_id", "digest"),
    Index("images_by_status", "repository_id", "is_tagged", "status", "digest"),
    Index("images_by_subject", "repository_id", "subject", "digest", sqlite_where=_HAS_SUBJECT),
    Index("images_by_digest", "digest"),
    Index("images_by_push", "repository_id", "pushed_at"),
    sqlite_autoincrement=True,
)

tags = Table(
    "tags",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    Column("tag", String, primary_key=True, nullable=False),
    _required("image_id", Integer, ForeignKey("images.id", ondelete="CASCADE")),
    _required("tagged_at", Instant),
    Index("tags_by_image", "image_id", "tag"),
    sqlite_with_rowid=False,
)

validations = Table(
    "validations",
    metadata,
    Column("repository_id", Integer, primary_key=True, nullable=False),
    Column("tag", String, primary_key=True, nullable=False),
    _required("validated_at", Instant),
    Column("attempted_at", Instant),
    _required("failures", Integer),
    Column("last_error", String),
    ForeignKeyConstraint(["repository_id", "tag"], ["tags.repository_id", "tags.tag"], ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

image_references = Table(
    "image_references",
    metadata,
    Column("image_id", Integer, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("position", Integer, primary_key=True, nullable=False),
    _required("repository_id", Integer),
    _required("kind", String),
    _required("digest", String),
    _required("size", Integer),
    _required("media_type", String),
    Index("image_references_by_digest", "repository_id", "digest", "kind"),
    sqlite_with_rowid=False,
)

referrer_listings = Table(
    "referrer_listings",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    Column("subject", String, primary_key=True, nullable=False),
    _required("referrers", JSON),
    _required("validated_at", Instant),
    Column("attempted_at", Instant),
    _required("failures", Integer),
    Column("last_error", String),
    sqlite_with_rowid=False,
)

layers = Table(
    "layers",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    Column("digest", String, primary_key=True, nullable=False),
    _required("size", Integer),
    _required("added_at", Instant),
    Index("layers_by_digest", "digest", "size"),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String, primary_key=True, nullable=False),
    _required("repository_id", Integer, _owner()),
    _required("touched_at", Instant),
    _required("size", Integer),
    _required("parts", Integer),
    _required("last_part_size", Integer),
    _required("has_small_part", Boolean),
    _required("first_part_size", Integer, server_default="0"),
    Index("uploads_by_repository", "repository_id"),
    sqlite_with_rowid=False,
)

pull_through_rules = Table(
    "pull_through_rules",
    metadata,
    Column("account", String, primary_key=True, nullable=False),
    Column("region", String, primary_key=True, nullable=False),
    Column("prefix", String, primary_key=True, nullable=False),
    _required("url", String),
    _required("upstream", String),
    _required("created_at", Instant),
    _required("updated_at", Instant),
    Column("credential_arn", String),
    Column("custom_role_arn", String),
    Column("upstream_prefix", String),
    sqlite_with_rowid=False,
)

creation_templates = Table(
    "creation_templates",
    metadata,
    Column("account", String, primary_key=True, nullable=False),
    Column("region", String, primary_key=True, nullable=False),
    Column("prefix", String, primary_key=True, nullable=False),
    _required("applied_for", JSON),
    _required("created_at", Instant),
    _required("updated_at", Instant),
    Column("description", String),
    _required("encryption_type", String),
    Column("kms_key", String),
    _required("tag_mutability", String),
    _required("exclusion_filters", JSON),
    Column("repository_policy", String),
    Column("lifecycle_policy", String),
    _required("resource_tags", JSON),
    Column("custom_role_arn", String),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    _required("account", String),
    _required("region", String),
    _required("time", Instant),
    _required("detail_type", String),
    _required("detail", JSON),
    _required("resources", JSON),
    sqlite_autoincrement=True,
)

service_linked_roles = Table(
    "service_linked_roles",
    metadata,
    Column("account", String, primary_key=True, nullable=False),
    Column("service", String, primary_key=True, nullable=False),
    sqlite_with_rowid=False,
)

registry_documents = Table(
    "registry_documents",
    metadata,
    Column("account", String, primary_key=True, nullable=False),
    Column("region", String, primary_key=True, nullable=False),
    Column("name", String, primary_key=True, nullable=False),
    _required("document", JSON),
    sqlite_with_rowid=False,
)

AWAITED_IMAGES = "name = 'pull-through-import' AND document = '\"AWAITED\"'"
"""The condition of the documents of images for which a cached tag waits (``services.import_status``)."""

image_documents = Table(
    "image_documents",
    metadata,
    Column("image_id", Integer, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("name", String, primary_key=True, nullable=False),
    _required("document", JSON),
    Index("images_awaited", "image_id", sqlite_where=text(AWAITED_IMAGES)),
    sqlite_with_rowid=False,
)

lifecycle_previews = Table(
    "lifecycle_previews",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    _required("policy", String),
    _required("started_at", Instant),
    _required("status", String),
    sqlite_with_rowid=False,
)

lifecycle_preview_results = Table(
    "lifecycle_preview_results",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    Column("position", Integer, primary_key=True, nullable=False),
    _required("result", JSON),
    sqlite_with_rowid=False,
)

lifecycle_matches = Table(
    "lifecycle_matches",
    metadata,
    Column("repository_id", Integer, _owner(), primary_key=True, nullable=False),
    Column("rule", Integer, primary_key=True, nullable=False),
    Column("is_complete", Boolean, primary_key=True, nullable=False),
    Column("since", Instant, primary_key=True, nullable=False),
    Column("digest", String, primary_key=True, nullable=False),
    _required("is_free", Boolean),
    sqlite_with_rowid=False,
)

image_scans = Table(
    "image_scans",
    metadata,
    Column("image_id", Integer, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    _required("started_at", Instant),
    _required("status", String),
    Column("description", String),
    Column("completed_at", Instant),
    _required("findings", JSON),
    Column("source_updated_at", Instant),
    sqlite_with_rowid=False,
)

known_findings = Table(
    "known_findings",
    metadata,
    Column("digest", String, primary_key=True, nullable=False),
    _required("findings", JSON),
    Column("enhanced_findings", JSON),
    sqlite_with_rowid=False,
)

replication_backfills = Table(
    "replication_backfills",
    metadata,
    Column("id", String, primary_key=True, nullable=False),
    _required("account", String),
    _required("region", String),
    _required("destination_account", String),
    _required("destination_region", String),
    _required("status", String),
    Column("failure_code", String),
    _required("started_at", Instant),
    Column("ended_at", Instant),
    _required("results", JSON),
    Index("replication_backfills_by_registry", "account", "region", "started_at"),
    sqlite_with_rowid=False,
)

tasks = Table(
    "tasks",
    metadata,
    Column("key", String, primary_key=True, nullable=False),
    _required("kind", String),
    _required("due_at", Instant),
    _required("arguments", JSON),
    Column("account", String),
    Column("region", String),
    Column("repository", String),
    Column("to_account", String),
    Column("to_region", String),
    Index("tasks_by_time", "due_at", "key"),
    Index("tasks_by_repository", "repository", "due_at"),
    sqlite_with_rowid=False,
)

state = Table(
    "state",
    metadata,
    Column("key", String, primary_key=True, nullable=False),
    _required("value", LargeBinary),
    sqlite_with_rowid=False,
)

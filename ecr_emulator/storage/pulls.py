"""The query of pulls: it joins the repository with the image or the blob that a client asks for.

The rules and the exclusions of the registry are two more columns of the same row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from ecr_emulator.domain.image import ACTIVE, ImageId, Layer, StoredManifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_time_exclusions import DOCUMENT as EXCLUSIONS
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.ports.pulls import PullableImage, PullContext
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.layers import IS_ACTIVE, MEDIA_TYPE, layer_of
from ecr_emulator.storage.repositories import repository_of
from ecr_emulator.storage.rules import RULES, SqlPullThroughRules, rules_in
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import (
    images,
    layers,
    manifests,
    registry_documents,
    repositories,
    tags,
    validations,
)

_this_repository = (
    repositories.c.account == bindparam("account"),
    repositories.c.region == bindparam("region"),
    repositories.c.name == bindparam("of_name"),
)
_facts = (
    images.c.id.label("image_key"), images.c.digest, images.c.media_type, images.c.status, images.c.last_pulled_at,
    manifests.c.raw,
)  # fmt: skip
_of_tag = validations.c.validated_at, validations.c.attempted_at, validations.c.failures, validations.c.last_error


_of_registry = select(registry_documents.c.document).where(
    registry_documents.c.account == bindparam("account"),
    registry_documents.c.region == bindparam("region"),
    registry_documents.c.name == EXCLUSIONS,
)
_exclusions = _of_registry.scalar_subquery().label("exclusions")
_EXCLUSIONS = Statement(_of_registry)


def _in_repository(*columns: Any) -> Select[Any]:
    """Return the query for a repository with its registry's rules and these columns."""
    return select(repositories, RULES, *columns).select_from(repositories).where(*_this_repository)


_manifest = manifests.c.digest == images.c.digest
_BY_TAG = Statement(
    _in_repository(*_facts, _exclusions, *_of_tag)
    .outerjoin(tags, and_(tags.c.repository_id == repositories.c.id, tags.c.tag == bindparam("in_tag")))
    .outerjoin(images, images.c.id == tags.c.image_id)
    .outerjoin(manifests, _manifest)
    .outerjoin(validations, and_(validations.c.repository_id == tags.c.repository_id, validations.c.tag == tags.c.tag))
)
_BY_DIGEST = Statement(
    _in_repository(*_facts, _exclusions)
    .outerjoin(images, and_(images.c.repository_id == repositories.c.id, images.c.digest == bindparam("at_digest")))
    .outerjoin(manifests, _manifest)
)
_LAYER = Statement(
    _in_repository(layers.c.size, layers.c.added_at, MEDIA_TYPE, IS_ACTIVE).outerjoin(
        layers, and_(layers.c.repository_id == repositories.c.id, layers.c.digest == bindparam("at_digest"))
    )
)


class SqlPullLookups:
    """``ports.pulls.PullLookups``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rules = SqlPullThroughRules(connection)

    def image(self, registry: Registry, name: str, image_id: ImageId) -> tuple[PullContext, PullableImage | None]:
        place = {"account": registry.id, "region": registry.region, "of_name": name}
        if image_id.tag is None:
            row = _BY_DIGEST.one(self._connection, **place, at_digest=image_id.digest)
        else:
            row = _BY_TAG.one(self._connection, **place, in_tag=image_id.tag)
        if row is None:
            return self._no_repository(registry), None
        context = PullContext(repository_of(registry, row), rules_in(row.rules, registry), row.exclusions or ())
        if row.image_key is None:
            return context, None
        manifest = StoredManifest(row.digest, row.media_type, row.raw)
        validation = None if image_id.tag is None else _validation(row)
        return context, PullableImage(row.image_key, manifest, row.status == ACTIVE, row.last_pulled_at, validation)

    def layer(self, registry: Registry, name: str, digest: str) -> tuple[PullContext, Layer | None]:
        place = {"account": registry.id, "region": registry.region, "of_name": name}
        row = _LAYER.one(self._connection, **place, at_digest=digest)
        if row is None:
            return self._no_repository(registry), None
        context = PullContext(repository_of(registry, row), rules_in(row.rules, registry))
        return context, None if row.size is None else layer_of(digest, row)

    def _no_repository(self, registry: Registry) -> PullContext:
        exclusions = _EXCLUSIONS.one(self._connection, account=registry.id, region=registry.region)
        return PullContext(None, self._rules.all(registry), exclusions.document if exclusions else ())


def _validation(row: Any) -> Validation | None:
    if row.validated_at is None:
        return None
    return Validation(row.validated_at, row.attempted_at, row.failures, row.last_error)

"""The stored scans of images, and the findings that users have told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.domain.findings import ToldFindings
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.scanning import Scan
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_scans, images, known_findings, repositories

_of_image = image_scans.c.image_id == bindparam("key")
_put_scan = upsert(image_scans)
_FIND = Statement(select(image_scans).where(_of_image))
_SAVE = Statement(
    _put_scan.on_conflict_do_update(
        set_={
            name: _put_scan.excluded[name]
            for name in ("started_at", "status", "description", "completed_at", "findings", "source_updated_at")
        }
    )
)
_REMOVE = Statement(delete(image_scans).where(_of_image))
_COUNT = Statement(
    select(func.count().label("number"))
    .select_from(image_scans)
    .join(images, images.c.id == image_scans.c.image_id)
    .join(repositories, repositories.c.id == images.c.repository_id)
    .where(
        image_scans.c.started_at > bindparam("since"),
        repositories.c.account == bindparam("in_account"),
        repositories.c.region == bindparam("in_region"),
    )
)

_of_digest = known_findings.c.digest == bindparam("of_digest")
_put_findings = upsert(known_findings)
_FIND_FINDINGS = Statement(select(known_findings.c.findings, known_findings.c.enhanced_findings).where(_of_digest))
_PUT_FINDINGS = Statement(
    _put_findings.on_conflict_do_update(
        set_={name: _put_findings.excluded[name] for name in ("findings", "enhanced_findings")}
    )
)
_REMOVE_FINDINGS = Statement(delete(known_findings).where(_of_digest))


class SqlScans:
    """``ports.images.Scans``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, image: Image) -> Scan | None:
        row = _FIND.one(self._connection, key=image.key)
        if row is None:
            return None
        return Scan(
            row.started_at,
            row.status,
            row.description,
            row.completed_at,
            tuple(row.findings),
            row.source_updated_at,
        )

    def save(self, image: Image, scan: Scan) -> None:
        _SAVE.run(
            self._connection,
            image_id=image.key,
            started_at=scan.started_at,
            status=scan.status,
            description=scan.description,
            completed_at=scan.completed_at,
            findings=scan.findings,
            source_updated_at=scan.source_updated_at,
        )

    def remove(self, image: Image) -> None:
        _REMOVE.run(self._connection, key=image.key)

    def count_since(self, registry: Registry, since: datetime) -> int:
        place = {"in_account": registry.id, "in_region": registry.region}
        number: int = _COUNT.one(self._connection, **place, since=since).number
        return number


class SqlKnownFindings:
    """``ports.images.KnownFindings``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, digest: str) -> ToldFindings | None:
        row = _FIND_FINDINGS.one(self._connection, of_digest=digest)
        return None if row is None else ToldFindings(row.findings, row.enhanced_findings)

    def put(self, digest: str, told: ToldFindings) -> None:
        _PUT_FINDINGS.run(
            self._connection, digest=digest, findings=told.findings, enhanced_findings=told.enhanced_findings
        )

    def remove(self, digest: str) -> None:
        _REMOVE_FINDINGS.run(self._connection, of_digest=digest)

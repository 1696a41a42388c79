"""Replication backfills."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.backfill import Backfill
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import ReplicationBackfillNotFoundException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.backfills import start_backfill, stop_backfill

LIST_LIMIT = 25
DISTANT_FUTURE = 10_000_000_000
"""Epoch seconds later than every backfill. The seconds until then are smallest for the newest backfill."""
POSITION_DIGITS = 10
"""Digits of a replication's position in its backfill, as a sort key."""


@operation
def start_replication_backfill(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html"""
    destination = Registry(members["destination"]["registryId"], members["destination"]["region"])
    backfill = Backfill(request.services.ids.uuid(), request.registry, destination, "PREPARING", request.now)
    with request.services.store.writing() as work:
        start_backfill(work, backfill, request.now)
    return _identified(backfill)


@operation
def stop_replication_backfill(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StopReplicationBackfill.html"""
    with request.services.store.writing() as work:
        return _identified(stop_backfill(work, _backfill(work, request, members), request.now))


@operation
def describe_replication_backfill_results(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeReplicationBackfillResults.html

    Results of single replications are listed only after the backfill has ended.
    """
    page = Page(request, members)
    with request.services.store.reading() as work:
        backfill = _backfill(work, request, members)
    wanted = members.get("resultStatusFilter")
    numbered = [
        (f"{position:0{POSITION_DIGITS}}", replication)
        for position, replication in enumerate(backfill.replications if backfill.has_ended else ())
        if "status" in replication and wanted in (None, replication["status"])
    ]
    results, token = page.choose(numbered, lambda result: result[0])
    return {
        **_identified(backfill),
        "failureCode": backfill.failure_code,
        "progress": _progress(backfill),
        "results": [_result(replication) for _, replication in results],
        "endedAt": backfill.ended_at,
        "nextToken": token,
    }


@operation
def list_replication_backfills(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html

    Lists the newest first.
    """
    page = Page(request, members, LIST_LIMIT)
    with request.services.store.reading() as work:
        backfills = [each for each in work.backfills.all(request.registry) if not each.is_forgotten(request.now)]
    chosen, token = page.choose(backfills, _newest_first)
    return {
        "registryId": request.registry.id,
        "backfills": [_summary(backfill) for backfill in chosen],
        "nextToken": token,
    }


def _newest_first(backfill: Backfill) -> str:
    return f"{DISTANT_FUTURE - backfill.started_at.timestamp():015.3f} {backfill.id}"


def _backfill(work: UnitOfWork, request: EcrRequest, members: dict[str, Any]) -> Backfill:
    found = work.backfills.find(request.registry, members["replicationBackfillId"])
    if found is None or found.is_forgotten(request.now):
        raise ReplicationBackfillNotFoundException
    return found


def _identified(backfill: Backfill) -> dict[str, Any]:
    return {
        "registryId": backfill.registry.id,
        "replicationBackfillId": backfill.id,
        "destination": {"region": backfill.destination.region, "registryId": backfill.destination.id},
        "status": backfill.status,
        "startedAt": backfill.started_at,
    }


def _summary(backfill: Backfill) -> dict[str, Any]:
    identified = _identified(backfill)
    del identified["registryId"]
    return {
        **identified,
        "failureCode": backfill.failure_code,
        "progress": _progress(backfill),
        "endedAt": backfill.ended_at,
    }


def _progress(backfill: Backfill) -> dict[str, Any] | None:
    """Return the counts of replications by status; None before the replications are listed."""
    if backfill.status == "PREPARING" or (backfill.status == "STOPPED" and not backfill.replications):
        return None
    codes = (replication.get("failureCode") for replication in backfill.replications)
    return {
        "totalReplicationCount": len(backfill.replications),
        "completedReplicationCount": backfill.count("COMPLETE"),
        "failedReplicationCount": backfill.count("FAILED"),
        "failureCodes": sorted({code for code in codes if code}),
    }


def _result(replication: dict[str, Any]) -> dict[str, Any]:
    return {
        "repositoryName": replication["repositoryName"],
        "imageId": replication["imageId"],
        "status": replication["status"],
        "failureCode": replication.get("failureCode"),
    }

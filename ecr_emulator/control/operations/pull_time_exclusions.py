"""Principals whose pulls are not recorded."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.call import Call, operation
from ecr_emulator.control.pages import Page
from ecr_emulator.domain.pull_time_exclusions import DOCUMENT, MAX_EXCLUSIONS
from ecr_emulator.errors import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    InvalidParameterException,
    LimitExceededException,
)
from ecr_emulator.ports import UnitOfWork


@operation
def register_pull_time_update_exclusion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html

    Principals of other partitions are refused: none of them could ever pull here.
    """
    arn: str = request["principalArn"]
    if not arn.startswith(f"arn:{call.registry.partition}:"):
        raise InvalidParameterException.at("principalArn", "Invalid ARN")
    with call.services.store.writing() as work:
        exclusions = _exclusions(work, call)
        if arn in exclusions:
            raise ExclusionAlreadyExistsException
        if len(exclusions) >= MAX_EXCLUSIONS:
            raise LimitExceededException
        work.registry_documents.put(call.registry, DOCUMENT, sorted([*exclusions, arn]))
    return {"principalArn": arn, "createdAt": call.now}


@operation
def deregister_pull_time_update_exclusion(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeregisterPullTimeUpdateExclusion.html"""
    arn = request["principalArn"]
    with call.services.store.writing() as work:
        exclusions = _exclusions(work, call)
        if arn not in exclusions:
            raise ExclusionNotFoundException
        work.registry_documents.put(call.registry, DOCUMENT, [each for each in exclusions if each != arn])
    return {"principalArn": arn}


@operation
def list_pull_time_update_exclusions(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html"""
    page = Page(call, request)
    with call.services.store.reading() as work:
        exclusions, token = page.choose(_exclusions(work, call), lambda arn: arn)
    return {"pullTimeUpdateExclusions": exclusions, "nextToken": token}


def _exclusions(work: UnitOfWork, call: Call) -> list[str]:
    return work.registry_documents.find(call.registry, DOCUMENT) or []

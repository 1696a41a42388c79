"""Principals whose pulls are not recorded."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.pull_time_exclusions import DOCUMENT, MAX_EXCLUSIONS
from ecr_emulator.errors import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    InvalidParameterException,
    LimitExceededException,
)
from ecr_emulator.ports.store import UnitOfWork


@operation
def register_pull_time_update_exclusion(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html

    Principals of other partitions are rejected, because they cannot pull from this registry.
    """
    arn: str = members["principalArn"]
    if not arn.startswith(f"arn:{request.registry.partition}:"):
        raise InvalidParameterException.at("principalArn", "Invalid ARN")
    with request.services.store.writing() as work:
        exclusions = _exclusions(work, request)
        if arn in exclusions:
            raise ExclusionAlreadyExistsException
        if len(exclusions) >= MAX_EXCLUSIONS:
            raise LimitExceededException
        work.registry_documents.put(request.registry, DOCUMENT, sorted([*exclusions, arn]))
    return {"principalArn": arn, "createdAt": request.now}


@operation
def deregister_pull_time_update_exclusion(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeregisterPullTimeUpdateExclusion.html"""
    arn = members["principalArn"]
    with request.services.store.writing() as work:
        exclusions = _exclusions(work, request)
        if arn not in exclusions:
            raise ExclusionNotFoundException
        work.registry_documents.put(request.registry, DOCUMENT, [each for each in exclusions if each != arn])
    return {"principalArn": arn}


@operation
def list_pull_time_update_exclusions(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html"""
    page = Page(request, members)
    with request.services.store.reading() as work:
        exclusions, token = page.choose(_exclusions(work, request), lambda arn: arn)
    return {"pullTimeUpdateExclusions": exclusions, "nextToken": token}


def _exclusions(work: UnitOfWork, request: EcrRequest) -> list[str]:
    return work.registry_documents.find(request.registry, DOCUMENT) or []

"""Replication: its configuration, and the replication status of images."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import get_image, read_image_id
from ecr_emulator.control.regions import is_region
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.replication import DOCUMENT, MAX_DESTINATIONS, destinations
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services.replication import configuration_of, replication_statuses


@operation
def describe_registry(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html"""
    with request.services.store.reading() as work:
        configuration = configuration_of(work, request.registry)
    return {"registryId": request.registry.id, "replicationConfiguration": configuration}


@operation
def put_replication_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html

    Only images that are pushed later are replicated. A backfill replicates existing images.
    """
    configuration = members["replicationConfiguration"]
    named = destinations(configuration)
    for destination in named:
        _check_destination(request.registry, destination)
    if len(named) > MAX_DESTINATIONS:
        raise _invalid(f"The number of unique destinations must not exceed {MAX_DESTINATIONS}")
    with request.services.store.writing() as work:
        work.registry_documents.put(request.registry, DOCUMENT, configuration)
    if named:
        request.services.roles.ensure_service_linked_role(request.registry.id, service_linked_roles.REPLICATION)
    return {"replicationConfiguration": configuration}


@operation
def describe_image_replication_status(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageReplicationStatus.html"""
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        statuses = replication_statuses(work, get_image(work, repository, read_image_id(members["imageId"])))
    return {
        "repositoryName": repository.name,
        "imageId": members["imageId"],
        "replicationStatuses": statuses,
    }


def _check_destination(source: Registry, destination: Registry) -> None:
    if not is_region(destination.region, source.partition):
        raise _invalid(f"Invalid region '{destination.region}'")
    if destination == source:
        raise _invalid("Replication destination cannot be the same as the source registry")


def _invalid(reason: str) -> InvalidParameterException:
    return InvalidParameterException.at("replicationConfiguration", reason)

"""Resource tags of repositories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.resource_tags import checked_count, described_tags, read_tags
from ecr_emulator.domain.names import parse_repository_arn
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import InvalidParameterException, RepositoryNotFoundException
from ecr_emulator.ports.store import UnitOfWork


@operation
def tag_resource(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html"""
    with request.services.store.writing() as work:
        repository = _repository(work, request, members["resourceArn"])
        tags = checked_count(repository.resource_tags | read_tags(members["tags"]))
        work.repositories.save(replace(repository, resource_tags=tags))
    return {}


@operation
def untag_resource(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UntagResource.html"""
    gone = set(members["tagKeys"])
    with request.services.store.writing() as work:
        repository = _repository(work, request, members["resourceArn"])
        tags = {key: value for key, value in repository.resource_tags.items() if key not in gone}
        work.repositories.save(replace(repository, resource_tags=tags))
    return {}


@operation
def list_tags_for_resource(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html"""
    with request.services.store.reading() as work:
        repository = _repository(work, request, members["resourceArn"])
    return {"tags": described_tags(repository.resource_tags)}


def _repository(work: UnitOfWork, request: EcrRequest, arn: str) -> Repository:
    """Return the repository of an ARN.

    Raises ``RepositoryNotFoundException`` also for an ARN of another Region or another partition.
    """
    parsed = parse_repository_arn(arn)
    if parsed is None:
        raise InvalidParameterException.at("resourceArn", "Invalid ARN")
    registry, name = parsed
    if registry.region != request.registry.region or registry.arn(name) != arn:
        raise RepositoryNotFoundException(repository_name=name, registry_id=registry.id)
    return work.repositories.get(registry, name)

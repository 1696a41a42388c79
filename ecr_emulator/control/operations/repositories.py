"""Repositories: create, describe and delete them, and set their tag mutability."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page, check_no_paging
from ecr_emulator.control.repository_settings import (
    described_encryption,
    described_mutability,
    read_encryption,
    read_mutability,
)
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.resource_tags import read_tags
from ecr_emulator.domain.encryption_keys import key_arn_of
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    AccessDeniedException,
    KmsException,
    RepositoryAlreadyExistsException,
)
from ecr_emulator.services import repository_deletions
from ecr_emulator.services.access import RequiredAction

GRANTS_NOT_RETIRED = (
    "The repository [{name}] has been deleted successfully but the grants created by the kmsKey [{key}] "
    "failed to be retired"
)


@operation
def create_repository(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html"""
    name = members["repositoryName"]
    with request.services.store.writing() as work:
        # ECR reports an existing repository before it checks the other members of the request.
        if work.repositories.find(request.registry, name):
            raise RepositoryAlreadyExistsException(repository_name=name, registry_id=request.registry.id)
        repository = Repository(
            registry=request.registry,
            name=name,
            created_at=request.now,
            mutability=read_mutability(members),
            encryption=read_encryption(members, request.registry.region),
            scan_on_push=members.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            resource_tags=read_tags(members.get("tags", [])),
        )
        created = request.services.new_repositories.add(work, repository, request.permissions)
    return {"repository": _described(request, created)}


@operation
def describe_repositories(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html"""
    names = members.get("repositoryNames")
    with request.services.store.reading() as work:
        if names is None:
            page = Page(request, members)
            found = work.repositories.page(request.registry, page.after, page.limit + 1)
            repositories, token = page.cut(found, lambda repository: repository.name)
        else:
            check_no_paging(members, "repositoryNames")
            repositories, token = [work.repositories.get(request.registry, name) for name in dict.fromkeys(names)], None
    return {"repositories": [_described(request, repository) for repository in repositories], "nextToken": token}


@operation
def delete_repository(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html"""
    name, is_forced = members["repositoryName"], members.get("force", False)
    store = request.services.store
    repository = repository_deletions.delete_repository(
        store, request.registry, name, request.now, with_images=is_forced
    )
    _retire_grants(request, repository)
    return {"repository": _described(request, repository)}


@operation
def put_image_tag_mutability(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html"""
    with request.services.store.writing() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        mutability = read_mutability(members)
        work.repositories.save(replace(repository, mutability=mutability))
    return {
        "registryId": request.registry.id,
        "repositoryName": repository.name,
        **described_mutability(mutability),
    }


def _retire_grants(request: EcrRequest, repository: Repository) -> None:
    """Retire the grants on the key of a repository that was deleted.

    Raises ``KmsException`` if the caller may not retire them. They stay then, and the repository stays deleted.
    """
    key = key_arn_of(repository.encryption, repository.registry)
    if key is None:
        return
    if not request.permissions.may(RequiredAction("kms:RetireGrant", key)):
        raise KmsException(
            GRANTS_NOT_RETIRED.format(name=repository.name, key=key), kms_error=AccessDeniedException.__name__
        )
    request.services.keys.retire_grants(repository)


def _described(request: EcrRequest, repository: Repository) -> dict[str, Any]:
    registry, addresses = repository.registry, request.services.addresses
    return {
        "repositoryArn": repository.arn,
        "registryId": registry.id,
        "repositoryName": repository.name,
        "repositoryUri": addresses.repository_uri(registry, repository.name, request.host, request.caller.registry),
        "createdAt": repository.created_at,
        **described_mutability(repository.mutability),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": described_encryption(repository.encryption, registry),
    }

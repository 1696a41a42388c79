"""Repository policies and the registry policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.policy_document import (
    REGISTRY_POLICY,
    locks_out,
    read_registry_policy,
    read_repository_policy,
)
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    InvalidParameterException,
    RegistryPolicyNotFoundException,
    RepositoryPolicyNotFoundException,
)
from ecr_emulator.ports.store import UnitOfWork

_LOCK_OUT = "The policy would prevent you from setting another policy in the future; use force to set it nevertheless"


@operation
def set_repository_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html"""
    policy = read_repository_policy(members["policyText"], request.registry)
    if locks_out(policy, request.caller.principal_arn) and not members.get("force"):
        raise InvalidParameterException.at("PolicyText", _LOCK_OUT)
    with request.services.store.writing() as work:
        repository = replace(work.repositories.get(request.registry, members["repositoryName"]), policy=policy.text)
        work.repositories.save(repository)
    return _answer(repository)


@operation
def get_repository_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html"""
    with request.services.store.reading() as work:
        repository = _with_policy(work, request, members)
    return _answer(repository)


@operation
def delete_repository_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html"""
    with request.services.store.writing() as work:
        repository = _with_policy(work, request, members)
        work.repositories.save(replace(repository, policy=None))
    return _answer(repository)


@operation
def put_registry_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html"""
    policy = read_registry_policy(members["policyText"], request.registry)
    with request.services.store.writing() as work:
        work.registry_documents.put(request.registry, REGISTRY_POLICY, policy.text)
    return {"registryId": request.registry.id, "policyText": policy.text}


@operation
def get_registry_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html"""
    with request.services.store.reading() as work:
        text = _registry_policy(work, request)
    return {"registryId": request.registry.id, "policyText": text}


@operation
def delete_registry_policy(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html"""
    with request.services.store.writing() as work:
        text = _registry_policy(work, request)
        work.registry_documents.remove(request.registry, REGISTRY_POLICY)
    return {"registryId": request.registry.id, "policyText": text}


def _with_policy(work: UnitOfWork, request: EcrRequest, members: dict[str, Any]) -> Repository:
    repository = work.repositories.get(request.registry, members["repositoryName"])
    if repository.policy is None:
        raise RepositoryPolicyNotFoundException(**repository.identity)
    return repository


def _registry_policy(work: UnitOfWork, request: EcrRequest) -> str:
    text: str | None = work.registry_documents.find(request.registry, REGISTRY_POLICY)
    if text is None:
        raise RegistryPolicyNotFoundException(registry_id=request.registry.id)
    return text


def _answer(repository: Repository) -> dict[str, Any]:
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "policyText": repository.policy,
    }

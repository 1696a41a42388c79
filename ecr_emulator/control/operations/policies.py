"""The policies of repositories and of the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.call import Call, operation
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
from ecr_emulator.ports import UnitOfWork

_LOCK_OUT = "The policy would prevent you from setting another policy in the future; use force to set it nevertheless"


@operation
def set_repository_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html"""
    policy = read_repository_policy(request["policyText"], call.registry)
    if locks_out(policy, call.caller.principal_arn) and not request.get("force"):
        raise InvalidParameterException.at("PolicyText", _LOCK_OUT)
    with call.services.store.writing() as work:
        repository = replace(work.repositories.get(call.registry, request["repositoryName"]), policy=policy.text)
        work.repositories.save(repository)
    return _answer(repository)


@operation
def get_repository_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html"""
    with call.services.store.reading() as work:
        repository = _with_policy(work, call, request)
    return _answer(repository)


@operation
def delete_repository_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html"""
    with call.services.store.writing() as work:
        repository = _with_policy(work, call, request)
        work.repositories.save(replace(repository, policy=None))
    return _answer(repository)


@operation
def put_registry_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html"""
    policy = read_registry_policy(request["policyText"], call.registry)
    with call.services.store.writing() as work:
        work.registry_documents.put(call.registry, REGISTRY_POLICY, policy.text)
    return {"registryId": call.registry.id, "policyText": policy.text}


@operation
def get_registry_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html"""
    with call.services.store.reading() as work:
        text = _registry_policy(work, call)
    return {"registryId": call.registry.id, "policyText": text}


@operation
def delete_registry_policy(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html"""
    with call.services.store.writing() as work:
        text = _registry_policy(work, call)
        work.registry_documents.remove(call.registry, REGISTRY_POLICY)
    return {"registryId": call.registry.id, "policyText": text}


def _with_policy(work: UnitOfWork, call: Call, request: dict[str, Any]) -> Repository:
    repository = work.repositories.get(call.registry, request["repositoryName"])
    if repository.policy is None:
        raise RepositoryPolicyNotFoundException(**repository.identity)
    return repository


def _registry_policy(work: UnitOfWork, call: Call) -> str:
    text: str | None = work.registry_documents.find(call.registry, REGISTRY_POLICY)
    if text is None:
        raise RegistryPolicyNotFoundException(registry_id=call.registry.id)
    return text


def _answer(repository: Repository) -> dict[str, Any]:
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "policyText": repository.policy,
    }

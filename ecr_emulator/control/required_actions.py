"""The IAM actions that each operation requires: mostly its own, on the repositories that it names.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.names import Registry, parse_repository_arn
from ecr_emulator.domain.scanning import ENHANCED
from ecr_emulator.domain.service_linked_roles import service_linked_role_arn
from ecr_emulator.ports.identities import Roles
from ecr_emulator.services.access import Context, RequiredAction

ACTIONS = {"ListImageReferrers": "BatchGetImage"}
"""The operations that have no action of their own, with the one that they need."""
ABOUT_ANY_REPOSITORY = {"DescribeRepositories"}
"""What is about all repositories where it names none; other such operations have no resource."""
_PASSED_TO = {
    "CreatePullThroughCacheRule": service_linked_roles.PULL_THROUGH_CACHE,
    "UpdatePullThroughCacheRule": service_linked_roles.PULL_THROUGH_CACHE,
    "CreateRepositoryCreationTemplate": service_linked_roles.TEMPLATES,
    "UpdateRepositoryCreationTemplate": service_linked_roles.TEMPLATES,
}
"""Whom a ``customRoleArn`` is passed to."""


def required_actions(operation: str, members: dict[str, Any], registry: Registry, roles: Roles) -> list[RequiredAction]:
    """The actions that a request requires, with the creation of a service-linked role that ECR lacks."""
    action = f"ecr:{ACTIONS.get(operation, operation)}"
    tags = _of_tags(members)
    needed = [RequiredAction(action, resource, tags) for resource in _resources(operation, members, registry)]
    if operation == "CreateRepository" and tags:
        needed.append(RequiredAction("ecr:TagResource", needed[0].resource, tags))
    if members.get("customRoleArn"):
        passed = {"iam:PassedToService": (_PASSED_TO[operation],)}
        needed.append(RequiredAction("iam:PassRole", members["customRoleArn"], passed))
    needed += [
        _creation_of_role(registry, service)
        for service in _services(operation, members)
        if not roles.has_service_linked_role(registry.id, service)
    ]
    return needed


def _resources(operation: str, members: dict[str, Any], registry: Registry) -> list[str]:
    if "resourceArn" in members:
        # As the repository is called, not as the request does: no other partition leads around a denial.
        named = parse_repository_arn(members["resourceArn"])
        return [named[0].arn(named[1]) if named else members["resourceArn"]]
    names = [members["repositoryName"]] if "repositoryName" in members else members.get("repositoryNames")
    if names is None and operation in ABOUT_ANY_REPOSITORY:
        names = ["*"]
    return ["*"] if names is None else [registry.arn(name) for name in dict.fromkeys(names)]


def _of_tags(members: dict[str, Any]) -> Context:
    """What conditions can say of the tags in a request."""
    tags = members.get("tags", [])
    keys = tuple(tag["Key"] for tag in tags) or tuple(members.get("tagKeys", []))
    context = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in tags}
    return context | {"aws:TagKeys": keys} if keys else context


def _services(operation: str, members: dict[str, Any]) -> Iterator[str]:
    """The service principals that need their role after this operation."""
    match operation:
        case "CreatePullThroughCacheRule":
            yield service_linked_roles.PULL_THROUGH_CACHE
        case "CreateRepositoryCreationTemplate":
            yield service_linked_roles.TEMPLATES
        case "PutReplicationConfiguration" if members["replicationConfiguration"]["rules"]:
            yield service_linked_roles.REPLICATION
        case "PutRegistryScanningConfiguration" if members.get("scanType") == ENHANCED:
            yield service_linked_roles.INSPECTOR


def _creation_of_role(registry: Registry, service: str) -> RequiredAction:
    context = {"iam:AWSServiceName": (service,)}
    return RequiredAction("iam:CreateServiceLinkedRole", service_linked_role_arn(registry, service), context)

"""The IAM actions that each operation requires: usually the action of the same name, on the named repositories.

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
"""The actions of operations that have no action of the same name."""
ON_ALL_REPOSITORIES = {"DescribeRepositories"}
"""Operations on all repositories if they name none. Other operations without a repository have no resource."""
_PASSED_TO = {
    "CreatePullThroughCacheRule": service_linked_roles.PULL_THROUGH_CACHE,
    "UpdatePullThroughCacheRule": service_linked_roles.PULL_THROUGH_CACHE,
    "CreateRepositoryCreationTemplate": service_linked_roles.TEMPLATES,
    "UpdateRepositoryCreationTemplate": service_linked_roles.TEMPLATES,
}
"""The service principals to which an operation passes the role of ``customRoleArn``."""


def required_actions(operation: str, members: dict[str, Any], registry: Registry, roles: Roles) -> list[RequiredAction]:
    """Return the actions that a request requires.

    An operation that needs a missing service-linked role also requires ``iam:CreateServiceLinkedRole``.
    """
    action = f"ecr:{ACTIONS.get(operation, operation)}"
    tags = _tag_context(members)
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
        # The repository's own ARN is checked, not the text in the request, whose partition could evade a denial.
        named = parse_repository_arn(members["resourceArn"])
        return [named[0].arn(named[1]) if named else members["resourceArn"]]
    names = [members["repositoryName"]] if "repositoryName" in members else members.get("repositoryNames")
    if names is None and operation in ON_ALL_REPOSITORIES:
        names = ["*"]
    return ["*"] if names is None else [registry.arn(name) for name in dict.fromkeys(names)]


def _tag_context(members: dict[str, Any]) -> Context:
    """Return the condition keys for the tags in a request."""
    tags = members.get("tags", [])
    keys = tuple(tag["Key"] for tag in tags) or tuple(members.get("tagKeys", []))
    context = {f"aws:RequestTag/{tag['Key']}": (tag["Value"],) for tag in tags}
    return context | {"aws:TagKeys": keys} if keys else context


def _services(operation: str, members: dict[str, Any]) -> Iterator[str]:
    """Yield the service principals whose service-linked roles an operation needs."""
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

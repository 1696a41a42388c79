"""Users, roles and managed policies of IAM. moto creates them without some of their properties, and changes none.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from moto.iam.exceptions import IAMException
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.moto_failures import moto_failures
from ecr_emulator.companions.cloudformation.resources.moto_handler import MotoHandler
from ecr_emulator.companions.cloudformation.stacks import Resource
from ecr_emulator.companions.iam.boundaries import ABSENT, put_boundary

Properties = dict[str, Any]

_CREATE_ONLY = {
    "AWS::IAM::Role": ("RoleName", "Path"),
    "AWS::IAM::User": ("UserName",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "Path", "Description"),
}
IAM_TYPES = frozenset(_CREATE_ONLY)
_MOST_VERSIONS = 5


class IamHandler(MotoHandler):
    """See ``context.Handler``. moto creates and deletes the entity; this class puts the other properties."""

    def __init__(self, kind: str, context: DeploymentContext) -> None:
        super().__init__(kind, context)
        account, region = self._place
        self._iam: Any = iam_backends[account][get_partition(region)]

    def create(self, resource: Resource) -> None:
        """Create the entity. If one of its properties fails, the rollback deletes it."""
        super().create(resource)
        self._put(resource.model, {}, resource.properties)

    def replaces(self, resource: Resource, properties: Properties) -> bool:
        return any(resource.properties.get(name) != properties.get(name) for name in _CREATE_ONLY[self._kind])

    def update(self, resource: Resource, properties: Properties) -> None:
        self._put(resource.model, resource.properties, properties)
        resource.properties = properties

    def delete(self, resource: Resource) -> None:
        self._put(resource.model, resource.properties, {})
        super().delete(resource)

    def _put(self, model: Any, before: Properties, after: Properties) -> None:
        with moto_failures(self._kind):
            put = {"AWS::IAM::Role": self._put_role, "AWS::IAM::User": self._put_user}
            put.get(self._kind, self._put_policy)(model, before, after)

    def _put_role(self, role: Any, before: Properties, after: Properties) -> None:
        self._put_policies("role", role, before, after)
        self._check_boundary(after)
        role.permissions_boundary_arn = after.get("PermissionsBoundary")
        role.description = after.get("Description", "")
        role.max_session_duration = after.get("MaxSessionDuration", 3600)
        role.tags = after.get("Tags", [])
        if "AssumeRolePolicyDocument" in after:
            role.assume_role_policy_document = _text(after["AssumeRolePolicyDocument"])

    def _put_user(self, user: Any, before: Properties, after: Properties) -> None:
        self._put_policies("user", user, before, after)
        self._check_boundary(after)
        put_boundary(user, after.get("PermissionsBoundary"))
        user.path = after.get("Path", "/")
        self._iam.tagger.delete_all_tags_for_resource(user.arn)
        self._iam.tagger.tag_resource(user.arn, after.get("Tags", []))
        for group in _removed(before, after, "Groups"):
            if user in getattr(self._iam.groups.get(group), "users", ()):
                self._iam.remove_user_from_group(group, user.name)
        for group in _removed(after, before, "Groups"):
            self._iam.add_user_to_group(group, user.name)
        profile = after.get("LoginProfile", {})
        user.password = profile.get("Password")
        user.password_reset_required = profile.get("PasswordResetRequired", False)

    def _put_policies(self, entity: str, holder: Any, before: Properties, after: Properties) -> None:
        """Put the inline policies, and attach the managed ones; leave those that other resources put there."""
        of_iam = {name: getattr(self._iam, f"{name}_{entity}_policy") for name in ("attach", "detach", "put")}
        for arn in _removed(before, after, "ManagedPolicyArns"):
            if arn in holder.managed_policies:
                of_iam["detach"](arn, holder.name)
        for arn in _removed(after, before, "ManagedPolicyArns"):
            of_iam["attach"](arn, holder.name)
        wanted = {policy["PolicyName"]: policy["PolicyDocument"] for policy in after.get("Policies", [])}
        for policy in before.get("Policies", []):
            if policy["PolicyName"] not in wanted:
                holder.policies.pop(policy["PolicyName"], None)
        for name, document in wanted.items():
            of_iam["put"](holder.name, name, _text(document))

    def _check_boundary(self, properties: Properties) -> None:
        arn = properties.get("PermissionsBoundary")
        if arn and arn not in self._iam.managed_policies:
            raise ResourceFailure.of_handler(ABSENT.format(arn), "NotFound")

    def _put_policy(self, policy: Any, before: Properties, after: Properties) -> None:
        """Put a new default version; attach the policy to its users, groups and roles; delete it if it is to go."""
        for holders, entity in (("Users", "user"), ("Groups", "group"), ("Roles", "role")):
            for name in _removed(before, after, holders):
                with suppress(IAMException):  # the holder may be gone
                    getattr(self._iam, f"detach_{entity}_policy")(policy.arn, name)
            for name in _removed(after, before, holders) if before else ():
                getattr(self._iam, f"attach_{entity}_policy")(policy.arn, name)
        if not after:
            self._iam.managed_policies.pop(policy.arn, None)
        elif before and before["PolicyDocument"] != after["PolicyDocument"]:
            if len(policy.versions) >= _MOST_VERSIONS:
                policy.versions.remove(next(version for version in policy.versions if not version.is_default))
            self._iam.create_policy_version(policy.arn, _text(after["PolicyDocument"]), True)


def _removed(before: Properties, after: Properties, name: str) -> list[str]:
    """Return the elements of a list that are in one set of properties and not in the other."""
    return [each for each in before.get(name, []) if each not in after.get(name, [])]


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, default=str)

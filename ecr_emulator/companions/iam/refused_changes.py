"""Changes of IAM that AWS refuses and moto would make.

Service-linked roles may be changed by their service only, AWS's managed policies by AWS only, and a policy that is
attached to somebody is not deleted.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.iam.lookups import backends_of
from ecr_emulator.companions.iam.roles import find_role
from ecr_emulator.companions.query import query_error, query_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_CHANGES = {
    "AddRoleToInstanceProfile",
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "RemoveRoleFromInstanceProfile",
    "UpdateAssumeRolePolicy",
}
"""Operations that IAM refuses by its model; UpdateRole and UpdateRoleDescription may change a description."""
_OF_AWS = ("/aws-service-role/", "/aws-reserved/")
_POLICY_CHANGES = {
    "CreatePolicyVersion",
    "DeletePolicy",
    "DeletePolicyVersion",
    "SetDefaultPolicyVersion",
    "TagPolicy",
    "UntagPolicy",
}
_POLICY_OF_AWS = re.compile(r"arn:[\w-]+:iam::aws:policy/")


def refuse_changes_of_protected_roles(environ: WSGIEnvironment, account: str) -> Response | None:
    """Refuse a request that would change a role that belongs to AWS."""
    query = query_of(environ, "iam")
    name = query.get("RoleName", "")
    if not _is_change(query):
        return None
    role = find_role(account, name)
    if role is None or not role.path.startswith(_OF_AWS):
        return None
    message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    return query_error("UnmodifiableEntity", message)


def refuse_changes_of_aws_policies(environ: WSGIEnvironment, _: str) -> Response | None:
    """Refuse a request that would change a managed policy of AWS. AWS's own sentence is not known."""
    query = query_of(environ, "iam")
    action, policy = query.get("Action", ""), query.get("PolicyArn", "")
    if action not in _POLICY_CHANGES or not _POLICY_OF_AWS.match(policy):
        return None
    return query_error("AccessDenied", f"Nobody but AWS may perform iam:{action} on {policy}", 403)


def refuse_deletion_of_attached_policies(environ: WSGIEnvironment, account: str) -> Response | None:
    """Refuse a request to delete a managed policy that a user, group or role has. moto would delete it."""
    query = query_of(environ, "iam")
    arn = query.get("PolicyArn")
    if query.get("Action") != "DeletePolicy" or not any(arn in holder.managed_policies for holder in _holders(account)):
        return None
    return query_error("DeleteConflict", "Cannot delete a policy attached to entities.", 409)


def _holders(account: str) -> Iterator[Any]:
    """Return the users, groups and roles of an account."""
    for iam in backends_of("iam", account):
        yield from (*iam.users.values(), *iam.groups.values(), *iam.roles.values())


def _is_change(query: Mapping[str, str]) -> bool:
    action = query.get("Action")
    return action in _CHANGES or (action == "UpdateRole" and "MaxSessionDuration" in query)

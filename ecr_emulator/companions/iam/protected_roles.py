"""Service-linked roles may be changed by their service only, and AWS's managed policies by AWS.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

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


def _is_change(query: Mapping[str, str]) -> bool:
    action = query.get("Action")
    return action in _CHANGES or (action == "UpdateRole" and "MaxSessionDuration" in query)

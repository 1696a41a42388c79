"""Permissions boundaries: those of users, which moto does not have, and the check that a boundary exists.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.lookups import backends_of
from ecr_emulator.companions.iam.session_policies import find_managed_policy
from ecr_emulator.companions.query import query_answer, query_error, query_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_BOUNDING = {"CreateRole", "CreateUser", "PutRolePermissionsBoundary", "PutUserPermissionsBoundary"}
ABSENT = "Scope ARN: {} does not exist or is not attachable."
_XML = (
    "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>"
    "<PermissionsBoundaryArn>{}</PermissionsBoundaryArn></PermissionsBoundary></User>"
)


_MISSING = (
    "1 validation error detected: Value null at 'permissionsBoundary' failed to satisfy constraint: "
    "Member must not be null"
)


def keep_boundaries(companions: Companions) -> None:
    """Make IAM keep the boundaries of users, and refuse boundaries that do not exist.

    moto's answers about a user then contain its boundary.
    """
    companions.before_each_call(_refuse_absent_boundary)
    companions.before_each_call(_change_boundary_of_user)
    companions.after_each_answer(_limit_new_user)


def put_boundary(user: Any, arn: str | None) -> None:
    """Give a user of moto a boundary, or none, in the form that roles of moto have it."""
    kind = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy"}
    user.permissions_boundary = {**kind, "PermissionsBoundaryArn": arn} if arn else None


def _refuse_absent_boundary(environ: WSGIEnvironment, account: str) -> Response | None:
    query = query_of(environ, "iam")
    arn = query.get("PermissionsBoundary")
    if query.get("Action") not in _BOUNDING or arn is None or find_managed_policy(account, arn):
        return None
    return query_error("NoSuchEntity", ABSENT.format(arn), 404)


def _change_boundary_of_user(environ: WSGIEnvironment, account: str) -> Response | None:
    query = query_of(environ, "iam")
    action = query.get("Action", "")
    if action not in ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"):
        return None
    arn = query.get("PermissionsBoundary") if action.startswith("Put") else None
    if arn is None and action.startswith("Put"):
        return query_error("ValidationError", _MISSING)
    user = _find_user(account, query)
    if user is None:
        return query_error("NoSuchEntity", f"The user with name {query.get('UserName')} cannot be found.", 404)
    put_boundary(user, arn)
    return query_answer(action, "")


def _limit_new_user(environ: WSGIEnvironment, answer: Response) -> None:
    query = query_of(environ, "iam")
    arn = query.get("PermissionsBoundary")
    if query.get("Action") == "CreateUser" and arn and answer.status_code == 200:
        put_boundary(_find_user(environ["HTTP_X_MOTO_ACCOUNT_ID"], query), arn)
        answer.set_data(answer.get_data(as_text=True).replace("</User>", _XML.format(arn)))


def _find_user(account: str, query: Mapping[str, str]) -> Any | None:
    users = (iam.users.get(query.get("UserName")) for iam in backends_of("iam", account))
    return next((user for user in users if user), None)

"""The key that AWS manages for ECR: everybody in the account may read it, and nobody may change it.

https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
"""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import get_input_stream

from ecr_emulator.companions.error_responses import aws_error_response, region_of, service_of
from ecr_emulator.companions.kms.lookups import keys_of
from ecr_emulator.domain.encryption_keys import MANAGED_KEY, KeyName, managed_key, read_key_name
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import KmsException

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

DESCRIPTION = "Default key that protects my ECR data when no other key is defined"
"""AWS's own text for ECR is not known; it follows the text for other services."""
_RESERVED = "alias/aws/"
_ALIASES = {"CreateAlias", "UpdateAlias", "DeleteAlias"}
_ALLOWED = re.compile("(Describe|Get|List)[A-Za-z]+|RetireGrant|RevokeGrant")
_DENIED = (
    "User: arn:{partition}:iam::{account}:root is not authorized to perform: kms:{operation} on resource: {key} "
    "because no resource-based policy allows the kms:{operation} action"
)


def ensure_managed_key(registry: Registry) -> None:
    """Create the managed key of a registry in moto, with its alias, unless it exists."""
    from moto.kms.models import kms_backends

    named = managed_key(registry)
    if named.key_id in keys_of(registry.id, registry.region):
        return
    kms = kms_backends[registry.id][registry.region]
    key = kms.create_key(_policy(registry), "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", DESCRIPTION, None)
    del kms.keys[key.id]
    key.id, key.arn = named.key_id, named.arn
    key.key_manager = "AWS"
    key.key_rotation_status = True
    kms.keys[key.id] = key
    kms.create_alias(key.id, MANAGED_KEY)


def refuse_changes_of_managed_keys(environ: WSGIEnvironment, account: str) -> Response | None:
    """Refuse a request that would change or use the managed key, or an alias that is reserved for AWS."""
    if service_of(environ) != "kms":
        return None
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    members = _members(environ)
    alias = str(members.get("AliasName", ""))
    if operation in _ALIASES and alias.startswith(_RESERVED):
        message = f"{alias} cannot be changed: aliases that begin with {_RESERVED} belong to AWS"
        return aws_error_response("400 Bad Request", "NotAuthorizedException", message, environ)
    registry = Registry(account, region_of(environ) or "")
    if _ALLOWED.fullmatch(operation) or not _is_managed(registry, members.get("KeyId")):
        return None
    key = managed_key(registry).arn
    message = _DENIED.format(partition=registry.partition, account=account, operation=operation, key=key)
    return aws_error_response("400 Bad Request", "AccessDeniedException", message, environ)


def _is_managed(registry: Registry, key: Any) -> bool:
    if not isinstance(key, str):
        return False
    try:
        named = read_key_name(registry, key)
    except KmsException:
        return False
    own = managed_key(registry)
    return named in (own, KeyName(registry, MANAGED_KEY)) and own.key_id in keys_of(registry.id, registry.region)


def _members(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return the members of a request. The body stays readable for moto."""
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    try:
        members = json.loads(body or b"{}")
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _policy(registry: Registry) -> str:
    """Return the policy of the managed key: ECR may use it for everybody in the account."""
    through_ecr = {
        "kms:ViaService": f"ecr.{registry.region}.amazonaws.com",
        "kms:CallerAccount": registry.id,
    }
    statements = [
        {
            "Sid": "Allow access through Amazon ECR for all principals in the account that may use Amazon ECR",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": through_ecr},
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{registry.partition}:iam::{registry.id}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Id": "auto-ecr-1", "Statement": statements})

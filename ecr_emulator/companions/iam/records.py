"""Records of IAM in a format of this project: users, groups, roles, policies and the rest, without moto's objects.

The record of an account and partition has a list for each kind of entity. Entities refer to each other by name, and to
managed policies by ARN. Times are texts in ISO 8601. Left out are the roles that ECR creates (the database has them),
AWS's managed policies, and the last use of keys and roles, which every request changes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ecr_emulator.companions.moto_attributes import Record, renamed, requiring_known_attributes
from ecr_emulator.domain.service_linked_roles import ROLES

ENTITY = {"name": "name", "path": "path", "id": "id", "created": "create_date"}
POLICY = {**ENTITY, "description": "description", "updated": "update_date", "default_version": "default_version_id"} | {
    "next_version": "next_version_num",
    "tags": "tags",
}
POLICY_VERSION = {"id": "version_id", "document": "document", "created": "create_date"}
USER = {**ENTITY, "region": "region_name", "inline_policies": "policies", "password": "password"} | {
    "password_last_used": "password_last_used",
    "password_reset_required": "password_reset_required",
}
ACCESS_KEY = {"id": "access_key_id", "secret": "secret_access_key", "status": "status", "created": "create_date"}
SSH_KEY = {"id": "ssh_public_key_id", "body": "ssh_public_key_body", "fingerprint": "fingerprint"} | {
    "status": "status",
    "uploaded": "upload_date",
}
SIGNING_CERTIFICATE = {"id": "id", "body": "body", "status": "status", "uploaded": "upload_date"}
MFA_DEVICE = {"serial": "serial_number", "code_1": "authentication_code_1", "code_2": "authentication_code_2"} | {
    "enabled": "enable_date"
}
VIRTUAL_MFA_DEVICE = {"serial": "serial_number", "seed": "base32_string_seed", "enabled": "enable_date"}
GROUP = {**ENTITY, "inline_policies": "policies"}
ROLE = {**ENTITY, "trust": "assume_role_policy_document", "inline_policies": "policies", "tags": "tags"} | {
    "description": "description",
    "boundary": "permissions_boundary_arn",
    "most_seconds_of_session": "max_session_duration",
    "linked_service": "_linked_service",
}
INSTANCE_PROFILE = {**ENTITY, "tags": "tags"}
SAML_PROVIDER = {"name": "name", "created": "create_date", "metadata": "saml_metadata_document"}
OPEN_ID_PROVIDER = {"url": "url", "created": "create_date", "thumbprints": "thumbprint_list"} | {
    "client_ids": "client_id_list",
    "tags": "tags",
}
SERVER_CERTIFICATE = {"name": "cert_name", "path": "path", "body": "cert_body", "chain": "cert_chain"} | {
    "private_key": "private_key"
}
PASSWORD_POLICY = {
    "users_may_change": "allow_users_to_change_password",
    "hard_expiry": "hard_expiry",
    "most_days": "max_password_age",
    "least_characters": "minimum_password_length",
    "remembered": "password_reuse_prevention",
    "needs_lower_case": "require_lowercase_characters",
    "needs_digits": "require_numbers",
    "needs_symbols": "require_symbols",
    "needs_upper_case": "require_uppercase_characters",
}


def record_of(iam: Any) -> Record:
    """Return the record of one of moto's backends. Raises ``IncompatibleMoto``."""
    with requiring_known_attributes("users, roles and policies"):
        return {
            "policies": [_policy(policy) for arn, policy in list(iam.managed_policies.items()) if "::aws:" not in arn],
            "users": [_user(user, iam) for user in list(iam.users.values())],
            "groups": [_group(group) for group in list(iam.groups.values())],
            "roles": [_holder(role, ROLE) for role in list(iam.roles.values()) if role._linked_service not in ROLES],
            "instance_profiles": [_instance_profile(profile) for profile in list(iam.instance_profiles.values())],
            "account_aliases": list(iam.account_aliases),
            "password_policy": iam.account_password_policy and plain(iam.account_password_policy, PASSWORD_POLICY),
            "saml_providers": _list(iam.saml_providers.values(), SAML_PROVIDER),
            "open_id_providers": _list(iam.open_id_providers.values(), OPEN_ID_PROVIDER),
            "server_certificates": [
                {"id": each, **plain(certificate, SERVER_CERTIFICATE)}
                for each, certificate in list(iam.certificates.items())
            ],
            "virtual_mfa_devices": [_virtual_mfa_device(device) for device in list(iam.virtual_mfa_devices.values())],
        }


def plain(thing: Any, names: Mapping[str, str]) -> Record:
    """Return attributes of one of moto's objects as values of JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in renamed(vars(thing), names).items()
    }


def _list(things: Iterable[Any], names: Mapping[str, str]) -> list[Record]:
    return [plain(thing, names) for thing in list(things)]


def _policy(policy: Any) -> Record:
    return {**plain(policy, POLICY), "versions": _list(policy.versions, POLICY_VERSION)}


def _holder(holder: Any, names: Mapping[str, str]) -> Record:
    """Return the record of a user, group or role, which has policies."""
    return {**plain(holder, names), "managed_policies": list(holder.managed_policies)}


def _user(user: Any, iam: Any) -> Record:
    boundary = getattr(user, "permissions_boundary", None)
    return {
        **_holder(user, USER),
        "tags": iam.tagger.list_tags_for_resource(user.arn)["Tags"],
        "boundary": boundary and boundary["PermissionsBoundaryArn"],
        "access_keys": _list(user.access_keys, ACCESS_KEY),
        "ssh_keys": _list(user.ssh_public_keys, SSH_KEY),
        "signing_certificates": _list(user.signing_certificates.values(), SIGNING_CERTIFICATE),
        "mfa_devices": _list(user.mfa_devices.values(), MFA_DEVICE),
    }


def _group(group: Any) -> Record:
    return {**_holder(group, GROUP), "users": [user.name for user in list(group.users)]}


def _instance_profile(profile: Any) -> Record:
    return {**plain(profile, INSTANCE_PROFILE), "roles": [role.name for role in list(profile.roles)]}


def _virtual_mfa_device(device: Any) -> Record:
    return {
        **plain(device, VIRTUAL_MFA_DEVICE),
        "qr_code": b64encode(device.qr_code_png).decode(),
    }

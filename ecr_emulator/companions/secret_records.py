"""Records of secrets, in a format of this project that does not depend on the version of moto."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecr_emulator.companions.moto_attributes import Record, renamed, requiring_known_attributes, translated

VERSION = 2

_IDENTITY = {"account": "account_id", "region": "region", "name": "name", "arn": "arn"}
_PROPERTIES = {
    "description": "description",
    "tags": "tags",
    "kms_key": "kms_key_id",
    "policy": "policy",
    "string": "secret_string",
    "binary": "secret_binary",
    "created": "created_date",
    "changed": "last_changed_date",
    "deleted": "deleted_date",
    "current_version": "default_version_id",
    "rotation_requested": "rotation_requested",
    "rotation_enabled": "rotation_enabled",
    "rotation_lambda": "rotation_lambda_arn",
    "rotation_days": "auto_rotate_after_days",
    "rotated": "last_rotation_date",
    "next_rotation": "next_rotation_date",
}
_VERSION = {
    "id": "version_id",
    "stages": "version_stages",
    "created": "createdate",
    "string": "secret_string",
    "binary": "secret_binary",
}


def record_of(secret: Any) -> Record:
    """Return the record of one of moto's secrets. Raises ``IncompatibleMoto``."""
    with requiring_known_attributes("secrets"):
        replicas = [replica.region for replica in getattr(secret, "replicas", ()) if replica.has_replica]
        return _record(vars(secret) | {"replicas": replicas})


def secret_of(record: Record) -> Any:
    """Return a secret of moto from a record, without its replicas. Raises ``IncompatibleMoto``."""
    from moto.secretsmanager.models import FakeSecret

    with requiring_known_attributes("secrets"):
        secret = FakeSecret(record["account"], record["region"], record["name"], {}, "")
        known = vars(secret)
        properties = {name: theirs for name, theirs in _PROPERTIES.items() if theirs in known}
        known.update(translated(record, _IDENTITY | properties))
        secret.versions = {name: translated(version, _VERSION) for name, version in record["versions"].items()}
        return secret


def records_in(kept: Any) -> list[Record]:
    """Return the records in a document, also of version 1, which had moto's names. Raises if it is not one."""
    version = kept["version"]
    if version not in (1, VERSION):
        raise ValueError(f"its version is {version!r}, not {VERSION}")
    records = kept["secrets"] if version == VERSION else [_record(secret) for secret in kept["secrets"]]
    return [_checked(record) for record in records]


def _record(theirs: Mapping[str, Any]) -> Record:
    return {
        **{ours: theirs[name] for ours, name in _IDENTITY.items()},
        **renamed(theirs, _PROPERTIES),
        "versions": {name: renamed(version, _VERSION) for name, version in theirs["versions"].items()},
        "replicas": theirs["replicas"],
    }


def _checked(record: Record) -> Record:
    for name in _IDENTITY:
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is {record[name]!r}")
    for version in record["versions"].values():
        if not isinstance(version["stages"], list):
            raise ValueError(f"stages is {version['stages']!r}")
    if not isinstance(record["replicas"], list):
        raise ValueError(f"replicas is {record['replicas']!r}")
    return record

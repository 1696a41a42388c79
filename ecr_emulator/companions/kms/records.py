"""Records of keys, in a format of this project that does not depend on the version of moto.

A record has the members that the answers of KMS have, the key material, and the aliases, tags and grants of the key.
The key that AWS manages for ECR has no record, because the repositories say where it exists. A member that the
installed moto lacks is left out; attributes of moto that a record lacks keep moto's initial values.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from ecr_emulator.companions.kms.backend import QUICK
from ecr_emulator.companions.moto_attributes import Record, requiring_known_attributes

VERSION = 1

_IDENTITY = {"account": "account_id", "region": "region", "id": "id", "arn": "arn"}
_PROPERTIES = {
    "created": "creation_date",
    "policy": "policy",
    "usage": "key_usage",
    "spec": "key_spec",
    "state": "key_state",
    "enabled": "enabled",
    "description": "description",
    "origin": "origin",
    "is_multi_region": "multi_region",
    "regions": "multi_region_configuration",
    "rotates": "key_rotation_status",
    "rotations": "rotations",
}
_GRANT = {
    "id": "id",
    "token": "token",
    "name": "name",
    "grantee": "grantee_principal",
    "retiring": "retiring_principal",
    "operations": "operations",
    "constraints": "constraints",
}


def as_document(records: list[Record]) -> str:
    """Return records as a document."""
    return json.dumps({"version": VERSION, "keys": records})


def read_document(text: str) -> list[Record]:
    """Return the records of a document.

    Raises ``ValueError``, ``TypeError``, ``LookupError`` or ``AttributeError`` for what is none.
    """
    document = json.loads(text)
    if document["version"] != VERSION:
        raise ValueError(f"its version is {document['version']!r}, not {VERSION}")
    return [_checked(record) for record in document["keys"]]


def all_records() -> list[Record]:
    """Return the records of all keys that moto shows; none if its KMS was never used. Raises ``IncompatibleMoto``."""
    models = sys.modules.get("moto.kms.models")
    if models is None:
        return []
    return [
        _record_of(key, kms)
        for regions in list(models.kms_backends.values())
        for kms in list(regions.values())
        for key in list(kms.keys.values())
        if key.key_manager != "AWS"
    ]


def put_back(records: list[Record]) -> None:
    """Create the keys of all records in moto, or none. Raises ``IncompatibleMoto``."""
    from moto.kms.models import kms_backends

    keys = [_key_of(record) for record in records]
    for key, record in zip(keys, records, strict=True):
        kms = kms_backends[key.account_id][key.region]
        kms.keys[key.id] = key
        for alias in record["aliases"]:
            kms.create_alias(key.id, alias)
        kms.tag_resource(key.arn, record["tags"])


def _record_of(key: Any, kms: Any) -> Record:
    with requiring_known_attributes("keys"):
        theirs = vars(key)
        return {
            **{ours: theirs[name] for ours, name in _IDENTITY.items()},
            **{ours: theirs[name] for ours, name in _PROPERTIES.items() if name in theirs},
            "deleted": key.deletion_date.isoformat() if key.deletion_date else None,
            "material": b64encode(key.key_material).decode(),
            "private_key": None if _is_symmetric(key.key_spec) else _pem_of(key.private_key.private_key),
            "aliases": list(key.aliases),
            "tags": kms.tagger.get_tag_dict_for_resource(key.id),
            "grants": [{ours: vars(grant)[name] for ours, name in _GRANT.items()} for grant in key.grants.values()],
        }


def _key_of(record: Record) -> Any:
    from moto.kms.models import KmsBackend
    from moto.kms.utils import generate_private_key

    with requiring_known_attributes("keys"):
        kms = KmsBackend(record["region"], record["account"])
        key: Any = kms.create_key(record["policy"], record["usage"], QUICK, record["description"], None)
        known = vars(key)
        if record.get("is_multi_region"):
            known["multi_region_configuration"] = record["regions"]
        names = _IDENTITY | {ours: name for ours, name in _PROPERTIES.items() if name in known}
        known.update({name: record[ours] for ours, name in names.items() if ours in record})
        key.deletion_date = datetime.fromisoformat(record["deleted"]) if record["deleted"] else None
        key.key_material = b64decode(record["material"])
        if record["private_key"]:
            key.private_key = generate_private_key(key.key_spec)
            key.private_key.private_key = _private_key_in(record["private_key"])
        for each in record["grants"]:
            grant = key.add_grant(each["name"], each["grantee"], each["operations"], each["constraints"], "")
            vars(grant).update({name: each[ours] for ours, name in _GRANT.items()})
        key.grants = {grant.id: grant for grant in key.grants.values()}
        return key


def _checked(record: Record) -> Record:
    for name in (*_IDENTITY, "policy", "usage", "spec", "material"):
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is {record[name]!r}")
    b64decode(record["material"], validate=True)
    for name in ("aliases", "grants"):
        if not isinstance(record[name], list):
            raise ValueError(f"{name} is {record[name]!r}")
    for grant in record["grants"]:
        if grant.keys() != _GRANT.keys():
            raise ValueError(f"a grant is {grant!r}")
    if not isinstance(record["tags"], dict) or not {"deleted", "private_key"} <= record.keys():
        raise ValueError(f"the record of {record['arn']} is not complete")
    return record


def _is_symmetric(spec: str) -> bool:
    return spec == "SYMMETRIC_DEFAULT" or spec.startswith("HMAC")


def _pem_of(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def _private_key_in(pem: str) -> Any:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_pem_private_key(pem.encode(), None)

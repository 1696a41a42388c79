"""Records of signing profiles, in a format of this project that does not depend on the version of moto."""

from __future__ import annotations

import json
import sys
from typing import Any

from ecr_emulator.companions.moto_attributes import Record, renamed, requiring_known_attributes

VERSION = 1
_ATTRIBUTES = {
    "name": "name",
    "arn": "arn",
    "platform": "platform_id",
    "validity": "signature_validity_period",
    "status": "status",
    "version": "profile_version",
    "version_arn": "profile_version_arn",
    "material": "signing_material",
}
_TEXTS = ("account", "region", "name", "arn", "platform", "status", "version", "version_arn")


def as_document(records: list[Record]) -> str:
    """Return records as a document."""
    return json.dumps({"version": VERSION, "profiles": records})


def read_document(text: str) -> list[Record]:
    """Return the records of a document.

    Raises ``ValueError``, ``TypeError``, ``LookupError`` or ``AttributeError`` for what is none.
    """
    document = json.loads(text)
    if document["version"] != VERSION:
        raise ValueError(f"its version is {document['version']!r}, not {VERSION}")
    return [_checked(record) for record in document["profiles"]]


def all_records() -> list[Record]:
    """Return the records of all profiles; none if Signer was never used. Raises ``IncompatibleMoto``."""
    models = sys.modules.get("moto.signer.models")
    if models is None:
        return []
    with requiring_known_attributes("signing profiles"):
        return [
            {"account": signer.account_id, "region": signer.region_name, "tags": _tags(signer, profile)}
            | renamed(vars(profile), _ATTRIBUTES)
            for regions in list(models.signer_backends.values())
            for signer in list(regions.values())
            for profile in list(signer.signing_profiles.values())
        ]


def put_back(records: list[Record]) -> None:
    """Create the profiles of all records in moto. Raises ``IncompatibleMoto``."""
    from moto.signer.models import signer_backends

    with requiring_known_attributes("signing profiles"):
        for record in records:
            signer: Any = signer_backends[record["account"]][record["region"]]
            name, platform, validity = record["name"], record["platform"], record["validity"]
            profile = signer.put_signing_profile(name, validity, platform, record["material"], record["tags"])
            vars(profile).update({theirs: record[ours] for ours, theirs in _ATTRIBUTES.items()})


def _tags(signer: Any, profile: Any) -> dict[str, str]:
    tags: dict[str, str] = signer.list_tags_for_resource(profile.arn)
    return tags


def _checked(record: Record) -> Record:
    for name in _TEXTS:
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is {record[name]!r}")
    for name in ("tags", "validity"):
        if not isinstance(record[name], dict):
            raise ValueError(f"{name} is {record[name]!r}")
    return record if "material" in record else record | {"material": None}

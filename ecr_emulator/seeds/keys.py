"""Keys of KMS in seeds, which repositories and creation templates name by their aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.seeds.registries import KMS, Outcome, find_or_none


def ensure_key(client: EmulatorClient, registry: Registry, entry: Mapping[str, Any]) -> Outcome:
    """Create a symmetric key with an alias, unless a key has the alias. Raises ``CallRefused``."""
    alias = entry["alias"]
    if find_or_none(client, registry, "DescribeKey", KMS, KeyId=alias):
        return Outcome.UNCHANGED
    more = {"Description": entry["description"]} if "description" in entry else {}
    key = client.call(registry, "CreateKey", KMS, **more)["KeyMetadata"]["KeyId"]
    client.call(registry, "CreateAlias", KMS, AliasName=alias, TargetKeyId=key)
    return Outcome.CREATED

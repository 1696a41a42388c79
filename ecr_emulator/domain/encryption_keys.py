"""The names of KMS keys. ECR answers with the ARN of a key even if a request names it in another way.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

import re
import uuid
from typing import NamedTuple

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption
from ecr_emulator.errors import KmsException

MANAGED_KEY = "alias/aws/ecr"
"""The alias of the key that AWS manages for ECR in each account. It is used for repositories that name no key."""

_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<name>.+)")


class KeyName(NamedTuple):
    """The name of a key in KMS: the registry of its account and Region, and ``key/<id>`` or ``alias/<name>``."""

    owner: Registry
    name: str

    @property
    def arn(self) -> str:
        """The ARN of the key or of its alias."""
        return f"arn:{self.owner.partition}:kms:{self.owner.region}:{self.owner.id}:{self.name}"

    @property
    def alias(self) -> str | None:
        """The name of the alias, with ``alias/``; None if this is the name of the key itself."""
        return self.name if self.name.startswith("alias/") else None

    @property
    def key_id(self) -> str:
        """The id of the key; empty for an alias."""
        return self.name.partition("key/")[2]


def read_key_name(registry: Registry, key: str) -> KeyName:
    """Return the name of a key that a request gives as ARN, alias or id.

    Raises ``KmsException`` for a key of another Region or partition.
    """
    if not key.startswith("arn:"):
        return KeyName(registry, key if key.startswith(("alias/", "key/")) else f"key/{key}")
    match = _ARN.fullmatch(key)
    if match is None or match["partition"] != registry.partition or not match["name"].startswith(("key/", "alias/")):
        raise KmsException(f"Invalid arn {key}", kms_error="NotFoundException")
    if match["region"] != registry.region:
        raise KmsException(f"Invalid arn {match['region']}", kms_error="NotFoundException")
    return KeyName(Registry(match["account"], registry.region), match["name"])


def managed_key(registry: Registry) -> KeyName:
    """Return the name of the key that AWS manages for ECR in an account and Region. Its id is always the same."""
    return KeyName(registry, f"key/{_id_of(KeyName(registry, MANAGED_KEY))}")


def key_arn_of(encryption: Encryption, registry: Registry) -> str | None:
    """Return the ARN of the key of a repository in a registry; None for AES256, which needs none."""
    return (encryption.kms_key or managed_key(registry).arn) if encryption.has_key else None


def derived_key_arn(registry: Registry, key: str | None) -> str:
    """Return an ARN for a key that need not exist.

    The id of an aliased key is derived from the alias, so an alias always means the same key. Raises ``KmsException``
    for a key of another Region or partition.
    """
    named = read_key_name(registry, key or MANAGED_KEY)
    return named._replace(name=f"key/{_id_of(named)}").arn


def _id_of(named: KeyName) -> str:
    return named.key_id or str(uuid.uuid5(uuid.NAMESPACE_URL, named.arn))

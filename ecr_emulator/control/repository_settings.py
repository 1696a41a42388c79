"""What repositories and creation templates have in common: tag mutability and encryption, read and written."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.encryption_keys import key_arn
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.errors import InvalidParameterException

MAX_WILDCARDS = 2
"""The most wildcards in one exclusion filter."""

_FILTERS = "imageTagMutabilityExclusionFilters"
_ENCRYPTION = "encryptionConfiguration"


def read_mutability(members: dict[str, Any], default_mode: str = "MUTABLE") -> TagMutability:
    """The tag mutability that a request asks for; filters and mode must agree.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """
    mode = members.get("imageTagMutability", default_mode)
    filters = members.get(_FILTERS)
    subject = "ImageTagMutabilityExclusionFilters"
    if filters is None and mode.endswith("_WITH_EXCLUSION"):
        raise InvalidParameterException.at(
            _FILTERS, f"{subject} can't be null when imageTagMutability is set as {mode}"
        )
    if filters is not None and not mode.endswith("_WITH_EXCLUSION"):
        raise InvalidParameterException.at(
            _FILTERS, f"{subject} are not allowed when imageTagMutability is set as {mode}"
        )
    patterns = tuple(each["filter"] for each in filters or ())
    if any(pattern.count("*") > MAX_WILDCARDS for pattern in patterns):
        raise InvalidParameterException.at(_FILTERS, f"A filter can have at most {MAX_WILDCARDS} wildcards (*)")
    return TagMutability(mode, patterns)


def described_mutability(mutability: TagMutability) -> dict[str, Any]:
    """The members that tell of tag mutability; filters only where there are some."""
    filters = [{"filterType": "WILDCARD", "filter": pattern} for pattern in mutability.exclusion_filters]
    return {"imageTagMutability": mutability.mode, _FILTERS: filters or None}


def read_encryption(members: dict[str, Any], region: str) -> Encryption:
    """The encryption that a request asks for.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    """
    given = members.get(_ENCRYPTION, {"encryptionType": "AES256"})
    kind, key = given["encryptionType"], given.get("kmsKey") or None
    if kind == "AES256" and key:
        raise invalid_encryption("Encryption key should not be set for AES256 encryption.")
    if kind == "KMS_DSSE" and not region.startswith("us-gov-"):
        raise invalid_encryption("Encryption type KMS_DSSE is not supported in this Region.")
    return Encryption(kind, key)


def described_encryption(encryption: Encryption, registry: Registry) -> dict[str, Any]:
    """How a repository of this registry is encrypted: always with a key's ARN, unless by AES256."""
    if encryption.type == "AES256":
        return {"encryptionType": encryption.type}
    return {"encryptionType": encryption.type, "kmsKey": key_arn(registry, encryption.kms_key)}


def invalid_encryption(reason: str) -> InvalidParameterException:
    """An encryption that nothing can have."""
    return InvalidParameterException.at(_ENCRYPTION, f"Invalid encryption configuration: {reason}")

"""Tag mutability and encryption, as requests and answers for repositories and creation templates contain them."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.encryption_keys import key_arn_of
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.errors import InvalidParameterException

MAX_WILDCARDS = 2
"""Maximum number of wildcards in one exclusion filter."""

_FILTERS = "imageTagMutabilityExclusionFilters"
_ENCRYPTION = "encryptionConfiguration"


def read_mutability(members: dict[str, Any], default_mode: str = "MUTABLE") -> TagMutability:
    """Return the tag mutability of a request. Raises ``InvalidParameterException`` if filters and mode do not agree.

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
    """Return the members of an answer that describe tag mutability. The filters are None if there are none."""
    filters = [{"filterType": "WILDCARD", "filter": pattern} for pattern in mutability.exclusion_filters]
    return {"imageTagMutability": mutability.mode, _FILTERS: filters or None}


def read_encryption(members: dict[str, Any], region: str) -> Encryption:
    """Return the encryption of a request. Raises ``InvalidParameterException`` if ECR does not support it.

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
    """Return the encryption of a repository as answers contain it: with the ARN of a key, unless it is AES256."""
    return {"encryptionType": encryption.type, "kmsKey": key_arn_of(encryption, registry)}


def invalid_encryption(reason: str) -> InvalidParameterException:
    """Return the error for an encryption that is not valid."""
    return InvalidParameterException.at(_ENCRYPTION, f"Invalid encryption configuration: {reason}")

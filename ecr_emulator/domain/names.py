"""The names of ECR and OCI: registries, repositories, tags, digests and ARNs."""

from __future__ import annotations

import hashlib
import re

from ecr_emulator.domain.partitions import partition_of
from ecr_emulator.quick_dataclasses import dataclass

ACCOUNT_ID = r"[0-9]{12}"
"""The pattern of an account id."""
REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]"
"""The pattern of a Region's name, like ``eu-west-1``."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_REPOSITORY_ARN = re.compile(rf"arn:aws[a-z-]*:ecr:([a-z0-9-]+):({ACCOUNT_ID}):repository/(.+)")
_HEX_LENGTHS = {"sha256": 64, "sha512": 128}

ALGORITHMS = frozenset(_HEX_LENGTHS)
"""The digest algorithms that the emulator can verify."""
DIGEST_CONSTRAINT = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
"""The pattern that ECR quotes in errors about a digest."""
TAG_CONSTRAINT = "[a-zA-Z0-9-_.]+"
"""The pattern that ECR quotes in errors about an image tag."""

DIGEST_PATTERN = re.compile(r"[a-zA-Z0-9\-_+.]+:[a-fA-F0-9]+")
TAG_PATTERN = re.compile(r"[a-zA-Z0-9\-_.]+")


@dataclass(frozen=True, slots=True)
class Registry:
    """A private registry: one account in one Region."""

    id: str
    region: str

    @property
    def partition(self) -> str:
        """The AWS partition of the Region, as it appears in ARNs."""
        return partition_of(self.region).name

    @property
    def host(self) -> str:
        """The host name that real ECR gives this registry."""
        return f"{self.id}.dkr.ecr.{self.region}.{partition_of(self.region).dns_suffix}"

    def arn(self, repository_name: str) -> str:
        """The ARN of a repository of this registry, whether or not it exists."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.id}:repository/{repository_name}"


def parse_repository_arn(arn: str) -> tuple[Registry, str] | None:
    """Return the registry and repository name in a repository ARN; None for other texts.

    The partition is not checked. If it does not match the Region, the ARN is not equal to any ``Registry.arn``.
    """
    match = _REPOSITORY_ARN.fullmatch(arn)
    if match is None:
        return None
    region, account, name = match.groups()
    return Registry(account, region), name


def is_account_id(text: str) -> bool:
    """Whether a text is an account id: twelve digits."""
    return re.fullmatch(ACCOUNT_ID, text) is not None


def is_region(text: str) -> bool:
    """Whether a Region may have this name."""
    return re.fullmatch(REGION, text) is not None


def is_repository_name(text: str) -> bool:
    """Whether a repository may have this name: ECR's pattern, which is OCI's, and 2 to 256 characters."""
    return 2 <= len(text) <= 256 and is_oci_name(text)


def is_oci_name(text: str) -> bool:
    """Whether a registry may have a repository of this name: OCI's pattern, without ECR's limits of the length."""
    return _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether an OCI client may use this as a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether a text is a digest that can be verified: sha256 or sha512 with lower-case hex of full length."""
    algorithm, _, encoded = text.partition(":")
    length = _HEX_LENGTHS.get(algorithm)
    return length == len(encoded) and all(character in "0123456789abcdef" for character in encoded)


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the OCI digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def algorithm_of(digest: str) -> str:
    """Return the algorithm that a digest names."""
    return digest.partition(":")[0]

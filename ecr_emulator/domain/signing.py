"""Managed signing: the signing profiles with which a registry signs its images.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.wildcards import matches

DOCUMENT = "signing"
"""The name of the registry document that holds the configuration, and of the image document with its statuses."""
SIGNATURE = "application/vnd.cncf.notary.signature"
"""The artifact type of signatures. Signatures are not signed."""
COSIGN = ("application/vnd.dev.cosign.", "application/vnd.dev.sigstore.bundle")
"""Prefixes of the artifact types of cosign's signatures."""


def is_signature(artifact_type: str | None) -> bool:
    """Whether an artifact of this type is a signature of Notation or of cosign."""
    return artifact_type is not None and (artifact_type == SIGNATURE or artifact_type.startswith(COSIGN))


def cosign_tag(digest: str) -> str:
    """Return the tag under which cosign stores the signatures of an image in registries without referrers."""
    return f"{digest.replace(':', '-')}.sig"


def signing_profiles(configuration: dict[str, Any], repository_name: str) -> list[str]:
    """Return the ARNs of the profiles whose rules match a repository, each once. A rule without filters matches all."""
    return list(
        dict.fromkeys(
            rule["signingProfileArn"]
            for rule in configuration["rules"]
            if _matches_any(rule.get("repositoryFilters"), repository_name)
        )
    )


def _matches_any(filters: list[dict[str, str]] | None, repository_name: str) -> bool:
    return filters is None or any(matches(each["filter"], repository_name) for each in filters)

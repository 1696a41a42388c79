"""The grants by which ECR uses the key of a repository: one for the bucket of its manifests, one for its layers.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.repository import Repository

OPERATIONS = ("GenerateDataKey", "Decrypt")
_CONTENTS = ("manifest", "layer")
_REPOSITORY, _BUCKET = (f"aws:{service}:arn" for service in ("ecr", "s3"))
"""The keys of the encryption context."""


def add_grants(key: Any, repository: Repository) -> None:
    """Create the grants of a repository on its key, unless the key has them."""
    present = {_context(grant).get(_BUCKET) for grant in _grants_of(key, repository)}
    ecr = f"ecr.{repository.registry.region}.amazonaws.com"
    for content in _CONTENTS:
        bucket = f"arn:{repository.registry.partition}:s3:::{repository.registry.region}-starport-{content}-bucket"
        if bucket not in present:
            context = {_BUCKET: bucket, _REPOSITORY: repository.arn}
            constraints = {"EncryptionContextSubset": context}
            key.add_grant(f"{repository.name}-{content}", ecr, list(OPERATIONS), constraints, ecr)


def has_grants(key: Any, repository: Repository) -> bool:
    """Return whether a key has all grants of a repository."""
    return len(_grants_of(key, repository)) >= len(_CONTENTS)


def retire_grants(key: Any, repository: Repository) -> None:
    """Retire the grants of a repository on its key."""
    for grant in _grants_of(key, repository):
        key.retire_grant(grant.id)


def _grants_of(key: Any, repository: Repository) -> list[Any]:
    return [grant for grant in list(key.grants.values()) if _context(grant).get(_REPOSITORY) == repository.arn]


def _context(grant: Any) -> dict[str, str]:
    context: dict[str, str] = (grant.constraints or {}).get("EncryptionContextSubset", {})
    return context

"""The port of KMS."""

from __future__ import annotations

from typing import Protocol

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository


class EncryptionKeys(Protocol):
    """KMS, as far as the encryption of repositories needs it."""

    def find(self, registry: Registry, key: str | None) -> str:
        """Return the ARN of a key that a new repository can use.

        The key is given as ARN, id, alias or ARN of an alias; None is the key that AWS manages for ECR.
        Raises ``KmsException``.
        """

    def check(self, repository: Repository) -> None:
        """Raise ``KmsException`` if the images of a repository cannot be read and written, because of its key."""

    def add_grants(self, repository: Repository) -> None:
        """Create the grants by which ECR uses the key of a new repository."""

    def retire_grants(self, repository: Repository) -> None:
        """Retire the grants of a repository that is deleted."""

"""Keys that are only names: for users who name keys of KMS and do not create them."""

from __future__ import annotations

from ecr_emulator.domain.encryption_keys import derived_key_arn
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository


class NamedKeys:
    """``ports.encryption_keys.EncryptionKeys`` without KMS: every key of the right Region and partition can be used."""

    def find(self, registry: Registry, key: str | None) -> str:
        return derived_key_arn(registry, key)

    def check(self, repository: Repository) -> None:
        """Do nothing: a name can always be used."""

    def add_grants(self, repository: Repository) -> None:
        """Do nothing: a name has no grants."""

    def retire_grants(self, repository: Repository) -> None:
        """Do nothing: a name has no grants."""

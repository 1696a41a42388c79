"""The port of Secrets Manager."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ecr_emulator.domain.names import Registry

ABSENT = "The secret could not be found."
MALFORMED = "The secret is not valid JSON with the keys username and accessToken."
"""Reasons why a secret has no credential for a rule, in the words of ``ValidatePullThroughCacheRule``."""


class Credential(NamedTuple):
    """The user name and access token for an upstream registry."""

    username: str
    access_token: str


class SecretSource(Protocol):
    """Secrets Manager, as far as pull through needs it."""

    def check_exists(self, arn: str, registry: Registry) -> None:
        """Raise ``SecretNotFoundException``, ``UnableToAccessSecretException`` or
        ``UnableToDecryptSecretValueException`` unless the registry can read this secret."""

    def credential(self, arn: str, registry: Registry) -> Credential:
        """Read the secret and return its credential. Raises ``UpstreamAccessDenied`` with the reason if the secret
        does not exist or has no ``username`` and ``accessToken``."""

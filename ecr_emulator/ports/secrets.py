"""The port of Secrets Manager."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ecr_emulator.domain.names import Registry

ABSENT = "The secret could not be found."
MALFORMED = "The secret is not valid JSON with the keys username and accessToken."
"""Why a secret gives a rule no credential, in the words that the validation of the rule uses."""


class Credential(NamedTuple):
    """How to sign in at an upstream registry."""

    username: str
    access_token: str


class SecretSource(Protocol):
    """Secrets Manager, as far as pull through needs it."""

    def check_exists(self, arn: str, registry: Registry) -> None:
        """Raise ``SecretNotFoundException``, ``UnableToAccessSecretException`` or
        ``UnableToDecryptSecretValueException`` unless the registry can read this secret."""

    def credential(self, arn: str, registry: Registry) -> Credential:
        """The credential in the secret, read anew. Raises ``UpstreamAccessDenied`` with the reason if the secret
        is gone or does not hold ``username`` and ``accessToken``."""

"""Secrets of the Secrets Manager companion, for pull through.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.companions.kept_documents import Kept, KeptDocuments
from ecr_emulator.companions.secret_documents import all_records, as_document, put_back, read_document
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import (
    SecretNotFoundException,
    UnableToAccessSecretException,
    UnableToDecryptSecretValueException,
)
from ecr_emulator.ports.secrets import ABSENT, MALFORMED, Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied

SECRETS_MANAGER = "secretsmanager"
DEFAULT_KEY = "alias/aws/secretsmanager"
UNREADABLE = "The secret is encrypted with a customer managed key, which pull through cache cannot use."

KEPT = Kept(
    "secrets",
    empty=as_document([]),
    text=lambda: as_document(all_records()),
    reader=lambda text: partial(put_back, read_document(text)),
)


class CompanionSecrets:
    """``ports.secrets.SecretSource`` on the Secrets Manager companion; uses moto, so the first call imports it.

    All secrets are kept in a document. While it cannot be read, no secret can be accessed, and every error names it.
    """

    def __init__(self, companions: Companions, kept: KeptDocuments) -> None:
        self._companions = companions
        kept.keep(SECRETS_MANAGER, KEPT)

    def check_exists(self, arn: str, registry: Registry) -> None:
        try:
            secret = self._find(arn, registry)
        except CompanionFailure as failure:
            raise UnableToAccessSecretException(str(failure)) from failure
        if secret is None:
            raise SecretNotFoundException
        if not _has_default_key(secret):
            raise UnableToDecryptSecretValueException

    def credential(self, arn: str, registry: Registry) -> Credential:
        try:
            secret = self._find(arn, registry)
        except CompanionFailure as failure:
            raise UpstreamAccessDenied(str(failure)) from failure
        if secret is None:
            raise UpstreamAccessDenied(ABSENT)
        if not _has_default_key(secret):
            raise UpstreamAccessDenied(UNREADABLE)
        return _credential_in(_current_value(secret))

    def _find(self, arn: str, registry: Registry) -> Any:
        """Return the secret unless it is deleted, by its ARN with or without the suffix of Secrets Manager."""
        self._companions.load()
        with self._companions.entered():
            return _find(arn, registry)


def _find(arn: str, registry: Registry) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    regions = secretsmanager_backends[registry.id]
    if registry.region not in regions:
        return None
    secrets = list(dict.values(regions[registry.region].secrets))
    by_arn = {secret.arn[:-7]: secret for secret in secrets} | {secret.arn: secret for secret in secrets}
    secret = by_arn.get(arn)
    return None if secret is None or secret.is_deleted() else secret


def _has_default_key(secret: Any) -> bool:
    key = getattr(secret, "kms_key_id", None)  # a replica has no key of its own: moto gives it the default key
    return key is None or key == DEFAULT_KEY or key.endswith(f":{DEFAULT_KEY}")


def _current_value(secret: Any) -> str | None:
    versions = list(secret.versions.values())
    return next(
        (version.get("secret_string") for version in versions if "AWSCURRENT" in version["version_stages"]), None
    )


def _credential_in(value: str | None) -> Credential:
    try:
        content = json.loads(value or "")
        username, access_token = content["username"], content["accessToken"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise UpstreamAccessDenied(MALFORMED) from None
    if not (isinstance(username, str) and isinstance(access_token, str)):
        raise UpstreamAccessDenied(MALFORMED)
    return Credential(username, access_token)

"""Secrets Manager as pull through sees it, and a place where its secrets outlive the process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from ecr_emulator.companions.mount import Companions
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import (
    SecretNotFoundException,
    UnableToDecryptSecretValueException,
    UpstreamAccessDenied,
)
from ecr_emulator.ports import Credential

FILE = Path("companions") / "secretsmanager.json"
DEFAULT_KEY = "alias/aws/secretsmanager"
ELSEWHERE = (
    "The ARN of the secret specified in the pull through cache rule was not found. Please verify the secret exists in "
    "the same region and account that the pullthrough cache rule will be created in."
)
MISSING = "The secret could not be found."
MALFORMED = "The secret is not valid JSON with the keys username and accessToken."
UNREADABLE = "The secret is encrypted with a customer managed key, which pull through cache cannot use."


class SecretsFileBroken(Exception):
    """The file that keeps the secrets cannot be read."""

    def __init__(self, file: Path, reason: object) -> None:
        super().__init__(f"{file} does not hold secrets as this emulator writes them: {reason}. Move it away to start.")


class CompanionSecrets:
    """``ports.SecretSource`` on the Secrets Manager companion.

    With a data directory, all secrets are written to a file after every call and read again at the next start.
    """

    def __init__(self, companions: Companions, data_dir: Path | None) -> None:
        self._companions = companions
        self._lock = Lock()
        if data_dir:
            self._file = data_dir / FILE
            companions.at_load(self._restore)
            companions.after_calls("secretsmanager.", self._keep)

    def check_exists(self, arn: str, registry: Registry) -> None:
        """See ``ports.SecretSource.check_exists``."""
        _, _, _, region, account, *_ = arn.split(":")
        if Registry(account, region) != registry:
            raise SecretNotFoundException(ELSEWHERE)
        secret = self._find(arn, registry)
        if secret is None:
            raise SecretNotFoundException
        if not _has_default_key(secret):
            raise UnableToDecryptSecretValueException

    def credential(self, arn: str, registry: Registry) -> Credential:
        """See ``ports.SecretSource.credential``."""
        secret = self._find(arn, registry)
        if secret is None:
            raise UpstreamAccessDenied(MISSING)
        if not _has_default_key(secret):
            raise UpstreamAccessDenied(UNREADABLE)
        current = secret.versions.get(secret.default_version_id, {})
        try:
            content = json.loads(current["secret_string"])
            username, access_token = content["username"], content["accessToken"]
        except (KeyError, TypeError, ValueError):
            raise UpstreamAccessDenied(MALFORMED) from None
        if not (isinstance(username, str) and isinstance(access_token, str)):
            raise UpstreamAccessDenied(MALFORMED)
        return Credential(username, access_token)

    def _find(self, arn: str, registry: Registry) -> Any:
        """The secret that is not deleted, by its ARN with or without the suffix that Secrets Manager adds."""
        self._companions.load()
        from moto.secretsmanager.models import secretsmanager_backends

        secrets = list(dict.values(secretsmanager_backends[registry.id][registry.region].secrets))
        alive = [secret for secret in secrets if not secret.is_deleted()]
        return next((secret for secret in alive if arn in (secret.arn, secret.arn[:-7])), None)

    def _keep(self) -> None:
        from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

        with self._lock:
            kept = [
                {name: value for name, value in vars(secret).items() if name != "replicas"}
                for regions in list(secretsmanager_backends.values())
                for backend in list(regions.values())
                for secret in list(dict.values(backend.secrets))
                if isinstance(secret, FakeSecret)
            ]
            _write(self._file, json.dumps(kept, default=_bytes_as_text))

    def _restore(self) -> None:
        from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

        if not self._file.exists():
            return
        try:
            for kept in json.loads(self._file.read_text(encoding="utf-8"), object_hook=_text_as_bytes):
                account, region, name = kept["account_id"], kept["region"], kept["name"]
                secret = FakeSecret(account, region, name, {}, "")
                vars(secret).update(kept)
                secretsmanager_backends[account][region].secrets[name] = secret
        except (ValueError, TypeError, KeyError) as broken:
            raise SecretsFileBroken(self._file, broken) from broken


def _has_default_key(secret: Any) -> bool:
    return secret.kms_key_id in (None, DEFAULT_KEY) or str(secret.kms_key_id).endswith(f":{DEFAULT_KEY}")


def _bytes_as_text(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"latin-1": value.decode("latin-1")}
    raise TypeError(f"a secret holds a {type(value).__name__}")


def _text_as_bytes(value: dict[str, Any]) -> Any:
    return value["latin-1"].encode("latin-1") if value.keys() == {"latin-1"} else value


def _write(file: Path, text: str) -> None:
    """Replace a file as a whole, for its owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)

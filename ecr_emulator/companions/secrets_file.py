"""A file in which the secrets of Secrets Manager outlive the process.

It holds what moto knows of each secret, by moto's own names: ARN, versions with their stages and values, tags, KMS key,
policy, rotation, date of deletion, and the Regions of its replicas.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from ecr_emulator.companions.mount import Companions
from ecr_emulator.companions.refusals import CompanionFailure

VERSION = 1


class SecretsFileBroken(CompanionFailure):
    """The file that keeps the secrets cannot be read. It is left as it is."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path} does not hold secrets as this emulator writes them: {reason}. Move it away to go on.")


class SecretsFile:
    """Writes all secrets of the process when they have changed, and reads them at moto's first use.

    The file is replaced as a whole, for its owner's eyes only, before the call that changed it is answered.
    Raises ``SecretsFileBroken`` when moto is first used.
    """

    def __init__(self, path: Path, companions: Companions) -> None:
        self._path = path
        self._lock = Lock()
        self._written = _as_text([])
        companions.at_load(self._restore)
        companions.after_each_call(self._keep)
        companions.at_reset(self._forget)

    def _keep(self) -> None:
        with self._lock:
            text = _as_text(_all_secrets())
            if text != self._written:
                _replace(self._path, text)
                self._written = text

    def _restore(self) -> None:
        if not self._path.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
            _put_back(_from_text(text))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
            raise SecretsFileBroken(self._path, repr(broken)) from broken
        self._written = text

    def _forget(self) -> None:
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._written = _as_text([])


def _as_text(secrets: list[dict[str, Any]]) -> str:
    return json.dumps({"version": VERSION, "secrets": secrets})


def _from_text(text: str) -> list[dict[str, Any]]:
    kept = json.loads(text)
    if kept["version"] != VERSION:
        raise ValueError(f"its version is {kept['version']!r}, not {VERSION}")
    secrets: list[dict[str, Any]] = kept["secrets"]
    return secrets


def _all_secrets() -> list[dict[str, Any]]:
    from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

    return [
        vars(secret) | {"replicas": [replica.region for replica in secret.replicas if replica.has_replica]}
        for regions in list(secretsmanager_backends.values())
        for backend in list(regions.values())
        for secret in list(dict.values(backend.secrets))
        if isinstance(secret, FakeSecret)
    ]


def _put_back(kept: list[dict[str, Any]]) -> None:
    """Into moto, all of them or none; replicas come last, since they give way to a secret of the same name."""
    from moto.secretsmanager.models import secretsmanager_backends

    revived = [(each, _revived(each)) for each in kept]
    homes = [secretsmanager_backends[secret.account_id][secret.region].secrets for _, secret in revived]
    for home, (_, secret) in zip(homes, revived, strict=True):
        home[secret.name] = secret
    for each, secret in revived:
        secret.replicas = secret.create_replicas([{"Region": region} for region in each["replicas"]], False)


def _revived(kept: dict[str, Any]) -> Any:
    from moto.secretsmanager.models import FakeSecret

    secret = FakeSecret(kept["account_id"], kept["region"], kept["name"], {}, "")
    if kept.keys() != vars(secret).keys():
        raise ValueError(f"moto does not know {sorted(kept.keys() ^ vars(secret).keys())}")
    vars(secret).update(kept, replicas=[])
    return secret


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)

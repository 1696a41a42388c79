"""A file that keeps the secrets of Secrets Manager across restarts, in the format of ``secret_records``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.companions.secret_records import VERSION, Record, familiar_moto, record_of, records_in, secret_of
from ecr_emulator.private_files import FOLDER, owner_only


class SecretsFileBroken(CompanionFailure):
    """The file that keeps the secrets cannot be read. It is left as it is."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path} does not hold secrets as this emulator writes them: {reason}. Move it away to go on.")


class SecretsFile:
    """Writes all secrets of the emulator when they have changed, and reads them at the first use of moto.

    The whole file is replaced, readable by its owner only, before the call that changed a secret is answered.
    Raises ``SecretsFileBroken`` or ``MotoUnfamiliar`` when moto is first used.
    """

    def __init__(self, path: Path, companions: Companions) -> None:
        self._path = path
        self._lock = Lock()
        self._written = _as_text([])
        companions.at_load(self._restore)
        companions.after_each_call(self._keep)
        companions.at_reset(self._forget)
        companions.in_snapshots(self._text, self._put)

    def _keep(self) -> None:
        with self._lock:
            text = _as_text(_all_records())
            if text != self._written:
                _replace(self._path, text)
                self._written = text

    def _restore(self) -> None:
        if not self._path.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
            records = records_in(json.loads(text))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
            raise SecretsFileBroken(self._path, repr(broken)) from broken
        _put_back(records)
        self._written = text

    def _forget(self) -> None:
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._written = _as_text([])

    def _text(self) -> str | None:
        return self._path.read_text(encoding="utf-8") if self._path.exists() else None

    def _put(self, text: str | None) -> None:
        if text is None:
            self._forget()
            return
        with self._lock:
            _replace(self._path, text)
            self._written = text


def _as_text(records: list[Record]) -> str:
    return json.dumps({"version": VERSION, "secrets": records})


def _all_records() -> list[Record]:
    from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

    return [
        record_of(secret)
        for regions in list(secretsmanager_backends.values())
        for backend in list(regions.values())
        for secret in list(dict.values(backend.secrets))
        if isinstance(secret, FakeSecret)
    ]


def _put_back(records: list[Record]) -> None:
    """Put all secrets or none into moto; replicas come last, since a secret of the same name has precedence."""
    from moto.secretsmanager.models import secretsmanager_backends

    revived = [secret_of(record) for record in records]
    homes = [secretsmanager_backends[record["account"]][record["region"]].secrets for record in records]
    for home, secret in zip(homes, revived, strict=True):
        home[secret.name] = secret
    with familiar_moto():
        for record, secret in zip(records, revived, strict=True):
            secret.replicas = secret.create_replicas([{"Region": region} for region in record["replicas"]], False)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(FOLDER, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", opener=owner_only) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)

"""A file that keeps the secrets of Secrets Manager across restarts, in the format of ``secret_records``."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.companions.secret_documents import all_records, as_document, put_back, read_document
from ecr_emulator.private_files import FOLDER, owner_only


class SecretsFileBroken(CompanionFailure):
    """The file that keeps the secrets cannot be read. It is left as it is."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path} does not hold secrets as this emulator writes them: {reason}. Move it away to go on.")


class SecretsFile:
    """Writes all secrets of the emulator when they have changed, and reads them at the first use of moto.

    The whole file is replaced, readable by its owner only, before the call that changed a secret is answered.
    Raises ``SecretsFileBroken`` or ``IncompatibleMoto`` when moto is first used.
    """

    def __init__(self, path: Path, companions: Companions) -> None:
        self._path = path
        self._lock = Lock()
        self._written = as_document([])
        companions.at_load(self._restore)
        companions.after_each_call(self._keep)
        companions.at_reset(self._forget)
        companions.in_snapshots(self._text, self._put)

    def _keep(self) -> None:
        with self._lock:
            text = as_document(all_records())
            if text != self._written:
                _replace(self._path, text)
                self._written = text

    def _restore(self) -> None:
        if not self._path.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
            records = read_document(text)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
            raise SecretsFileBroken(self._path, repr(broken)) from broken
        put_back(records)
        self._written = text

    def _forget(self) -> None:
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._written = as_document([])

    def _text(self) -> str | None:
        return self._path.read_text(encoding="utf-8") if self._path.exists() else None

    def _put(self, text: str | None) -> None:
        if text is None:
            self._forget()
            return
        with self._lock:
            _replace(self._path, text)
            self._written = text


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(FOLDER, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", opener=owner_only) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)

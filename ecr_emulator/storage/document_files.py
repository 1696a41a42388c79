"""Documents of companions in the files of a folder, readable by their owner only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock

from ecr_emulator.ports.companion_documents import Document
from ecr_emulator.synced_files import make_folder, remove, replace_text

COMPANIONS = "companions"
"""The folder of the data directory."""


class DocumentFiles:
    """``ports.companion_documents.CompanionDocuments`` in the files of one process. A file is replaced as a whole."""

    are_shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = RLock()

    def names(self) -> list[str]:
        """Return the names of all documents."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def changing(self) -> AbstractContextManager[object]:
        return self._lock

    def versions(self) -> Mapping[str, int]:
        return {}

    def find(self, name: str) -> Document:
        path = self._path(name)
        return Document(0, path.read_text(encoding="utf-8") if path.exists() else None)

    def put(self, name: str, text: str | None) -> int:
        path = self._path(name)
        if text is None:
            remove(path)
        else:
            make_folder(path.parent)
            replace_text(path, text)
        return 0

    def touch(self, name: str) -> int:
        return 0

    def place(self, name: str) -> str:
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

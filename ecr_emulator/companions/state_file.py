"""A file that keeps a part of the companions' state across restarts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.error_responses import CompanionFailure
from ecr_emulator.synced_files import make_folder, remove, replace_text


class StateFileBroken(CompanionFailure):
    """A file that keeps state cannot be read. It is left as it is."""

    def __init__(self, path: Path, content: str, reason: object) -> None:
        super().__init__(
            f"{path} does not hold {content} as this emulator writes them: {reason}. Move it away to go on."
        )


class Kept(NamedTuple):
    """A part of moto's state that is kept, as a document of JSON.

    ``content`` names it in errors, and ``empty`` is the document of none. ``text`` returns the current document.
    ``reader`` returns a function that puts the content of a document into moto, and raises ``ValueError``,
    ``TypeError``, ``LookupError`` or ``AttributeError`` for a text that is no such document. ``services`` are those
    whose calls can change it; None for all.
    """

    content: str
    empty: str
    text: Callable[[], str]
    reader: Callable[[str], Callable[[], None]]
    services: frozenset[str] | None = None


class StateFile:
    """Writes a part of the state when it has changed, and reads it at the first use of moto.

    The whole file is replaced, readable by its owner only, before the call that changed the state is answered.
    Raises ``StateFileBroken`` or ``IncompatibleMoto`` when moto is first used.
    """

    def __init__(self, path: Path, companions: Companions, kept: Kept) -> None:
        self._path = path
        self._kept = kept
        self._lock = Lock()
        self._written = kept.empty
        companions.at_load(self._restore)
        companions.after_each_call(self._keep, kept.services)
        companions.at_reset(self._forget)
        companions.in_snapshots(self._text, self._put)

    def exists(self) -> bool:
        """Return whether there is a file, which this or an earlier process wrote."""
        return self._path.exists()

    def _keep(self) -> None:
        with self._lock:
            text = self._kept.text()
            if text != self._written:
                _replace(self._path, text)
                self._written = text

    def _restore(self) -> None:
        if not self.exists():
            return
        try:
            text = self._path.read_text(encoding="utf-8")
            put_back = self._kept.reader(text)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as broken:
            raise StateFileBroken(self._path, self._kept.content, repr(broken)) from broken
        put_back()
        self._written = text

    def _forget(self) -> None:
        with self._lock:
            remove(self._path)
            self._written = self._kept.empty

    def _text(self) -> str | None:
        return self._path.read_text(encoding="utf-8") if self.exists() else None

    def _put(self, text: str | None) -> None:
        if text is None:
            self._forget()
            return
        with self._lock:
            _replace(self._path, text)
            self._written = text


def _replace(path: Path, text: str) -> None:
    make_folder(path.parent)
    replace_text(path, text)

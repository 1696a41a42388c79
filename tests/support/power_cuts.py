"""The files of a disk after a loss of power, computed from the system calls of a program.

A file keeps the bytes of its last sync, and a folder the names of its last sync. Any of the later writes and names may
have reached the disk: the operating system writes them when it likes, and in any order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.support.system_calls import Call

Choice = Callable[[], bool]
"""Whether a write or a name that was not synced has reached the disk."""


class File:
    """The bytes of a file: those that are synced, and the writes since then."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.synced = bytearray()
        self.writes: list[tuple[int, bytes | None]] = []
        self.forgotten = 0

    def write(self, offset: int, data: bytes) -> None:
        self._note(offset, data)

    def truncate(self, size: int) -> None:
        self._note(size, None)

    def mark(self) -> int:
        """Return the number of writes so far, which a sync that begins now covers."""
        return self.forgotten + len(self.writes)

    def sync(self, mark: int) -> None:
        """End a sync that began at a mark."""
        number = max(0, mark - self.forgotten)
        for each in self.writes[:number]:
            _apply(self.synced, *each)
        del self.writes[:number]
        self.forgotten += number

    def left(self, choice: Choice) -> bytes:
        """Return the bytes that are left after a loss of power."""
        left = bytearray(self.synced)
        for each in self.writes:
            if choice():
                _apply(left, *each)
        return bytes(left)

    def _note(self, offset: int, data: bytes | None) -> None:
        self.writes.append((offset, data))
        _apply(self.content, offset, data)


class Folder:
    """The names in a folder, and those that are synced."""

    def __init__(self) -> None:
        self.names: dict[str, File | Folder] = {}
        self.synced: dict[str, File | Folder] = {}

    def left(self, choice: Choice) -> dict[str, File | Folder]:
        """Return the names that are left after a loss of power."""
        left = dict(self.synced)
        for name in self.names.keys() | self.synced.keys():
            new = self.names.get(name)
            if new is not self.synced.get(name) and choice():
                if new is None:
                    del left[name]
                else:
                    left[name] = new
        return left


class Disk:
    """The content of a folder that is empty at first, after the calls that were passed to ``follow``."""

    def __init__(self, top: Path) -> None:
        self._top = os.fspath(top)
        self.root = Folder()
        self._offsets: dict[str, int] = {}
        self._syncs: dict[int, tuple[File, int] | tuple[Folder, dict[str, File | Folder]]] = {}

    def follow(self, call: Call) -> None:
        """Note the change that a call makes. Calls that fail, or that are about other files, change nothing."""
        if not call.paths or not any(self._is_inside(path) for path in call.paths):
            return
        if call.name in ("fsync", "fdatasync"):
            self._sync(call)
        elif call.result is not None and call.result >= 0:
            handler = getattr(self, f"_{call.name}", None)
            assert handler, call
            handler(call)

    def after_power_cut(self, target: Path, choice: Choice) -> None:
        """Write what is left after a loss of power into a new folder."""
        _write(self.root.left(choice), target, choice)

    def files(self) -> dict[str, bytes]:
        """Return the content of all files by their paths, as programs see them while there is power."""
        return dict(_files(self.root, ""))

    # --- The calls -------------------------------------------------------------------------------------

    def _openat(self, call: Call) -> None:
        if "O_CREAT" in call.flags and self._find(call.paths[0]) is None:
            self._parent(call.paths[0]).names[os.path.basename(call.paths[0])] = File()
        found = self._find(call.paths[0])
        if isinstance(found, File):
            self._offsets[f"{call.result} {call.paths[0]}"] = 0
            if "O_TRUNC" in call.flags:
                found.truncate(0)

    def _mkdir(self, call: Call) -> None:
        self._parent(call.paths[0]).names[os.path.basename(call.paths[0])] = Folder()

    _mkdirat = _mkdir

    def _rename(self, call: Call) -> None:
        old, new = call.paths
        names = self._parent(old).names
        self._parent(new).names[os.path.basename(new)] = names.pop(os.path.basename(old))

    _renameat = _renameat2 = _rename

    def _link(self, call: Call) -> None:
        old, new = call.paths
        self._parent(new).names[os.path.basename(new)] = self._parent(old).names[os.path.basename(old)]

    _linkat = _link

    def _unlink(self, call: Call) -> None:
        del self._parent(call.paths[0]).names[os.path.basename(call.paths[0])]

    _unlinkat = _rmdir = _unlink

    def _write(self, call: Call) -> None:
        offset = self._offset(call)
        self._file(call).write(offset, call.data[: call.result])
        self._offsets[self._handle(call)] = offset + (call.result or 0)

    def _pwrite64(self, call: Call) -> None:
        self._file(call).write(call.numbers[-1], call.data[: call.result])

    def _lseek(self, call: Call) -> None:
        self._offsets[self._handle(call)] = call.result or 0

    def _ftruncate(self, call: Call) -> None:
        self._file(call).truncate(call.numbers[0])

    def _fallocate(self, call: Call) -> None:
        file, (offset, length) = self._file(call), call.numbers[-2:]
        if len(file.content) < offset + length:
            file.truncate(offset + length)

    def _sync(self, call: Call) -> None:
        if call.result is None:
            found = self._find(call.paths[0])
            if isinstance(found, File):
                self._syncs[call.thread] = found, found.mark()
            elif found is not None:
                self._syncs[call.thread] = found, dict(found.names)
        elif call.thread in self._syncs:
            what, state = self._syncs.pop(call.thread)
            if call.result == 0 and isinstance(what, File) and isinstance(state, int):
                what.sync(state)
            elif call.result == 0 and isinstance(what, Folder) and isinstance(state, dict):
                what.synced = state

    # --- Paths and open files --------------------------------------------------------------------------

    def _is_inside(self, path: str) -> bool:
        return path == self._top or path.startswith(f"{self._top}/")

    def _find(self, path: str) -> File | Folder | None:
        found: File | Folder | None = self.root
        for name in path[len(self._top) :].split("/")[1:]:
            found = found.names.get(name) if isinstance(found, Folder) else None
        return found

    def _parent(self, path: str) -> Folder:
        found = self._find(os.path.dirname(path))
        assert isinstance(found, Folder), path
        return found

    def _file(self, call: Call) -> File:
        found = self._find(call.paths[0])
        return found if isinstance(found, File) else File()  # its name is gone already

    def _handle(self, call: Call) -> str:
        return f"{call.flags.partition('<')[0]} {call.paths[0]}"

    def _offset(self, call: Call) -> int:
        return self._offsets.get(self._handle(call), 0)


def nothing_more() -> bool:
    """Let nothing reach the disk that was not synced."""
    return False


def everything() -> bool:
    """Let everything reach the disk, as if only the process had been killed."""
    return True


def by_chance(seed: int) -> Choice:
    """Let half of the writes and names that were not synced reach the disk."""
    random = Random(seed)
    return lambda: random.random() < 0.5


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write bytes, or let a file have a size."""
    end = offset + len(data or b"")
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:end] = data


def _write(names: dict[str, File | Folder], target: Path, choice: Choice) -> None:
    target.mkdir()
    for name, what in names.items():
        if isinstance(what, File):
            (target / name).write_bytes(what.left(choice))
        else:
            _write(what.left(choice), target / name, choice)


def _files(folder: Folder, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, what in folder.names.items():
        inner = f"{path}/{name}" if path else name
        found += [(inner, bytes(what.content))] if isinstance(what, File) else _files(what, inner)
    return found

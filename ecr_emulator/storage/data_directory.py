"""Preparation of the data directory: it must exist, be usable, and be accessible to its owner only."""

from __future__ import annotations

import os
import re
import shutil
import stat
from errno import EACCES, EISDIR, ENOTDIR
from pathlib import Path
from tempfile import TemporaryDirectory

from ecr_emulator.private_files import create_private, narrow, narrow_with_content
from ecr_emulator.synced_files import make_folder

DATABASE = "ecr.sqlite"
IDENTITY = "ecr.database"
"""The file with the identity of the database in PostgreSQL that has the metadata."""
BLOBS_ELSEWHERE = "ecr.blobs"
"""The file with the identity of a data directory whose blobs are elsewhere."""
MOVING = "ecr.moving"
"""The folder with the bytes of a layer that moves to S3. A killed move leaves files in it."""
LOCK = "owner.sqlite"
ADVISORIES = "vulnerabilities.sqlite"
"""The index of the advisories."""
FOLDERS = ("blobs", "ingest", "companions", "snapshots", "discarded")
_OURS = re.compile(rf"ecr\..*|owner\..*|{re.escape(ADVISORIES)}.*|{'|'.join(FOLDERS)}")


class TemporaryDataDirectory(TemporaryDirectory[str]):
    """A data directory that ``cleanup`` removes, even while a download that was cut off still removes its file."""

    def __init__(self) -> None:
        super().__init__(prefix="ecr-emulator-", ignore_cleanup_errors=True)

    def cleanup(self) -> None:
        """Remove the directory."""
        super().cleanup()
        shutil.rmtree(self.name, ignore_errors=True)  # the download may have left something


def prepare(folder: Path) -> None:
    """Create the directory if needed, and restrict it and the emulator's files in it to their owner.

    A directory that also holds files of other programs keeps its mode: others may need it. Raises ``OSError`` with
    the path that cannot be used.
    """
    make_folder(folder)
    ours = files_of_emulator(folder)
    for path in (folder, *ours):
        _require_access(path)
    for path in ours:
        _require_kind(path)
        if path.is_dir():
            narrow_with_content(path)
        else:
            narrow(path)
    for name in (DATABASE, LOCK):
        create_private(folder / name)
    if _is_ours_alone(folder):
        narrow(folder)


def files_of_emulator(folder: Path) -> list[Path]:
    """Return the files and folders of an emulator in a folder."""
    return [path for path in folder.iterdir() if _OURS.fullmatch(path.name)]


def _require_access(path: Path) -> None:
    needed = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
    if not os.access(path, needed) and path.exists():  # an emulator that is just ending removes files
        raise PermissionError(EACCES, os.strerror(EACCES), os.fspath(path))


def _require_kind(path: Path) -> None:
    if path.name in FOLDERS and not path.is_dir():
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), os.fspath(path))
    if path.name in (DATABASE, LOCK) and path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), os.fspath(path))


def _is_ours_alone(folder: Path) -> bool:
    is_shared = folder.stat().st_mode & stat.S_ISVTX
    return not is_shared and all(_OURS.fullmatch(name) or name.startswith(".") for name in os.listdir(folder))

"""Files and folders that only their owner can read, whatever the umask is. They hold keys, secrets and images."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
_OTHERS = 0o077

log = logging.getLogger(__name__)


def owner_only(path: str, flags: int) -> int:
    """Open a file as the ``opener`` of ``open`` or ``FileIO``. Only the owner can use a file that it creates."""
    return os.open(path, flags, FILE)


def create_private(path: Path) -> None:
    """Create an empty private file if there is none. SQLite then opens it and keeps its mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        narrow(path)


def narrow(path: Path) -> None:
    """Remove the permissions of other users from a file or a folder (not from its content), if it still exists."""
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        try:
            if mode & _OTHERS:
                path.chmod(mode & ~_OTHERS)
        except PermissionError:
            log.warning("%s belongs to another user, so that its mode stays %o and others can use it", path, mode)


def narrow_with_content(folder: Path) -> None:
    """Narrow a folder and everything in it, unless other users cannot enter the folder anyway."""
    if not folder.stat().st_mode & _OTHERS:
        return
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            narrow(Path(where, name))
    narrow(folder)

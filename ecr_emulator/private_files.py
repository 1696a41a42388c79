"""Files and folders for their owner alone, whatever the umask is: what they hold are keys, secrets and images."""

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
    """An ``opener`` for ``open`` and ``FileIO``: a file that it creates is nobody else's."""
    return os.open(path, flags, FILE)


def create_private(path: Path) -> None:
    """Create an empty file unless there is one, for programs that open what exists as it is, such as SQLite."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        narrow(path)


def narrow(path: Path) -> None:
    """Take from others what they may do with a file, or with a folder, but for what is in it; if it is still there."""
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        try:
            if mode & _OTHERS:
                path.chmod(mode & ~_OTHERS)
        except PermissionError:
            log.warning("%s belongs to somebody else, so others may go on to use it (mode %o)", path, mode)


def narrow_with_content(folder: Path) -> None:
    """Narrow a folder that others may enter, and all that is in it. What is in one that they may not is safe there."""
    if not folder.stat().st_mode & _OTHERS:
        return
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            narrow(Path(where, name))
    narrow(folder)

"""Files and folders that survive a loss of power.

The name of a file is in its folder: a new file, a rename or a deletion survives only if the folder is synced, too.
"""

from __future__ import annotations

import os
from pathlib import Path

from ecr_emulator.private_files import FOLDER, owner_only


def sync(path: str | Path) -> None:
    """Sync the bytes of a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a private folder, and its missing parents, if it does not exist yet."""
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    folder.mkdir(FOLDER, parents=True, exist_ok=True)
    for each in missing:
        sync(each.parent)


def replace_text(path: Path, text: str) -> None:
    """Write a private file anew. At any time, the file has either the old text or all of the new one."""
    new = path.with_suffix(".unfinished")
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", opener=owner_only) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file if it exists."""
    if path.exists():
        path.unlink(missing_ok=True)
        sync(path.parent)

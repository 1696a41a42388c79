"""Second names for files: hard links, or copies where the file system has none."""

from __future__ import annotations

import errno
import os
import shutil

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""FAT, exFAT and some shared folders of virtual machines have no hard links; ext4 allows 65,000 for one file."""


def link_or_copy(source: str, target: str) -> None:
    """Give a file a second name, or copy it if it cannot be linked.

    Raises ``FileNotFoundError``, ``FileExistsError`` for a target that exists, and ``OSError``; then there is no copy.
    """
    try:
        os.link(source, target)
    except OSError as failure:
        if failure.errno not in _NO_LINKS:
            raise
        _copy(source, target)


def put_in_place(source: str, target: str) -> None:
    """Give a file a second name that may exist already; nobody ever sees a part of a copy."""
    new = f"{source}.new"
    link_or_copy(source, new)
    try:
        os.replace(new, target)
    except BaseException:
        os.unlink(new)
        raise


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as content, open(target, "xb") as out:
        try:
            shutil.copyfileobj(content, out, 1024 * 1024)
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            os.unlink(target)
            raise

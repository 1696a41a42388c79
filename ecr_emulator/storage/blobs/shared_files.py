"""Files that several nodes write and read, often in a network file system.

A lock of the database ends with a connection, while its node may go on to write. The lock of a file ends with the last
write, so the bytes of two nodes are never mixed.
"""

from __future__ import annotations

import os
from io import FileIO

from ecr_emulator.ports.storage_failures import StorageFailure


def lock(file: FileIO, path: str) -> None:
    """Lock an open file until ``unlock`` or the end of the process.

    Raises ``StorageFailure`` if another node has locked it, and ``FileNotFoundError`` if it is no longer at its path.
    Both close the file.
    """
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(file, LOCK_EX | LOCK_NB)
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            raise FileNotFoundError(path)  # another node has made a blob of the file
    except BlockingIOError:
        file.close()
        raise StorageFailure("another node has not finished its request on this upload; try again later") from None
    except FileNotFoundError:
        file.close()
        raise
    except OSError as error:
        file.close()
        raise StorageFailure(f"the folder of blobs needs a file system with file locks (flock): {error}") from error


def unlock(file: FileIO) -> None:
    """Unlock a file. To close it is not enough while another descriptor of it is open, as during a write-back."""
    from fcntl import LOCK_UN, flock

    flock(file, LOCK_UN)


def fresh_size(path: str) -> int:
    """Return the size of a file. It is opened, because a network file system asks its server only then."""
    with FileIO(path) as file:
        return os.fstat(file.fileno()).st_size

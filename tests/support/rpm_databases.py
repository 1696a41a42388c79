"""Make rpm databases by hand: headers of packages, in SQLite and in the format ndb."""

from __future__ import annotations

import sqlite3
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

_TAGS = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "summary": 1004, "arch": 1022, "source": 1044}
_STRING, _INT32, _I18N = 6, 4, 9


def header(name: str, version: str, release: str, source: str = "", epoch: int | None = None) -> bytes:
    """Return the header of a package."""
    fields: dict[str, str | int] = {"name": name, "version": version, "release": release, "summary": "What it is"}
    fields |= {"arch": "x86_64"} | ({"source": source} if source else {})
    fields |= {} if epoch is None else {"epoch": epoch}
    index, data = b"", b""
    for field, value in fields.items():
        kind = _INT32 if isinstance(value, int) else _I18N if field == "summary" else _STRING
        data += bytes(-len(data) % 4) if kind == _INT32 else b""
        index += struct.pack(">IIiI", _TAGS[field], kind, len(data), 1)
        data += struct.pack(">i", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack(">II", len(fields), len(data)) + index + data


def sqlite_database(headers: Sequence[bytes], script: str = "") -> bytes:
    """Return ``rpmdb.sqlite``, as rpm leaves it: in the mode of a write-ahead log that is empty."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rpmdb.sqlite"
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(script or "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB)")
        if headers:
            database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
        database.commit()
        database.close()
        return path.read_bytes()


def ndb_database(headers: Sequence[bytes]) -> bytes:
    """Return ``Packages.db``, with an empty slot between two packages, as a removed package leaves it."""
    slots, blobs, start = b"", b"", 4096
    for number, each in enumerate(headers, 1):
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(each)) + each
        blob += bytes(-(len(blob) + 12) % 16) + struct.pack("<4sII", b"BlbE", 0, len(each))
        slots += struct.pack("<4sIII", b"Slot", number, (start + len(blobs)) // 16, len(blob) // 16)
        slots += struct.pack("<4sIII", b"Slot", 0, 0, 0)
        blobs += blob
    slots = struct.pack("<4sIII16x", b"RpmP", 0, 1, 1) + slots
    return slots + struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((start - len(slots)) // 16) + blobs

"""Portable snapshots: the state as a tar file, an OCI layout with the database beside it (docs/snapshots.md)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from sqlite3 import Connection
from typing import IO, Any, BinaryIO

from sqlalchemy import delete, select

from ecr_emulator.domain.names import Registry, algorithm_of
from ecr_emulator.storage import times
from ecr_emulator.storage.disk import is_of_disk
from ecr_emulator.storage.migrations import DatabaseTooNew, migrate
from ecr_emulator.storage.snapshots import StateSnapshot
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import images, manifests, metadata, repositories, state, tags, uploads
from ecr_emulator.version import __version__

FORMAT = 2
ABOUT = "ecr-emulator/snapshot.json"
DATABASE = "ecr-emulator/ecr.sqlite"
SECRETS = "ecr-emulator/secrets.json"
OF_COMPANIONS = re.compile(r"ecr-emulator/([a-z]+)\.json")
LAYOUT = {"oci-layout": {"imageLayoutVersion": "1.0.0"}}
CHUNK = 1024 * 1024
GZIP = b"\x1f\x8b"
_FOREIGN = "It is no snapshot of ecr-emulator, or a damaged one"
_BLOB = re.compile(r"blobs/(sha256|sha512)/([0-9a-f]{64,128})")
_OTHERS = {ABOUT, DATABASE, "oci-layout", "index.json"}
_MANIFESTS = Statement(select(manifests.c.digest, manifests.c.raw))
_DELETE_STATE = Statement(delete(state))
_DELETE_UPLOADS = Statement(delete(uploads))
_IMAGES = Statement(
    select(
        repositories.c.account, repositories.c.region, repositories.c.name,
        images.c.digest, images.c.media_type, manifests.c.raw, tags.c.tag,
    )
    .join_from(images, repositories, images.c.repository_id == repositories.c.id)
    .join(manifests, manifests.c.digest == images.c.digest)
    .outerjoin(tags, tags.c.image_id == images.c.id)
    .order_by(repositories.c.id, images.c.id, tags.c.tag)
)  # fmt: skip


class SnapshotUnreadable(ValueError):
    """A file is no portable snapshot, or a damaged one, or one of a newer program."""


def write_portable(snapshot: StateSnapshot, documents: Mapping[str, str], now: datetime, path: Path) -> None:
    """Write a snapshot to a file, with the documents of the companions by their names.

    Tokens and unfinished uploads are left out: a token is for one emulator only.
    """
    of_companions = {f"ecr-emulator/{name}.json": text.encode() for name, text in documents.items()}
    small = {DATABASE: _database(snapshot.database, now), **of_companions, **_layout(snapshot.database)}
    about: dict[str, Any] = {
        "format": FORMAT,
        "written_by": f"ecr-emulator {__version__}",
        "time": now.isoformat(),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in small.items()},
        "blobs": sorted(filter(snapshot.has, snapshot.blobs)),
    }
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, ABOUT, json.dumps(about, indent=1).encode())
        for name, content in small.items():
            _add(archive, name, content)
        for row in _MANIFESTS.all(snapshot.database):
            if row.digest not in snapshot.blobs:
                _add(archive, _blob_name(row.digest), row.raw)
        for digest in about["blobs"]:
            with closing(snapshot.open(digest)) as blob:
                _add_file(archive, _blob_name(digest), blob)


def read_portable(path: Path, folder: Path, signing_key: bytes) -> tuple[StateSnapshot, dict[str, str]]:
    """Unpack a file into a folder; return the snapshot, and the documents of the companions by their names.

    The database is read into a new one, which gets ``signing_key``. Raises ``SnapshotUnreadable`` with the reason, and
    ``OSError`` or ``sqlite3.Error`` for a full disk.
    """
    snapshot = StateSnapshot(folder)
    try:
        with _open(path) as archive:
            small = _unpack(archive, snapshot)
        (folder / "database").write_bytes(small[DATABASE])
        _fill(snapshot.database, folder / "database", signing_key)
        documents = {
            found[1]: content.decode() for name, content in small.items() if (found := OF_COMPANIONS.fullmatch(name))
        }
    except DatabaseTooNew:
        raise SnapshotUnreadable(_too_new("its database")) from None
    except (tarfile.TarError, EOFError, sqlite3.Error, UnicodeDecodeError) as broken:
        if isinstance(broken, sqlite3.Error) and is_of_disk(broken):
            raise
        raise SnapshotUnreadable(f"It is damaged: {broken}") from broken
    return snapshot, documents


# --- Writing ---------------------------------------------------------------------------------------------


def _database(source: Connection, now: datetime) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA secure_delete = ON")
        for left_out in (_DELETE_STATE, _DELETE_UPLOADS):
            left_out.run(copy)
        times.store(copy, now)
        return copy.serialize()


def _layout(database: Connection) -> dict[str, bytes]:
    """Return the documents of the OCI layout; images are named as in docker pull from ECR."""
    listed = []
    for row in _IMAGES.all(database):
        name = f"{Registry(row.account, row.region).host}/{row.name}" + (f":{row.tag}" if row.tag else f"@{row.digest}")
        annotations = {"org.opencontainers.image.ref.name": name}
        listed.append(
            {"mediaType": row.media_type, "digest": row.digest, "size": len(row.raw), "annotations": annotations}
        )
    documents = LAYOUT | {"index.json": {"schemaVersion": 2, "manifests": listed}}
    return {name: json.dumps(document).encode() for name, document in documents.items()}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    _add_file(archive, name, BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, content: BinaryIO) -> None:
    """Add a file without its owner and its date."""
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, os.SEEK_END)
    content.seek(0)
    archive.addfile(member, content)


def _blob_name(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


# --- Reading ---------------------------------------------------------------------------------------------


def _open(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except tarfile.ReadError:
        with path.open("rb") as file:
            is_gzip = file.read(2) == GZIP
        reason = "it is compressed; decompress it first" if is_gzip else "it does not begin as a tar file"
        raise SnapshotUnreadable(f"{_FOREIGN}: {reason}") from None


def _unpack(archive: tarfile.TarFile, snapshot: StateSnapshot) -> dict[str, bytes]:
    """Put blobs into the folder of a snapshot; return the other files by their names, all of them verified."""
    files = _files(archive)
    first, file = next(files, (None, None))
    if first is None or file is None or first.name != ABOUT:
        raise SnapshotUnreadable(
            f"{_FOREIGN}: its first file is {first.name[:100]!r}" if first else f"{_FOREIGN}: it is empty"
        )
    about = _about(file.read())
    small: dict[str, bytes] = {}
    for member, content in files:
        blob = _BLOB.fullmatch(member.name)
        if member.name in _OTHERS or OF_COMPANIONS.fullmatch(member.name):
            small[member.name] = content.read()
        elif blob:
            _unpack_blob(content, f"{blob[1]}:{blob[2]}", snapshot)
        else:
            raise SnapshotUnreadable(f"It is damaged: it has a file {member.name[:100]!r}")
    _require_all(about, small, snapshot)
    return {name: small[name] for name in about["sha256"]}


def _require_all(about: dict[str, Any], small: dict[str, bytes], snapshot: StateSnapshot) -> None:
    for name, expected in about["sha256"].items():
        if name not in small:
            raise SnapshotUnreadable(f"It is damaged: it lacks {name[:100]}")
        if hashlib.sha256(small[name]).hexdigest() != expected:
            raise SnapshotUnreadable(f"It is damaged: {name} has other bytes than it was written with")
    missing = set(about["blobs"]) - snapshot.blobs.keys()
    if missing:
        raise SnapshotUnreadable(f"It is damaged: it lacks {len(missing)} blobs, like {min(missing)}")
    snapshot.blobs = {digest: snapshot.blobs[digest] for digest in about["blobs"]}


def _files(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for member in archive:
        file = archive.extractfile(member) if member.isreg() else None
        if file is None:
            raise SnapshotUnreadable(f"It is damaged: {member.name[:100]!r} is no file")
        yield member, file


def _about(raw: bytes) -> dict[str, Any]:
    """Return the content of the first file: the format, and the other files."""
    try:
        about: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise SnapshotUnreadable(f"It is damaged: {ABOUT} is not JSON") from None
    if not isinstance(about, dict) or type(about.get("format")) is not int:
        raise SnapshotUnreadable(f"It is damaged: {ABOUT} lacks the number of the format")
    if about["format"] > FORMAT:
        raise SnapshotUnreadable(_too_new(f"it has format {about['format']}, and this one reads {FORMAT}"))
    files, blobs = about.get("sha256"), about.get("blobs")
    if not isinstance(files, dict) or not files.keys() >= {DATABASE, SECRETS} or not _are_texts(blobs):
        raise SnapshotUnreadable(f"It is damaged: {ABOUT} does not list the other files")
    return about


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _unpack_blob(file: IO[bytes], digest: str, snapshot: StateSnapshot) -> None:
    if digest in snapshot.blobs:
        raise SnapshotUnreadable(f"It is damaged: it has blob {digest} twice")
    hasher = hashlib.new(algorithm_of(digest))
    path = snapshot.path(digest)
    with open(path, "xb") as out:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
            out.write(chunk)
    if f"{hasher.name}:{hasher.hexdigest()}" != digest:
        raise SnapshotUnreadable(f"It is damaged: blob {digest} has other bytes than its name says")
    snapshot.blobs[digest] = os.stat(path).st_ino


def _fill(database: Connection, file: Path, signing_key: bytes) -> None:
    """Copy the rows of a database of this or an older schema into an empty one of this schema."""
    with closing(sqlite3.connect(file, isolation_level=None)) as loaded:
        loaded.execute("PRAGMA trusted_schema = OFF")
        problem = loaded.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise SnapshotUnreadable(f"It is damaged: {problem}")
        migrate(loaded, file)
    migrate(database, file)
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("ATTACH DATABASE ? AS loaded", (str(file),))
    database.execute("BEGIN")
    for table in reversed(metadata.sorted_tables):  # owned rows first: triggers would count them in their owners again
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        database.execute(f"INSERT INTO main.{table.name} ({columns}) SELECT {columns} FROM loaded.{table.name}")  # noqa: S608 - names of our own
    database.execute(f"INSERT OR REPLACE INTO main.{state.name} VALUES ('signing-key', ?)", (signing_key,))  # noqa: S608
    database.execute("COMMIT")
    database.execute("DETACH DATABASE loaded")
    if database.execute("PRAGMA foreign_key_check").fetchone():
        raise SnapshotUnreadable("It is damaged: rows of its database refer to others that it lacks")
    with suppress(FileNotFoundError):
        file.unlink()


def _too_new(what: str) -> str:
    return f"A newer ecr-emulator wrote it: {what}. Upgrade ecr-emulator."

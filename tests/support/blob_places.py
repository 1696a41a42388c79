"""Places in which tests keep blobs: a folder, and S3."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ecr_emulator.blob_parts import OpenBlobs
from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.blobs.s3_place import S3Place, read_place
from tests.support.s3 import S3Server

NAME = "3f0c1b1e-0000-4000-8000-000000000001"
OTHER_NAME = "3f0c1b1e-0000-4000-8000-000000000002"
DATA = bytes(range(256)) * 40


def store_blob(blobs: OpenBlobs, data: bytes, name: str = NAME, algorithm: str = "sha256") -> str:
    """Store a blob and return its digest."""
    writer = blobs.begin(name)
    writer.write(data)
    assert writer.commit(digest_of(data, algorithm))
    return digest_of(data, algorithm)


def stored_blobs(emulator: Emulator) -> dict[str, bytes]:
    """Return the bytes of all blobs that an emulator has stored, by digest, wherever they are."""
    blobs = emulator.services.blobs
    assert not list(blobs.strays())
    found = {}
    for digest in blobs.digests():
        with blobs.open(digest) as file:
            found[digest] = file.read()
    return found


class BlobPlace(Protocol):
    """A place for blobs that its processes open. ``setting`` is the value of ``--blobs`` for it."""

    @property
    def setting(self) -> Path | S3Place: ...

    def open(self) -> OpenBlobs:
        """Open the blobs as another process does."""

    def names(self) -> list[str]:
        """Return the names of everything that is stored."""

    def blobs(self) -> list[str]:
        """Return the names of the stored blobs."""

    def put(self, name: str, data: bytes) -> None:
        """Store something, past the blob store."""

    def change(self, name: str, change: Callable[[Path], None]) -> None:
        """Change what is stored under a name, as a damaged disk does: ``change`` gets a file with it."""


class Folder:
    """A folder, and whether it is synced."""

    def __init__(self, folder: Path, durable: bool) -> None:
        self.setting = self._folder = folder
        self._durable = durable

    def open(self) -> FileBlobs:
        return FileBlobs(self._folder, self._durable)

    def names(self) -> list[str]:
        return _files_below(self._folder)

    def blobs(self) -> list[str]:
        return [name for name in self.names() if name.startswith("blobs/")]

    def put(self, name: str, data: bytes) -> None:
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(data)

    def change(self, name: str, change: Callable[[Path], None]) -> None:
        change(self._folder / name)


class Bucket:
    """A bucket of S3. Each process has a folder of its own for what has not arrived there."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.setting = read_place(server.new_url())
        self._client: Any = server.client
        self._bucket = self.setting.bucket
        self._folder = folder
        self._opened: list[OpenBlobs] = []

    def open(self) -> OpenBlobs:
        from ecr_emulator.storage.blobs.s3.bucket import Bucket as S3Bucket
        from ecr_emulator.storage.blobs.s3.store import S3Blobs

        self._folder.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        self._opened.append(S3Blobs(S3Bucket(self.setting), folder))
        return self._opened[-1]

    def names(self) -> list[str]:
        found = self._client.list_objects_v2(Bucket=self._bucket).get("Contents", ())
        local = [name.partition("/")[2] for name in _files_below(self._folder)]
        return sorted([each["Key"].removeprefix("layers/") for each in found] + local)

    def blobs(self) -> list[str]:
        return [name for name in self.names() if name.startswith("blobs/")]

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=f"layers/{name}", Body=data)

    def change(self, name: str, change: Callable[[Path], None]) -> None:
        at = {"Bucket": self._bucket, "Key": f"layers/{name}"}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "object"
            file.write_bytes(self._client.get_object(**at)["Body"].read())
            change(file)
            if file.exists():
                self._client.put_object(**at, Body=file.read_bytes())
            else:
                self._client.delete_object(**at)

    def close(self) -> None:
        """Close what was opened."""
        for blobs in self._opened:
            blobs.close()


def _files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

"""Java archives: the Maven artifacts in them, and in the archives that they contain.

https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html
"""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from ecr_emulator.domain.packages import Package
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.scanner.layers.limits import MIB
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile

MAVEN = "Maven"
NAMES = r".*\.(?:jar|war|ear|par|hpi|jpi)"
_ARCHIVE = re.compile(NAMES, re.IGNORECASE)
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_MANIFEST = "META-INF/MANIFEST.MF"
_TEXT_SIZE = 64 * 1024
_END = b"PK\5\6"
_END_SIZE = 22
_MAX_COMMENT = 65_535
_FILE_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)\.\w+")


def read_archive(file: PackageFile) -> Iterator[Package]:
    """Yield the artifacts of an archive and of those within it. Raises ``UnreadableFile``."""
    with file.copied() as copy:
        try:
            yield from _Archives(file, file.limits.database).artifacts(copy, file.path, 0)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as failure:
            raise UnreadableFile(f"it is no readable archive: {failure}") from failure


@dataclass(slots=True)
class _Archives:
    """An archive and those within it. ``remaining`` is the number of bytes that may be decompressed."""

    file: PackageFile
    remaining: int

    def artifacts(self, data: IO[bytes], path: str, depth: int) -> Iterator[Package]:
        self._check_directory(data)
        with zipfile.ZipFile(data) as archive:
            poms = [each for each in archive.infolist() if _POM.fullmatch(each.filename)]
            found = [_properties(self._read(archive, pom, _TEXT_SIZE)) for pom in poms]
            if not found:
                found = [self._manifest(archive, path)]
            for fields in found:
                yield from self._package(fields, path)
            for inner in archive.infolist():
                if _ARCHIVE.fullmatch(inner.filename):
                    yield from self._inner_artifacts(archive, inner, f"{path}!/{inner.filename}", depth + 1)

    def _inner_artifacts(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, depth: int
    ) -> Iterator[Package]:
        if depth > self.file.limits.archive_depth:
            raise UnreadableFile(f"it has archives within archives, more than {self.file.limits.archive_depth} deep")
        with tempfile.TemporaryFile(prefix="ecr-scan-") as copy:
            self._copy(archive, member, copy)
            yield from self.artifacts(copy, path, depth)

    def _check_directory(self, data: IO[bytes]) -> None:
        """Raise ``UnreadableFile`` if the list of files is too large to be read, before ``zipfile`` reads it."""
        size = data.seek(0, 2)
        data.seek(max(0, size - _END_SIZE - _MAX_COMMENT))
        tail = data.read()
        end = tail.rfind(_END)
        directory = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
        if directory > self.file.limits.archive_directory:
            raise UnreadableFile(f"its list of files has {directory} bytes")
        data.seek(0)

    def _read(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> str:
        with archive.open(member) as data:
            text = data.read(limit)
        self._use(len(text))
        return text.decode(errors="replace")

    def _copy(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, copy: IO[bytes]) -> None:
        with archive.open(member) as data:
            while chunk := data.read(MIB):
                self._use(len(chunk))
                copy.write(chunk)
        copy.seek(0)

    def _use(self, size: int) -> None:
        self.remaining -= size
        if self.remaining < 0:
            raise UnreadableFile(f"the archives in it have more than {self.file.limits.database} bytes")

    def _manifest(self, archive: zipfile.ZipFile, path: str) -> dict[str, str]:
        """Return the artifact that the manifest or the name of an archive tells."""
        fields: dict[str, str] = {}
        if _MANIFEST in archive.NameToInfo:
            text = self._read(archive, archive.getinfo(_MANIFEST), _TEXT_SIZE)
            for line in text.replace("\r\n", "\n").replace("\n ", "").split("\n\n")[0].splitlines():
                key, _, value = line.partition(":")
                fields[key.strip()] = value.strip()
        name = _FILE_NAME.fullmatch(path.rpartition("/")[2])
        return {
            "groupId": fields.get("Implementation-Vendor-Id", ""),
            "artifactId": name["name"] if name else fields.get("Implementation-Title", ""),
            "version": (name["version"] if name else "") or fields.get("Implementation-Version", ""),
        }

    def _package(self, fields: dict[str, str], path: str) -> Iterator[Package]:
        group, artifact, version = (fields.get(key, "") for key in ("groupId", "artifactId", "version"))
        if artifact and version:
            yield Package(MAVEN, f"{group}:{artifact}", version, path, manager="JAR", layer=self.file.layer)


def _properties(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}

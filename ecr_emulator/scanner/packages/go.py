"""Go modules that a program was built with, as the Go linker writes them into it since Go 1.18.

https://pkg.go.dev/debug/buildinfo
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile

GO = "Go"
SECTION = ".go.buildinfo"
_MAGIC = b"\xff Go buildinf:"
_FLAGS = 15
_INLINE = 2
_START = 32
_MARKER_SIZE = 16
"""Bytes that surround the list of modules on both sides."""
_RELEASE = re.compile(r"go(\d+(?:\.\d+)*(?:(?:rc|beta)\d+)?)")
_UNKNOWN = "(devel)"


def read_section(section: bytes, file: PackageFile) -> Iterator[Package]:
    """Yield the standard library and the modules. Raises ``UnreadableFile``."""
    if not section.startswith(_MAGIC) or len(section) < _START:
        raise UnreadableFile("its Go build information is damaged")
    if not section[_FLAGS] & _INLINE:
        raise UnreadableFile("it was built by Go 1.17 or earlier, whose build information is not supported")
    version, end = _text(section, _START)
    modules, _ = _text(section, end)
    release = _RELEASE.match(version)
    if release:
        yield _module(file, "stdlib", _semantic(release[1]))
    yield from _modules(modules[_MARKER_SIZE:-_MARKER_SIZE], file)


def _modules(text: str, file: PackageFile) -> Iterator[Package]:
    """Yield the modules of lines such as ``dep<TAB>path<TAB>version<TAB>sum``. ``=>`` replaces the line before it."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind in ("mod", "dep") and len(fields) >= 2:
            found.append((fields[0], fields[1]))
        elif kind == "=>" and found:
            found[-1] = (fields[0], fields[1]) if len(fields) >= 2 else ("", _UNKNOWN)
    for path, version in found:
        if version and version != _UNKNOWN:
            yield _module(file, path, version.removeprefix("v"))


def _module(file: PackageFile, path: str, version: str) -> Package:
    return Package(GO, path, version, file.path, manager="GOBINARY", layer=file.layer)


def _semantic(release: str) -> str:
    """Return a release of Go as OSV writes it: ``1.22rc1`` is ``1.22.0-rc1``."""
    numbers, kind, number = re.fullmatch(r"([\d.]+)(rc|beta)?(\d*)", release).groups()  # type: ignore[union-attr]
    padded = ".".join([*numbers.split("."), "0", "0"][:3])
    return f"{padded}-{kind}.{number}" if kind else padded


def _text(section: bytes, start: int) -> tuple[str, int]:
    """Return a text with its length before it, and the offset of its end."""
    length = shift = 0
    for position in range(start, min(start + 10, len(section))):
        length |= (section[position] & 0x7F) << shift
        shift += 7
        if section[position] < 0x80:
            end = position + 1 + length
            if end > len(section):
                break
            return section[position + 1 : end].decode("latin-1"), end
    raise UnreadableFile("its Go build information is incomplete")

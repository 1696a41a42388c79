"""Headers of rpm packages, as the databases of rpm store them.

https://rpm-software-management.github.io/rpm/manual/format_header.html
"""

from __future__ import annotations

import re
import struct

from ecr_emulator.domain.packages import RPM, Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE = 1000, 1001, 1002, 1003, 1022, 1044
_TAGS = {_NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE}
_INT32, _STRING, _I18N_STRING = 4, 6, 9
_MAX_TAGS = 65_536
_SOURCE_FILE = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")
_KEYS = "gpg-pubkey"
"""The name under which rpm lists the keys that it trusts."""


def read_header(header: bytes, file: PackageFile) -> Package | None:
    """Return the package of a header; None for a key. Raises ``UnreadableFile``."""
    try:
        tags = _tags(header)
        name, version, release = str(tags[_NAME]), tags[_VERSION], tags[_RELEASE]
    except (KeyError, struct.error, UnicodeDecodeError, ValueError) as failure:
        raise UnreadableFile(f"a header of a package is damaged: {failure!r}") from failure
    if name == _KEYS:
        return None
    epoch = tags.get(_EPOCH, 0)
    prefix = f"{epoch}:" if epoch else ""
    source = _SOURCE_FILE.fullmatch(str(tags.get(_SOURCE, "")))
    return Package(
        RPM,
        name,
        f"{prefix}{version}-{release}",
        file.path,
        architecture=str(tags.get(_ARCHITECTURE, "")),
        source_name=source[1] if source else "",
        source_version=f"{prefix}{source[2]}" if source else "",
        layer=file.layer,
    )


def _tags(header: bytes) -> dict[int, str | int]:
    count, size = struct.unpack_from(">II", header)
    start = 8 + 16 * count
    if count > _MAX_TAGS or start + size > len(header):
        raise ValueError(f"it has {len(header)} bytes, and {count} tags")
    found: dict[int, str | int] = {}
    for number in range(count):
        tag, kind, offset, _ = struct.unpack_from(">IIiI", header, 8 + 16 * number)
        if tag in _TAGS and 0 <= offset < size:
            if kind in (_STRING, _I18N_STRING):
                found[tag] = header[start + offset : header.index(b"\0", start + offset)].decode()
            elif kind == _INT32:
                (found[tag],) = struct.unpack_from(">i", header, start + offset)
    return found

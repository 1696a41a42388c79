"""Lock files of Yarn: the format of Yarn 1, and the YAML of later versions.

https://classic.yarnpkg.com/lang/en/docs/yarn-lock/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile, object_of, text_of
from ecr_emulator.scanner.packages.npm import NPM, is_in_node_modules
from ecr_emulator.scanner.packages.yaml_documents import documents_of

NAMES = r"yarn\.lock"
_METADATA = "__metadata"
_IS_YAML = re.compile(rf"^{_METADATA}:", re.MULTILINE)
_DESCRIPTOR = re.compile(r"(?P<name>@?[^@]+)@(?P<range>.+)")
_ALIASED = re.compile(r"npm:(?P<name>@?[^@]+)@.+")
"""The range of a package under another name: ``npm:`` and the descriptor of that package."""
_VERSION = re.compile(r' {2}"?version"? "?([^"\s]+)"?')
_LOCAL = ("workspace:", "link:", "portal:", "file:")
"""Beginnings of ranges for packages of the project itself."""


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file. It does not say which of them only developers need."""
    if is_in_node_modules(file):
        return
    text = file.utf8_text()
    found = _documented(text) if _IS_YAML.search(text) else _classic(text)
    for name, version in found:
        yield Package(NPM, name, version, file.path, manager="YARN", layer=file.layer)


def _documented(text: str) -> Iterator[tuple[str, str]]:
    """Yield the packages of Yarn 2 and later. A resolution is the name of a package, ``@`` and its source."""
    for document in documents_of(text):
        for key, value in document.items():
            if key == _METADATA:
                continue
            entry = object_of(value)
            resolution, version = text_of(entry.get("resolution")), text_of(entry.get("version"))
            descriptor = _DESCRIPTOR.fullmatch(resolution)
            if descriptor is None or not version:
                raise UnreadableFile(f"its entry {key[:200]!r} has no resolution or no version")
            if not descriptor["range"].startswith(_LOCAL):
                yield descriptor["name"], version


def _classic(text: str) -> Iterator[tuple[str, str]]:
    """Yield the packages of Yarn 1. An entry begins with a line of descriptors that ends with a colon."""
    entry = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        version = _VERSION.fullmatch(line)
        if not line.startswith(" "):
            _check_complete(entry)
            if not line.endswith(":") or not _DESCRIPTOR.fullmatch(_first(line)):
                raise UnreadableFile(f"line {number} does not begin an entry of a lock file of Yarn")
            entry = line
        elif version and entry:
            yield from _named(_first(entry), version[1])
            entry = ""
    _check_complete(entry)


def _first(entry: str) -> str:
    return entry.removesuffix(":").partition(", ")[0].strip('"')


def _named(descriptor: str, version: str) -> Iterator[tuple[str, str]]:
    match = _DESCRIPTOR.fullmatch(descriptor)
    if match and not match["range"].startswith(_LOCAL):
        aliased = _ALIASED.fullmatch(match["range"])
        yield (aliased or match)["name"], version


def _check_complete(entry: str) -> None:
    """Raise ``UnreadableFile`` for an entry whose version has not been found."""
    if entry:
        raise UnreadableFile(f"its entry {_first(entry)[:200]!r} has no version")

"""Rust crates: ``Cargo.lock``, and the list that ``cargo auditable`` adds to programs.

https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile, object_of, objects_in, objects_of, text_of
from ecr_emulator.scanner.packages.toml_documents import read_document

CRATES = "crates.io"
LOCK_NAMES = r"Cargo\.lock"
SECTION = ".dep-v0"
"""The section of a program that has the list, as compressed JSON."""


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the crates of a ``Cargo.lock``. The crate itself has no ``source``."""
    for package in objects_in(read_document(file), "package"):
        if "source" in package:
            yield from _crate(file, package, "CARGO")


def read_section(section: bytes, file: PackageFile) -> Iterator[Package]:
    """Yield the crates in the section of a program. Raises ``UnreadableFile``."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(section, file.limits.json_file)
        if inflater.unconsumed_tail:
            raise UnreadableFile(f"its list of crates has more than {file.limits.json_file} bytes")
        document = object_of(json.loads(text))
    except (zlib.error, ValueError, RecursionError) as failure:
        raise UnreadableFile(f"its list of crates is damaged: {failure}") from failure
    for package in objects_of(document.get("packages")):
        if package.get("kind", "runtime") == "runtime" and package.get("source") != "local":
            yield from _crate(file, package, "CARGO")


def _crate(file: PackageFile, package: dict[str, object], manager: str) -> Iterator[Package]:
    name, version = text_of(package.get("name")), text_of(package.get("version"))
    if name and version:
        yield Package(CRATES, name, version, file.path, manager=manager, layer=file.layer)

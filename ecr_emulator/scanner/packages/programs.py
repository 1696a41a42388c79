"""Packages that programs were built with: Go modules, and Rust crates."""

from __future__ import annotations

from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages import go, rust
from ecr_emulator.scanner.packages.elf import MAGIC, read_sections
from ecr_emulator.scanner.packages.files import PackageFile

_READERS = {go.SECTION: go.read_section, rust.SECTION: rust.read_section}


def read_program(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a program in the format ELF. Other programs list none."""
    start = file.head(len(MAGIC))
    if start != MAGIC:
        return
    with file.copied(start) as copy:
        for name, section in read_sections(copy, _READERS).items():
            yield from _READERS[name](section, file)

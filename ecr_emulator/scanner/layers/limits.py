"""Limits on what a scan reads, so that no image can exhaust memory, disk or time."""

from __future__ import annotations

from collections.abc import Callable

from ecr_emulator.ports.image_contents import ReadingStopped, UnreadableImage
from ecr_emulator.quick_dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum amounts for one image. Sizes are in bytes, ``seconds`` are of real time."""

    expanded_size: int = 20 * 1024 * MIB
    """Bytes of all layers after decompression."""
    ratio: int = 200
    """Bytes of a layer after decompression for each byte before it. Applies from ``ratio_applies_from`` on."""
    ratio_applies_from: int = 1024 * MIB
    entries: int = 2_000_000
    """Files, directories and links in all layers."""
    entry_header: int = MIB
    """Bytes that describe one entry: its header, long name and extended attributes."""
    path_depth: int = 256
    """Directories above a file."""
    packages: int = 100_000
    text_file: int = 32 * MIB
    """Size of a package database in text form."""
    json_file: int = 4 * MIB
    """Size of a document, such as JSON, that is parsed as a whole. That takes up to thirty times its size in memory."""
    sbom: int = 16 * MIB
    """Size of an SBOM that is attached to an image."""
    database: int = 512 * MIB
    """Size of an rpm database, of an archive, or of a program."""
    archive_directory: int = 8 * MIB
    """Size of the list of files in a Java archive."""
    archive_depth: int = 4
    """Java archives within Java archives."""
    seconds: float = 300.0


class Budget:
    """The limits of one scan, less what it has used. Methods raise ``UnreadableImage`` once a limit is exceeded.

    ``clock`` tells seconds of real time. The scan ends once ``goes_on`` returns False.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float], goes_on: Callable[[], bool]) -> None:
        self.limits = limits
        self._goes_on = goes_on
        self._clock = clock
        self._ends_at = clock() + limits.seconds
        self._size = 0
        self._entries = 0
        self._packages = 0

    def add_bytes(self, count: int) -> None:
        """Count expanded bytes, and check the time. Raises ``ReadingStopped`` too."""
        if not self._goes_on():
            raise ReadingStopped
        self._size += count
        if self._size > self.limits.expanded_size:
            raise UnreadableImage(f"Its layers expand to more than {self.limits.expanded_size} bytes.")
        if self._clock() > self._ends_at:
            raise UnreadableImage(f"Reading its layers takes more than {self.limits.seconds:g} seconds.")

    def add_entry(self) -> None:
        """Count an entry of a layer."""
        self._entries += 1
        if self._entries > self.limits.entries:
            raise UnreadableImage(f"Its layers have more than {self.limits.entries} entries.")

    def add_package(self) -> None:
        """Count a package."""
        self._packages += 1
        if self._packages > self.limits.packages:
            raise UnreadableImage(f"It lists more than {self.limits.packages} packages.")

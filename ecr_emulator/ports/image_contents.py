"""The port of the reader that lists the packages of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

from ecr_emulator.domain.packages import ImageContents
from ecr_emulator.quick_dataclasses import dataclass


class UnreadableImage(Exception):
    """An image whose packages cannot be listed. The message is the reason, and a scan shows it."""


class ReadingStopped(Exception):
    """The reading of an image has been ended from outside."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image. ``open`` opens its blob as a seekable file."""

    digest: str
    size: int
    open: Callable[[], BinaryIO]


class ImageContentsReader(Protocol):
    """List what is in an image."""

    def read(self, layers: Sequence[Layer], goes_on: Callable[[], bool]) -> ImageContents:
        """Return the packages in layers, which are given from the lowest to the uppermost.

        Raises ``UnreadableImage``, and ``ReadingStopped`` once ``goes_on`` returns False.
        """

    def read_sbom(self, sbom: Layer) -> ImageContents:
        """Return the packages that an SBOM lists. Raises ``UnreadableImage`` for a document that is none."""

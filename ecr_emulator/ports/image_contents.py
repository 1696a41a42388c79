"""The port of the reader that lists the packages of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

from ecr_emulator.domain.packages import ImageContents
from ecr_emulator.quick_dataclasses import dataclass


class UnreadableImage(Exception):
    """An image whose packages cannot be listed. The message is the reason, and a scan shows it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image. ``open`` opens its blob as a seekable file."""

    digest: str
    size: int
    open: Callable[[], BinaryIO]


class ImageContentsReader(Protocol):
    """List what is in an image."""

    def read(self, layers: Sequence[Layer]) -> ImageContents:
        """Return the packages in layers, which are in the order of the manifest. Raises ``UnreadableImage``."""

"""The images that a seed describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecr_emulator.seeds.image_files import read_docker_archive, read_oci_layout
from ecr_emulator.seeds.images import DEFAULT_SIZE, ImageContents, synthetic_image
from ecr_emulator.seeds.sizes import read_size

SYNTHETIC = ("platforms", "layers", "size", "seed")
"""Keys of images that are made from nothing."""
FILES = {"oci_layout": read_oci_layout, "docker_archive": read_docker_archive}


def read_image(entry: Mapping[str, Any], folder: Path, seed: str) -> ImageContents:
    """Return the image of an entry. Paths are relative to ``folder``; ``seed`` is for images that name none.

    Raises ``ValueError`` and ``OSError`` with the reason.
    """
    sources = [key for key in FILES if key in entry]
    if not sources:
        if "select" in entry:
            raise ValueError("select is for images from oci_layout or docker_archive")
        given: dict[str, Any] = {key: entry[key] for key in ("platforms", "layers") if key in entry}
        return synthetic_image(entry.get("seed", seed), size=read_size(entry.get("size", DEFAULT_SIZE)), **given)
    others = [key for key in (*sources[1:], *SYNTHETIC) if key in entry]
    if others:
        raise ValueError(f"an image with {sources[0]} has no {', '.join(others)}")
    (source,) = sources
    return FILES[source](folder / entry[source], entry.get("select"))

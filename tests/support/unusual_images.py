"""Make unusual images: huge, nested, empty, and with layers elsewhere. Registries and clients have failed on each."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from io import SEEK_CUR
from pathlib import Path
from typing import Any, BinaryIO

from ecr_emulator.domain.manifest import MAX_MANIFEST_BYTES
from tests.support.layouts import OCI_LAYER, Layout, tar

FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
TAR_BLOCK = 512
MIB = 1024**2


def many_layers(folder: Path, number: int = 128) -> Layout:
    """Make an image with a number of different layers."""
    layout = Layout(folder)
    return layout.finish(layout.add_image([_small_layer(layout, index) for index in range(number)]))


def empty_layer(folder: Path) -> Layout:
    """Make an image with an empty layer between two others."""
    layout = Layout(folder)
    layers = [_small_layer(layout, 1), layout.add(OCI_LAYER, b""), _small_layer(layout, 2)]
    return layout.finish(layout.add_image(layers))


def foreign_layer(folder: Path) -> Layout:
    """Make an image with a foreign layer, which has another URL and must not be pushed."""
    layout = Layout(folder)
    elsewhere = layout.add(FOREIGN_LAYER, tar("licensed", b"not ours to give away"))
    layout.path(elsewhere["digest"]).unlink()
    elsewhere["urls"] = ["https://layers.example.com/licensed.tar"]
    return layout.finish(layout.add_image([elsewhere, _small_layer(layout, 1)]))


def largest_manifest(folder: Path) -> Layout:
    """Make an image whose manifest has the maximum size of ECR."""
    layout = Layout(folder)
    layers = [_small_layer(layout, 1)]
    unpadded = layout.add_image(layers, annotations={"padding": ""})
    padding = "x" * (MAX_MANIFEST_BYTES - unpadded["size"])
    layout.path(unpadded["digest"]).unlink()
    return layout.finish(layout.add_image(layers, annotations={"padding": padding}))


def nested_index(folder: Path) -> Layout:
    """Make an index of two images and of an index of two other images."""
    layout = Layout(folder)
    images = [layout.add_image([_small_layer(layout, index)]) for index in range(4)]
    return layout.finish(layout.add_index([images[0], images[1], layout.add_index(images[2:])]))


def huge_layer(folder: Path, size: int) -> tuple[Layout, Path]:
    """Make an image of one layer with ``size`` bytes, all zeros but the last; return it with the path of the layer."""

    def zeros(file: BinaryIO) -> None:
        file.seek(size - 1, SEEK_CUR)
        file.write(b"!")

    return _one_file(folder, size, zeros)


def noisy_layer(folder: Path, size: int) -> tuple[Layout, Path]:
    """Make an image of one layer with a file of ``size`` MiB of noise; return it with the path of the layer."""

    def noise(file: BinaryIO) -> None:
        for _ in range(size):
            file.write(os.urandom(MIB))

    return _one_file(folder, size * MIB, noise)


def _one_file(folder: Path, size: int, write: Callable[[BinaryIO], None]) -> tuple[Layout, Path]:
    layout = Layout(folder)
    folder.mkdir()
    member = tarfile.TarInfo("huge")
    member.size = size
    path = folder / "huge.tar"
    with path.open("wb") as file:
        file.write(member.tobuf())
        write(file)
        file.truncate(file.tell() + -size % TAR_BLOCK + 2 * TAR_BLOCK)
    layer = layout.add_file(OCI_LAYER, path)
    return layout.finish(layout.add_image([layer])), layout.path(layer["digest"])


def _small_layer(layout: Layout, index: int) -> dict[str, Any]:
    return layout.add(OCI_LAYER, tar(f"file-{index}", f"layer {index}".encode()))

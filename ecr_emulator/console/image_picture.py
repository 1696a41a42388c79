"""The picture of an image: the index, its platforms, and their layers, each as wide as its bytes."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from ecr_emulator.console.svg import COLOURS, Part, parts_picture
from ecr_emulator.console.text_filters import short_digest, size
from ecr_emulator.services.image_contents import ImageNode

MOST_PARTS = 150
"""Maximum number of rectangles. Further layers are left out."""


def image_picture(node: ImageNode) -> Markup | None:
    """Return the picture of an image; None if it has no bytes to show."""
    if not node.size:
        return None
    parts = list(_parts(node, 0, 0.0, 100.0, {}))[:MOST_PARTS]
    return parts_picture("contents", "The contents of the image by size", _description(node), parts)


def _parts(node: ImageNode, row: int, left: float, width: float, colours: dict[str, str]) -> Iterator[Part]:
    """Yield the rectangle of an image and those below it. A layer has the same colour wherever it appears."""
    name = node.platform or ("index" if node.children else short_digest(node.digest))
    yield Part(row, left, width, f"{name} {size(node.size)}", f"{name}, {size(node.size)}", "part-0")
    for child in node.children:
        share = width * child.size / node.size
        if child.size:
            yield from _parts(child, row + 1, left, share, colours)
        left += share
    for number, layer in enumerate(node.layers, start=1):
        share = width * layer.size / node.size
        look = colours.setdefault(layer.digest, f"part-{len(colours) % COLOURS + 1}")
        title = f"layer {number}, {size(layer.size)}, {short_digest(layer.digest)}"
        yield Part(row + 1, left, share, size(layer.size), title, look)
        left += share


def _description(node: ImageNode) -> str:
    if node.children:
        told = (f"{child.platform or short_digest(child.digest)} {size(child.size)}" for child in node.children)
        return f"{len(node.children)} images of {size(node.size)} together: {', '.join(told)}."
    return f"{len(node.layers)} layers: {', '.join(size(layer.size) for layer in node.layers[:20])}."

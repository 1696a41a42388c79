"""One module for each kind of resource; importing them makes their functions operations."""

from ecr_emulator.control.call import HANDLERS
from ecr_emulator.control.operations import (
    authorization,
    image_listings,
    images,
    layers,
    pull_through,
    repositories,
    tags,
    templates,
)

__all__ = [
    "HANDLERS",
    "authorization",
    "image_listings",
    "images",
    "layers",
    "pull_through",
    "repositories",
    "tags",
    "templates",
]

"""Listings of repositories and images for people, who sort and filter them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ecr_emulator.domain.repository import Repository
from ecr_emulator.quick_dataclasses import dataclass

NAME = "name"
IMAGES = "images"
SIZE = "size"
CREATED = "created"
ORDERS = (NAME, IMAGES, SIZE, CREATED)
"""The orders of repositories: by name from A to Z, or with the most images, the most bytes or the newest first."""


class RegistryTotals(NamedTuple):
    """The number of repositories of a registry, that of their images, and the bytes of the layers that they hold.

    A layer counts once for each repository that holds it.
    """

    repositories: int
    images: int
    layer_bytes: int


class PlaceOfRepository(NamedTuple):
    """The place of a repository in an order: the number by which it is sorted (0 for names), and its name."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class ListedRepository:
    """A repository with the number of its images, the bytes of its layers, and its place in the order asked for."""

    repository: Repository
    images: int
    layer_bytes: int
    place: PlaceOfRepository


class PlaceOfImage(NamedTuple):
    """The place of an image in the order of pushes, newest first."""

    pushed_at: datetime
    key: int

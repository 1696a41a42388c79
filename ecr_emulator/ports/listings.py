"""The port of listings for people: pages of repositories and images in orders that ECR's API does not have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.listing import ListedRepository, PlaceOfImage, PlaceOfRepository, RegistryTotals
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository


class Listings(Protocol):
    """Pages of repositories and images. None of them reads more than the repositories of one registry."""

    def registries(self) -> list[Registry]:
        """Return the registries that have repositories, in order of account and Region."""

    def totals(self, registry: Registry) -> RegistryTotals:
        """Return the totals of a registry."""

    def repositories(
        self, registry: Registry, part: str, order: str, after: PlaceOfRepository | None, limit: int
    ) -> list[ListedRepository]:
        """Return at most ``limit`` repositories whose names contain ``part``, in one of ``ORDERS``, after a place."""

    def images(self, repository: Repository, after: PlaceOfImage | None, limit: int) -> list[Image]:
        """Return at most ``limit`` images after a place, in the order of their pushes, newest first."""

    def tagged_images(self, repository: Repository, prefix: str, after: str, limit: int) -> list[tuple[str, Image]]:
        """Return at most ``limit`` tags that begin with ``prefix`` after a tag, in ASCII order, and their images."""

    def tags_among(self, repository: Repository, given: Collection[str]) -> set[str]:
        """Return those of the given tags that a repository has."""

"""DescribeImages and ListImages: the images of a repository, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import get_image, image_identifier, read_image_ids
from ecr_emulator.control.pages import Page, check_no_paging
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.image import ACTIVE, Image, ImageFilter, ImageId
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_details import image_detail

BATCH = 200
"""Number of images that are read at a time to fill a page."""


def _read_filter(members: dict[str, Any], image_status: str = ACTIVE) -> ImageFilter:
    """Return the filter of a request. ``image_status`` applies if the request names none."""
    given = members.get("filter") or {}
    return ImageFilter(given.get("tagStatus", "ANY"), given.get("imageStatus", image_status))


@operation
def describe_images(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html

    The answer does not describe scans. Only DescribeImageScanFindings does, for every scan type.
    """
    token = None
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        if "imageIds" in members:
            check_no_paging(members, "imageIds")
            images = _named(work, repository, members)
        else:
            page, chosen = Page(request, members), _read_filter(members)
            found = work.images.filtered_page(repository, page.after, page.limit + 1, chosen)
            images, token = page.cut(found, key=lambda image: image.digest)
    details = [image_detail(repository, image) for image in images]
    return {"imageDetails": details, "nextToken": token}


@operation
def list_images(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html"""
    page = Page(request, members)
    chosen = _read_filter(members)
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        found = _entries(work, repository, page.after, chosen)
        entries, token = page.cut(list(islice(found, page.limit + 1)), key=_entry_key)
    return {"imageIds": [image_identifier(entry) for entry in entries], "nextToken": token}


def _named(work: UnitOfWork, repository: Repository, members: dict[str, Any]) -> list[Image]:
    """Return the images that a request names, each once. Raises ``ImageNotFoundException`` for a missing image."""
    chosen = _read_filter(members, image_status="ANY")
    images: dict[str, Image] = {}
    for image_id in read_image_ids(members):
        image = get_image(work, repository, image_id)
        images[image.digest] = image
    return [image for image in images.values() if chosen.admits(image)]


def _images(work: UnitOfWork, repository: Repository, after: str, chosen: ImageFilter) -> Iterator[Image]:
    """Yield the chosen images after a digest, in the order of their digests. They are read in batches, as needed."""
    while batch := work.images.filtered_page(repository, after, BATCH, chosen):
        yield from batch
        after = batch[-1].digest


def _entries(work: UnitOfWork, repository: Repository, after: str, chosen: ImageFilter) -> Iterator[ImageId]:
    """Yield an entry for each tag and for each untagged image, in the order of their keys, beginning after a key."""
    digest = after.partition(" ")[0]
    resumed = work.images.find(repository, digest) if digest else None
    for image in chain(
        [resumed] if resumed and chosen.admits(resumed) else [], _images(work, repository, digest, chosen)
    ):
        entries = (ImageId(image.digest, tag) for tag in image.tags or (None,))
        yield from (entry for entry in entries if _entry_key(entry) > after)


def _entry_key(entry: ImageId) -> str:
    return f"{entry.digest} {entry.tag or ''}"

"""The images of a repository: the newest first, or those whose tags begin with a text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.first_commands import first_push
from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.scan_words import ScanWords, scan_words
from ecr_emulator.console.tabs import TABS
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.listing import PlaceOfImage
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import is_scannable
from ecr_emulator.domain.signing import cosign_tag, is_signature
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.image_contents import platforms_of
from ecr_emulator.services.scanning import scan_of

PER_PAGE = 50
MOST_TAGS = 4
"""Maximum number of tags that are shown of an image."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class ImageRow(NamedTuple):
    """A row of the list. ``tag`` is the tag by which the image was found, or its first one."""

    image: Image
    tag: str | None
    tags: tuple[str, ...]
    more_tags: int
    platforms: list[str]
    is_scannable: bool
    scan: ScanWords | None
    is_signed: bool


@page("/repository/<path:name>")
def images(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Show a page of the list."""
    console.require("ecr:DescribeImages", name)
    prefix = request.args.get("tag", "").strip()
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        if prefix:
            tagged = work.listings.tagged_images(repository, prefix, request.args.get("after", ""), PER_PAGE + 1)
            listed: list[tuple[str | None, Image]] = [*tagged]
        else:
            newest = work.listings.images(repository, _place(), PER_PAGE + 1)
            listed = [(image.tags[0] if image.tags else None, image) for image in newest]
        rows = [_row(console, work, repository, tag, image) for tag, image in listed[:PER_PAGE]]
        count = work.images.count(repository)
    return console.render(
        "images.html",
        repository=repository,
        tabs=TABS,
        uri=console.uri_of(name),
        first_commands=first_push(console, name),
        rows=rows,
        count=count,
        prefix=prefix,
        next_page=_next_page(name, prefix, rows) if len(listed) > PER_PAGE else None,
        is_first="after" not in request.args,
    )


def _row(console: ConsoleRequest, work: UnitOfWork, repository: Repository, tag: str | None, image: Image) -> ImageRow:
    scan = scan_of(work, repository, image)
    others = tuple(each for each in image.tags if each != tag)
    shown = ((tag,) if tag else ()) + others[: MOST_TAGS - 1]
    return ImageRow(
        image=image,
        tag=tag,
        tags=shown,
        more_tags=len(image.tags) - len(shown),
        platforms=platforms_of(work, image, console.services.blobs),
        is_scannable=is_scannable(image),
        scan=scan_words(scan) if scan else None,
        is_signed=_is_signed(work, repository, image),
    )


def _is_signed(work: UnitOfWork, repository: Repository, image: Image) -> bool:
    """Return whether the repository has a signature of an image. Nobody verifies it here."""
    referrers = work.image_relations.referrers(repository, image.digest)
    if any(is_signature(each.artifact_media_type) for each in referrers):
        return True
    return work.tags.find(repository, cosign_tag(image.digest)) is not None


def _place() -> PlaceOfImage | None:
    """Return the place after which the page begins, as the query names it; None for the first page."""
    at, key = request.args.get("after", ""), request.args.get("after_key", "")
    if not all(each.isascii() and each.isdecimal() and len(each) < 15 for each in (at, key)):
        return None
    return PlaceOfImage(_EPOCH + int(at) * _MILLISECOND, int(key))


def _next_page(name: str, prefix: str, rows: list[ImageRow]) -> str:
    last = rows[-1]
    if prefix:
        return url_for("console.images", name=name, tag=prefix, after=last.tag)
    at = (last.image.pushed_at - _EPOCH) // _MILLISECOND
    return url_for("console.images", name=name, after=at, after_key=last.image.key)

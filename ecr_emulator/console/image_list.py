"""The images of a repository: the newest first, or those whose tags begin with a text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import request
from flask.typing import ResponseReturnValue

from ecr_emulator.console.first_commands import first_push
from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.paging import asked_place, pages_of_list
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
            tagged = work.listings.tagged_images(repository, prefix, asked_place(), PER_PAGE + 1)
            listed: list[tuple[str | None, Image]] = [*tagged]
        else:
            newest = work.listings.images(repository, _place(), PER_PAGE + 1)
            listed = [(image.tags[0] if image.tags else None, image) for image in newest]
        shown = listed[:PER_PAGE]
        signed = _signed(work, repository, [image.digest for _, image in shown])
        rows = [_row(console, work, repository, tag, image, image.digest in signed) for tag, image in shown]
        count = work.images.count(repository)
    next_place = _place_of(rows[-1], prefix) if len(listed) > PER_PAGE else None
    return console.render(
        "images.html",
        repository=repository,
        tabs=TABS,
        uri=console.uri_of(name),
        first_commands=first_push(console, name),
        rows=rows,
        count=count,
        prefix=prefix,
        pages=pages_of_list("console.images", next_place, name=name, tag=prefix or None),
    )


def _row(
    console: ConsoleRequest, work: UnitOfWork, repository: Repository, tag: str | None, image: Image, is_signed: bool
) -> ImageRow:
    scan = scan_of(work, repository, image, console.now, console.services.background.scanner)
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
        is_signed=is_signed,
    )


def _signed(work: UnitOfWork, repository: Repository, digests: list[str]) -> set[str]:
    """Return those of the images of which the repository has a signature. Nobody verifies it here."""
    by_tag = {cosign_tag(digest): digest for digest in digests}
    signed = {by_tag[tag] for tag in work.listings.tags_among(repository, by_tag)}
    for subject in work.image_relations.subjects(repository, digests):
        if any(is_signature(each.artifact_media_type) for each in work.image_relations.referrers(repository, subject)):
            signed.add(subject)
    return signed


def _place() -> PlaceOfImage | None:
    """Return the place after which the page begins, as the query names it; None for the first page."""
    at, _, key = asked_place().partition(" ")
    if not all(each.isascii() and each.isdecimal() and len(each) < 15 for each in (at, key)):
        return None
    return PlaceOfImage(_EPOCH + int(at) * _MILLISECOND, int(key))


def _place_of(row: ImageRow, prefix: str) -> str:
    """Return the place of an image in the list of all images, or in that of a prefix by its tag."""
    if prefix:
        return row.tag or ""
    return f"{(row.image.pushed_at - _EPOCH) // _MILLISECOND} {row.image.key}"

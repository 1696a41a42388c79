"""How far the import of an image has come, which is noted with the image. One that a client pushed has no such note."""

from __future__ import annotations

from ecr_emulator.domain.image import Image
from ecr_emulator.ports.store import UnitOfWork

AWAITED = "AWAITED"
"""A cached tag is to mean this image as soon as all of it is here."""
STARTED = "STARTED"
"""An upstream said that a tag means this image; not all of it is known to be here."""
PARTIAL = "PARTIAL"
"""All is here that the import mode asked for."""
COMPLETE = "COMPLETE"

_DOCUMENT = "pull-through-import"


def import_status(work: UnitOfWork, image: Image) -> str | None:
    """AWAITED, STARTED, PARTIAL or COMPLETE; None for an image that no upstream's tag has meant."""
    status = work.image_documents.find(image, _DOCUMENT)
    return None if status is None else str(status)


def is_awaited(work: UnitOfWork, image: Image) -> bool:
    """Whether the image came for a tag that it does not have yet, and may never have."""
    return not image.tags and import_status(work, image) == AWAITED


def note_wait(work: UnitOfWork, image: Image) -> None:
    """Note that a tag waits for the image, unless a tag has meant it."""
    if import_status(work, image) is None:
        work.image_documents.put(image, _DOCUMENT, AWAITED)


def note_start(work: UnitOfWork, image: Image) -> None:
    """Note that the image comes from an upstream, unless that is known."""
    if import_status(work, image) in (None, AWAITED):
        work.image_documents.put(image, _DOCUMENT, STARTED)


def note_end(work: UnitOfWork, image: Image, *, is_complete: bool) -> None:
    """Note how far an import has come that ended without a failure."""
    work.image_documents.put(image, _DOCUMENT, COMPLETE if is_complete else PARTIAL)

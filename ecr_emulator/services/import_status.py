"""The import status of an image, stored with the image. An image that a client pushed has none."""

from __future__ import annotations

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork

AWAITED = "AWAITED"
"""The cached tag will point at this image as soon as the image is imported completely."""
STARTED = "STARTED"
"""The import of the image has started; the image may be incomplete."""
PARTIAL = "PARTIAL"
"""Everything that the import mode asks for is stored, but not the whole image."""
COMPLETE = "COMPLETE"

_DOCUMENT = "pull-through-import"


def import_status(work: UnitOfWork, image: Image) -> str | None:
    """Return AWAITED, STARTED, PARTIAL or COMPLETE; None for an image that was not imported."""
    status = work.image_documents.find(image, _DOCUMENT)
    return None if status is None else str(status)


def find_awaited(work: UnitOfWork, repository: Repository) -> set[str]:
    """Return the digests of the untagged images whose status is AWAITED."""
    return work.image_documents.awaited(repository)


def note_wait(work: UnitOfWork, image: Image) -> None:
    """Record that a tag waits for the image, unless the image has a status."""
    if import_status(work, image) is None:
        work.image_documents.put(image, _DOCUMENT, AWAITED)


def note_start(work: UnitOfWork, image: Image) -> None:
    """Record that the import of the image has started, unless it is known to have started or ended."""
    if import_status(work, image) in (None, AWAITED):
        work.image_documents.put(image, _DOCUMENT, STARTED)


def note_end(work: UnitOfWork, image: Image, *, is_complete: bool) -> None:
    """Record that the import of the image ended without a failure."""
    work.image_documents.put(image, _DOCUMENT, COMPLETE if is_complete else PARTIAL)

"""Findings that users have told the emulator, for an image or for every image. Scans report them as they are."""

from __future__ import annotations

from ecr_emulator.domain.findings import EVERY_IMAGE, ToldFindings
from ecr_emulator.domain.image import Image
from ecr_emulator.ports.store import UnitOfWork


def told_findings(work: UnitOfWork, image: Image) -> ToldFindings | None:
    """Return the findings of an image, or else those of every image; None if there are none. They may be empty."""
    found = work.known_findings.find(image.digest)
    return work.known_findings.find(EVERY_IMAGE) if found is None else found

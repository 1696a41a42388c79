"""The wiring of the scanner."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.services.image_scanner import ImageScanner
from ecr_emulator.settings import Settings
from ecr_emulator.storage.data_directory import ADVISORIES


def open_scanner(settings: Settings, data_dir: Path, store: Store, blobs: Blobs) -> ImageScanner | None:
    """Return the scanner of images; None without ``--vulnerabilities``. The advisories are read when they are needed.

    Raises ``UnreadableVulnerabilities`` if a package is missing.
    """
    if settings.vulnerabilities is None:
        return None
    if find_spec("univers") is None or find_spec("cvss") is None:
        raise UnreadableVulnerabilities("--vulnerabilities needs more packages: pip install 'ecr-emulator[scan]'")
    from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories
    from ecr_emulator.scanner.image_reader import LayerReader

    return ImageScanner(store, blobs, LayerReader(), IndexedAdvisories(settings.vulnerabilities, data_dir / ADVISORIES))

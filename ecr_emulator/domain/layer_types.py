"""Media types of layers. Not every layer of a manifest has files of the image.

https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import re

_ARCHIVE = re.compile(r"\bg?tar\b")
_FOREIGN = (".foreign.", ".nondistributable.")
_ENCRYPTED = "+encrypted"


def is_file_system(media_type: str) -> bool:
    """Whether a layer is an archive of files. Attestations, signatures and documents are none."""
    return _ARCHIVE.search(media_type) is not None


def is_encrypted(media_type: str) -> bool:
    """Whether a layer can be read only with a key."""
    return media_type.endswith(_ENCRYPTED)


def is_foreign(media_type: str) -> bool:
    """Whether clients do not push a layer, because its licence lets them download it from its own address only."""
    return any(each in media_type for each in _FOREIGN)

"""The parts of an image that a first pull imports.

ECR imports everything: an index with all images that it lists, and their layers. Importing less saves disk space and
requests to rate-limited upstreams.
"""

from __future__ import annotations

from ecr_emulator.quick_dataclasses import dataclass

FULL = "full"
MANIFESTS = "manifests"
LAZY = "lazy"
IMPORT_MODES = (FULL, MANIFESTS, LAZY)
"""All parts; manifests and configs, with layers on request; each part on request."""

ON_REQUEST = "on-request"
WITH_SUBJECT = "with-subject"
OFF = "off"
REFERRER_MODES = (ON_REQUEST, WITH_SUBJECT, OFF)
"""Referrers are listed and pulled on request; imported with their subject; never requested."""

MAX_DEPTH = 4
"""Maximum number of levels of indexes below an image that are imported; deeper levels are imported on request."""
MAX_MANIFESTS = 1_000
"""Maximum number of manifests below an image that are imported."""
MAX_MANIFEST_BYTES = 32 * 1024 * 1024
"""Maximum total size in bytes of the imported manifests below an image: enough for any image, and it fits in memory."""
LAST_PULLS = 10
"""Requests of an upstream's rate limit that are reserved for clients. If no more are left, imports are lazy."""


@dataclass(frozen=True, slots=True)
class ImportPolicy:
    """The import mode of images and the mode of their referrers."""

    mode: str = FULL
    referrers: str = ON_REQUEST


AS_ECR_DOES = ImportPolicy()
"""The behavior that the user guide describes."""

"""How much of an image a first pull brings in.

ECR imports all of it: an index with every image that it lists, and their layers. Less spares disks and rate limits.
"""

from __future__ import annotations

from dataclasses import dataclass

FULL = "full"
MANIFESTS = "manifests"
LAZY = "lazy"
IMPORT_MODES = (FULL, MANIFESTS, LAZY)
"""Everything; the manifests with their configs, and layers when they are asked for; everything when it is asked for."""

ON_REQUEST = "on-request"
WITH_SUBJECT = "with-subject"
OFF = "off"
REFERRER_MODES = (ON_REQUEST, WITH_SUBJECT, OFF)
"""Listed and pulled when somebody asks; imported with what they refer to; never looked for."""

MAX_DEPTH = 4
"""So many levels of indexes below an image are imported; deeper ones come when they are asked for."""
MAX_MANIFESTS = 1_000
"""So many manifests below an image are imported."""
MAX_MANIFEST_BYTES = 32 * 1024 * 1024
"""So many bytes of manifests below an image are imported: more than any image has, and less than memory."""
LAST_PULLS = 10
"""What an upstream's rate limit must leave over for clients: with no more left, imports are lazy."""


@dataclass(frozen=True, slots=True)
class ImportPolicy:
    """What imports bring in, and what happens to referrers."""

    mode: str = FULL
    referrers: str = ON_REQUEST


AS_ECR_DOES = ImportPolicy()
"""What the user guide describes."""

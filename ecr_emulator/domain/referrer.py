"""Referrers: manifests whose subject is another image, such as signatures and SBOMs.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from ecr_emulator.domain.image import ACTIVE
from ecr_emulator.domain.manifest import MAX_SIZE
from ecr_emulator.domain.names import algorithm_of, is_digest
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Referrer:
    """An image that refers to another image. ``size`` is the size of its manifest in bytes.

    ``status`` is its status in the repository. An image that is not in the repository yet counts as active.
    """

    digest: str
    media_type: str
    size: int
    artifact_type: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    status: str = ACTIVE

    @property
    def is_active(self) -> bool:
        """Whether the referrer can be pulled."""
        return self.status == ACTIVE


@dataclass(frozen=True, slots=True)
class ReferrerListing:
    """The referrers that an upstream last listed for ``subject``, and the times of the requests."""

    subject: str
    referrers: tuple[Referrer, ...]
    validation: Validation


def fallback_tag(subject: str) -> str:
    """Return the tag of the index of referrers in registries without a referrers API: ``sha256-<hex>``.

    OCI limits it to 64 characters of the hash.
    """
    algorithm = algorithm_of(subject)
    return f"{algorithm[:32]}-{subject.removeprefix(f'{algorithm}:')[:64]}"


def read_referrers(descriptors: object) -> list[Referrer]:
    """Parse the descriptors of an upstream's index of referrers, each digest once. Invalid descriptors are skipped."""
    read = map(_read, descriptors if isinstance(descriptors, list) else ())
    return list({each.digest: each for each in read if each}.values())


def united(here: Iterable[Referrer], upstream: Iterable[Referrer]) -> list[Referrer]:
    """Merge two listings in order of digest. A referrer in ``here`` wins over the same one in ``upstream``."""
    known = {each.digest: each for each in upstream} | {each.digest: each for each in here}
    return [known[digest] for digest in sorted(known)]


def _read(item: Any) -> Referrer | None:
    described = item if isinstance(item, dict) else {}
    digest, media_type, size = _text(described.get("digest")), _text(described.get("mediaType")), described.get("size")
    if digest is None or not is_digest(digest) or media_type is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE:
        return None
    annotations = described.get("annotations")
    pairs = annotations.items() if isinstance(annotations, dict) else ()
    return Referrer(
        digest=digest,
        media_type=media_type,
        size=size,
        artifact_type=_text(described.get("artifactType")),
        annotations={name: text for name, value in pairs if _text(name) and (text := _text(value)) is not None},
    )


def _text(value: object) -> str | None:
    """Return a text that can be stored, or None. A text with a lone surrogate cannot be stored."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value

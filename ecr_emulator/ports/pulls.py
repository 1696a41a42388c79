"""The port of what pulls look up: all that one pull needs, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.image import ImageId, Layer, StoredManifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PullableImage:
    """An image as a pull needs it, with its key in the storage.

    ``validation`` is what was last known about the upstream of the tag by which the image was found; None if no pull
    through imported the tag, or if the image was found by its digest.
    """

    key: int
    manifest: StoredManifest
    is_active: bool
    last_pulled_at: datetime | None
    validation: Validation | None


@dataclass(frozen=True, slots=True)
class PullContext:
    """The repository that a pull names, with the settings of its registry on which the pull depends.

    ``rules`` are the pull through cache rules of the registry. ``exclusions`` are the ARNs of the principals whose
    pulls of images are not recorded.
    """

    repository: Repository | None
    rules: Sequence[PullThroughRule] = ()
    exclusions: Sequence[str] = ()


class PullLookups(Protocol):
    """The look-ups of pulls, each in one query if the repository exists."""

    def image(self, registry: Registry, name: str, image_id: ImageId) -> tuple[PullContext, PullableImage | None]:
        """Return the repository with this name, and its image with this tag, or else with this digest."""

    def layer(self, registry: Registry, name: str, digest: str) -> tuple[PullContext, Layer | None]:
        """Return the repository with this name, and a blob that it holds (``Layers.find``)."""

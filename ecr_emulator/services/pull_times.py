"""The times at which images were last pulled, as DescribeImages reports them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ecr_emulator.domain.image import Image, ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_time_exclusions import DOCUMENT as EXCLUSIONS
from ecr_emulator.domain.pull_time_exclusions import is_excluded
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.pulls import PullableImage
from ecr_emulator.ports.store import Store
from ecr_emulator.services.optional_writes import optional_write

GRANULARITY = timedelta(minutes=1)
"""Time within which repeated pulls do not change ``lastRecordedPullTime``."""
STRICT_GRANULARITY = timedelta(hours=24)
"""The granularity that ECR documents."""


class PullTimes:
    """Records pulls: at most one of each image within ``granularity``, which is longer if ``strict``."""

    def __init__(self, store: Store, strict: bool) -> None:
        self._store = store
        self.granularity = STRICT_GRANULARITY if strict else GRANULARITY

    def is_due(self, last: datetime | None, now: datetime) -> bool:
        """Whether a pull is recorded, given the time of the last recorded one."""
        return last is None or now - last >= self.granularity

    def record(self, image: PullableImage, name: str, now: datetime) -> None:
        """Record a pull of an image of the repository ``name``, unless the image was deleted meanwhile."""
        with optional_write(f"a pull of {name}"), self._store.writing(waits=False) as work:
            work.images.pulled(image.key, now)

    def record_fetched(self, registry: Registry, name: str, digest: str, now: datetime) -> None:
        """Record a pull of an image that was just fetched from its upstream, if it could be stored."""
        with self._store.reading() as work:
            _, image = work.pulls.image(registry, name, ImageId(digest=digest))
        if image:
            self.record(image, name, now)

    def record_all(self, repository: Repository, images: Iterable[Image], principal: str, now: datetime) -> None:
        """Record pulls of stored images, except repeated ones and those of excluded principals."""
        due = [image for image in images if self.is_due(image.last_pulled_at, now)]
        if due:
            with optional_write(f"pulls of {repository.name}"), self._store.writing(waits=False) as work:
                if not is_excluded(principal, work.registry_documents.find(repository.registry, EXCLUSIONS) or ()):
                    for image in due:
                        work.images.pulled(image.key, now)

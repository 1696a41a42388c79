"""The images that a lifecycle policy selects, found in steps of a bounded number of images.

The first steps store what each rule matches; the next ones take the matches beyond the number or age in their rule. So
a selection needs no memory for all images, and no transaction is long.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.lifecycle import find_matches, number_beyond
from ecr_emulator.domain.lifecycle_policy import LifecyclePolicy, LifecycleRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.lifecycle import find_candidates

STEP = 400
"""Number of images that one transaction matches, if it takes none."""
TAKING = 4
"""Number of images that can be matched in the time in which one is taken, roughly: taken images are deleted."""

Progress = dict[str, Any]
"""Progress of a selection. At first it is empty: the matches that an interrupted one left are removed. Then ``after``
is the digest up to which images were matched. Then ``rule`` is the rule whose images are taken, and ``left`` the number
of its matches that are left. ``newest`` is the key of the newest image when matching began."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A step of a selection, in one transaction. ``take`` is called with selected images and their rule, in order.

    ``unfinished`` are the images that updates are importing now. Images that are pushed while the selection is in
    progress are not selected.
    """

    work: UnitOfWork
    repository: Repository
    policy: LifecyclePolicy
    now: datetime
    unfinished: set[str]
    take: Callable[[list[Image], LifecycleRule], None]

    def step(self, progress: Progress, step: int) -> Progress | None:
        """Look at no more than ``step`` images; return the progress, or None at the end."""
        current: Progress | None = progress
        while current is not None and step > 0:
            current, done = self._advance(current, step)
            step -= done
        return current

    def _advance(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        """Take at most ``limit`` images further; return the progress, None at the end, and the number of images."""
        if "after" in progress:
            return self._match(progress, limit)
        if "rule" in progress:
            return self._take(progress, limit)
        removed = self.work.lifecycle_matches.remove(self.repository, limit)
        return ({}, removed) if removed == limit else ({"after": "", "newest": self.work.images.newest_key()}, removed)

    def _match(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        newest = progress["newest"]
        images = self.work.images.page(self.repository, progress["after"], limit)
        older = [image for image in images if image.key <= newest]
        candidates = find_candidates(self.work, self.repository, older, self.unfinished)
        matches = (match for each in candidates for match in find_matches(self.policy, each, self.now))
        self.work.lifecycle_matches.add(self.repository, matches)
        if len(images) == limit:
            return progress | {"after": images[-1].digest}, limit
        return self._begin_rule(0, newest), len(images)

    def _begin_rule(self, position: int, newest: int) -> Progress | None:
        if position == len(self.policy.rules):
            return None
        matches = self.work.lifecycle_matches.count(self.repository, position)
        return {"rule": position, "left": number_beyond(self.policy.rules[position], matches), "newest": newest}

    def _take(self, progress: Progress, limit: int) -> tuple[Progress | None, int]:
        """Take matches in order, then drop the rest of the rule's matches."""
        limit = max(1, limit // TAKING)
        position, left, newest = progress["rule"], progress["left"], progress["newest"]
        matches = self.work.lifecycle_matches.first(self.repository, position, min(left or limit, limit))
        free = [each.digest for each in matches if left and each.is_free and each.digest not in self.unfinished]
        found = self.work.images.find_all(self.repository, free)
        images = [found[digest] for digest in free if digest in found and found[digest].key <= newest]
        self.take(images, self.policy.rules[position])
        if not matches:
            return self._begin_rule(position + 1, newest), 0
        self.work.lifecycle_matches.remove_first(self.repository, position, len(matches))
        return progress | {"left": max(0, left - len(matches))}, len(matches) * TAKING

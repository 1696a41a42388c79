"""The port of the known vulnerabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.packages import Distribution, ImageContents
from ecr_emulator.domain.vulnerabilities import Vulnerability


class UnreadableVulnerabilities(Exception):
    """Vulnerability data that cannot be read. The message names the folder or file, and says why."""


class Vulnerabilities(Protocol):
    """Advisories about packages."""

    def refresh(self, goes_on: Callable[[], bool]) -> bool:
        """Read the advisories again if they have changed, and return whether they have.

        Raises ``UnreadableVulnerabilities``, and ``ReadingStopped`` once ``goes_on`` returns False. May take minutes
        when called for the first time.
        """

    def state(self) -> str:
        """Return a text that changes with the advisories. Raises ``UnreadableVulnerabilities``."""

    def updated_at(self) -> datetime | None:
        """Return when the newest of the advisories was last modified; None if there are none."""

    def covers(self, distribution: Distribution) -> bool:
        """Return whether there are advisories about packages of a distribution."""

    def find(self, contents: ImageContents) -> Sequence[Vulnerability]:
        """Return the vulnerabilities of an image's packages, ordered by severity, package and name."""

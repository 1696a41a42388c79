"""The port of the known vulnerabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ecr_emulator.domain.packages import Distribution, ImageContents
from ecr_emulator.domain.vulnerabilities import Vulnerability


class UnreadableVulnerabilities(Exception):
    """Vulnerability data that cannot be read. The message names the folder or file, and says why."""


class ReadAdvisories(Protocol):
    """Advisories that are read, and read again when they have changed."""

    @property
    def is_being_read(self) -> bool:
        """Whether a thread reads the advisories."""

    def is_ready(self) -> bool:
        """Return whether the advisories are known as they are now; if not, a thread begins to read them.

        Few advisories are read before the method returns. Raises ``UnreadableVulnerabilities``.
        """

    def call_when_read(self, then: Callable[[], None]) -> None:
        """Let a function be called whenever a thread has read the advisories."""

    def close(self) -> None:
        """Stop reading the advisories."""


class Vulnerabilities(ReadAdvisories, Protocol):
    """Advisories about packages."""

    def state(self) -> str:
        """Return a text that changes with the advisories that are known."""

    def updated_at(self) -> datetime | None:
        """Return when the newest of the advisories was last modified; None if there are none."""

    def covers(self, distribution: Distribution) -> bool:
        """Return whether there are advisories about packages of a distribution."""

    def find(self, contents: ImageContents) -> Sequence[Vulnerability]:
        """Return the vulnerabilities of an image's packages, ordered by severity, package and name."""

"""The values that the checks of ``ecr-emulator doctor`` take and return."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_emulator.cli.http_client import LOCALHOST, Address
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.settings import Settings


@dataclass(frozen=True)
class Situation:
    """The emulator that the user means, the settings of the command, and the environment."""

    address: Address
    settings: Settings
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """Whether the emulator runs on this machine."""
        return self.address.host in (*LOCALHOST, "localhost")

    @property
    def registry_host(self) -> str:
        """Host and port, as the names of images begin."""
        return self.address.url.partition("://")[2]


@dataclass(frozen=True)
class Finding:
    """The result of a check: ``ok``, ``skipped``, ``warning`` or ``failed``, and the reason or the remedy in words."""

    check: str
    state: str
    words: str

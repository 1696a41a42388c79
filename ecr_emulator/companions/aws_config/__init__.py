"""AWS Config: moto's, which lists the repositories of this emulator too.

Importing this package imports nothing of moto.
https://docs.aws.amazon.com/config/latest/APIReference/API_ListDiscoveredResources.html
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.ports.store import Store


def add_config(companions: Companions, metadata: Store) -> None:
    """Replace moto's backends of AWS Config by those that list repositories."""

    def backends() -> type:
        from ecr_emulator.companions.aws_config.backend import OwnConfig

        class OwnBackend(OwnConfig):
            """The backends of one emulator."""

            __module__ = OwnConfig.__module__
            store = metadata

        return OwnBackend

    companions.use_backend("config", backends)

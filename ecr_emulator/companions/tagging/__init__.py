"""The Resource Groups Tagging API: repositories of this emulator beside the resources of other services in moto.

Importing this package imports nothing of moto.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.tagging.repositories import TaggedRepositories


def add_tagging(companions: Companions, tagged: TaggedRepositories) -> None:
    """Replace moto's backends of the tagging API by those that know the repositories."""

    def backends() -> type:
        from ecr_emulator.companions.tagging.backend import TaggingBackend

        class OwnBackend(TaggingBackend):
            """The backends of one emulator."""

            __module__ = TaggingBackend.__module__
            repositories = tagged

        return OwnBackend

    companions.use_backend("resourcegroupstaggingapi", backends)

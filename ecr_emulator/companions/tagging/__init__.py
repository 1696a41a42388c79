"""The Resource Groups Tagging API: repositories of this emulator beside the resources of other services in moto.

Importing this package imports neither moto nor the modules of this package that import it.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/overview.html
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.tagging.compliance import refuse_exclusion_without_details
from ecr_emulator.ports.ecr_api import EcrApi
from ecr_emulator.ports.identities import Identities
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.access import Access


def add_tagging(
    companions: Companions, ecr: EcrApi, store: Store, identities: Identities, clock: Clock, access: Access | None
) -> None:
    """Replace moto's backends of the tagging API by those that know the repositories.

    ``access`` is None unless IAM is enforced.
    """

    def backends() -> type:
        from ecr_emulator.companions.tagging.backend import TaggingBackend
        from ecr_emulator.companions.tagging.repositories import TaggedRepositories

        class OwnBackend(TaggingBackend):
            """The backends of one emulator."""

            __module__ = TaggingBackend.__module__
            repositories = TaggedRepositories(ecr, store, identities, clock, access)

        return OwnBackend

    companions.use_backend("resourcegroupstaggingapi", backends)
    companions.before_each_call(refuse_exclusion_without_details)

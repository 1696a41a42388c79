"""CloudFormation: stacks with resources of ECR in this emulator, and of other services in moto.

Resources of ECR are made by ECR's API, as CloudFormation does. moto's own CloudFormation would make them in a registry
that no client can reach, and has neither rollbacks nor events of resources; its models of other services are used.
Importing this package imports nothing of moto.
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.ports.ecr_api import EcrApi
from ecr_emulator.ports.identities import Identities
from ecr_emulator.ports.time import Clock


def add_cloudformation(
    companions: Companions, ecr: EcrApi, identities: Identities, clock: Clock, *, enforces: bool
) -> None:
    """Replace moto's CloudFormation. ``enforces`` says whether the permissions of callers matter."""

    def backends() -> type:
        from ecr_emulator.companions.cloudformation.backend import Backend
        from ecr_emulator.companions.cloudformation.callers import StackCallers

        class OwnBackend(Backend):
            """The backends of one emulator."""

            __module__ = Backend.__module__
            callers = StackCallers(ecr, identities, clock, enforces, companions.changing_documents)

        return OwnBackend

    companions.use_backend("cloudformation", backends)

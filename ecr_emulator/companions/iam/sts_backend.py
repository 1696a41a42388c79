"""moto's STS with the sessions of this emulator, which have the attributes that moto drops."""

from __future__ import annotations

from ecr_emulator.companions.iam.session import Session


def sts_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.sts.models import STSBackend

    class StsOfAws(STSBackend):
        """STS that knows its sessions by their access keys."""

        __module__ = STSBackend.__module__  # moto finds the addresses of a service by the module of its backend

        def __init__(self, region_name: str, account_id: str) -> None:
            super().__init__(region_name, account_id)
            self.sessions: dict[str, Session] = {}

    return StsOfAws

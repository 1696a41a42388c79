"""Look-ups in the state of moto's IAM and STS: the account, session or user behind an access key.

They read moto's globals; callers do so within ``Companions.entered``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from ecr_emulator.companions.iam.session import Session


def find_account(access_key: str) -> str | None:
    """Return the account of an access key that IAM or STS issued."""
    session = find_session(access_key)
    if session:
        return session.account
    found = find_user(access_key)
    return found[0].account_id if found else None


def find_session(access_key: str) -> Session | None:
    """Return the session with an access key, in any account and partition."""
    found = (sts.sessions.get(access_key) for sts in backends_of("sts"))
    return next((session for session in found if session), None)


def add_session(session: Session) -> None:
    """Keep a session in the STS of its account and partition; imports moto."""
    from moto.sts.models import sts_backends

    sts: Any = sts_backends[session.account][session.partition]
    sts.sessions[session.access_key] = session


def find_user(access_key: str) -> tuple[Any, Any] | None:
    """Return the user with an access key, and the key."""
    for iam in backends_of("iam"):
        if access_key in iam.access_keys:
            user = iam.get_user_from_access_key_id(access_key)
            return (user, user.get_access_key_by_id(access_key)) if user else None
    return None


def backends_of(service: str, account: str | None = None) -> Iterator[Any]:
    """Return moto's backends of a service, of all accounts or of one, in any partition.

    The look-up creates no backend of an account and imports no service.
    """
    models = sys.modules.get(f"moto.{service}.models")
    every: dict[str, Any] = getattr(models, f"{service}_backends", {})
    for owner, partitions in list(every.items()):
        if account in (None, owner):
            yield from list(partitions.values())

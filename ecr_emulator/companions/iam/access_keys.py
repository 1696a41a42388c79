"""Access keys with chosen ids and secrets, which IAM itself does not offer, for tests whose keys are known before."""

from __future__ import annotations

from typing import Any

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.iam.lookups import backends_of, find_session, find_user

MOST_KEYS = 2
"""Access keys that a user may have. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class NoSuchUser(LookupError):
    """The account has no user with this name."""

    def __init__(self, account: str, user: str) -> None:
        super().__init__(f"Account {account} has no IAM user {user!r}; create it first")


class AccessKeys:
    """Gives access keys to the users of IAM."""

    def __init__(self, companions: Companions) -> None:
        self._companions = companions

    def put(self, account: str, user_name: str, key_id: str, secret: str) -> str:
        """Give a user a key, or a key of its own another secret; return ``created``, ``changed`` or ``unchanged``.

        Imports moto if need be. Raises ``NoSuchUser``, and ``ValueError`` for the key of another user, or a third one.
        """
        outcomes: list[str] = []
        self._companions.change(lambda: outcomes.append(_put(account, user_name, key_id, secret)))
        return outcomes[0]


def _put(account: str, user_name: str, key_id: str, secret: str) -> str:
    iam, user = _find(account, user_name)
    found = find_user(key_id)
    if find_session(key_id) or (found and found[0] is not user):
        raise ValueError(f"The access key {key_id} belongs to {found[0].arn if found else 'a session'}")
    if found and found[1].secret_access_key == secret:
        return "unchanged"
    key = found[1] if found else _new_key(iam, user, key_id)
    key.secret_access_key = secret
    return "changed" if found else "created"


def _find(account: str, user_name: str) -> tuple[Any, Any]:
    for iam in backends_of("iam", account):
        if user_name in iam.users:
            return iam, iam.users[user_name]
    raise NoSuchUser(account, user_name)


def _new_key(iam: Any, user: Any, key_id: str) -> Any:
    if len(user.access_keys) >= MOST_KEYS:
        raise ValueError(f"The user {user.name} has {MOST_KEYS} access keys, which is the most that IAM allows")
    key = iam.create_access_key(user.name)
    del iam.access_keys[key.access_key_id]
    key.access_key_id = key_id
    iam.access_keys[key_id] = key
    return key

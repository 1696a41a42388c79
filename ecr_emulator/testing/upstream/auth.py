"""Ways in which an upstream registry asks for credentials."""

from __future__ import annotations

import base64
from dataclasses import field
from urllib.parse import urlsplit

from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True)
class Bearer:
    """Tokens of a server's ``/token``, or of the path of ``realm``, for everybody or for one (username, token) pair.

    Two servers with one ``Bearer`` accept the same tokens. ``example`` is the repository in challenges to requests that
    name none.
    """

    credential: tuple[str, str] | None = None
    realm: str | None = None
    service: str = "scripted"
    token_field: str = "token"  # noqa: S105 - the name of a JSON member
    expires_in: object = 300
    challenge: str = 'Bearer realm="{realm}",service="{service}",scope="repository:{name}:pull"'
    example: str = ""
    is_good_for_everything: bool = False
    scopes: dict[str, str | None] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the token service."""
        return urlsplit(self.realm).path if self.realm else "/token"


@dataclass(frozen=True)
class Basic:
    """One user name with its access token."""

    username: str
    access_token: str
    challenge: str = 'Basic realm="{url}"'


def basic_authorization(username: str, access_token: str) -> str:
    """Return the Authorization header of a user name and an access token."""
    return "Basic " + base64.b64encode(f"{username}:{access_token}".encode()).decode()

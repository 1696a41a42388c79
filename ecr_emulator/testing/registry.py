"""The registry of an account, as docker and other registry clients need it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ecr_emulator.testing.endpoint import EcrEndpoint


class EcrRegistry:
    """The registry of one account in one Region. The password says which: all have the same address."""

    user = "AWS"

    def __init__(self, endpoint: EcrEndpoint, account: str, region: str) -> None:
        self._endpoint = endpoint
        self._ecr = endpoint.client("ecr", region, account)

    @property
    def address(self) -> str:
        """Host and port, like ``127.0.0.1:49152``, as image names begin. The emulator listens there from now on."""
        return urlsplit(self._endpoint.endpoint_url).netloc

    @property
    def password(self) -> str:
        """A new password, valid for twelve hours of the emulator's time."""
        token = self._ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return base64.b64decode(token).decode().partition(":")[2]

    def docker_config(self) -> dict[str, Any]:
        """Return the content of a ``config.json`` with which docker, skopeo, crane and others are logged in."""
        auth = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"auths": {self.address: {"auth": auth}}}

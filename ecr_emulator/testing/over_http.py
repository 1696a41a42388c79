"""The way to an emulator in another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import urljoin

import urllib3

from ecr_emulator.transports import CHUNK, Answer

TIMEOUT = urllib3.Timeout(connect=10, read=60)


class OverHttp:
    """Sends requests to the emulator at ``url``. Proxies of the environment are not used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT)

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: BinaryIO | None = None
    ) -> Answer:
        """Send a request. Raises ``ConnectionError`` if nobody answers."""
        try:
            answer = self._pool.request(
                method, urljoin(self._url, url), body=body, headers=dict(headers or {}), preload_content=False
            )
        except urllib3.exceptions.HTTPError as failure:
            raise ConnectionError(f"No emulator answers at {self._url}: {failure}") from failure
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, names, answer.stream(CHUNK))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

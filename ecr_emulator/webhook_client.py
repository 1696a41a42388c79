"""HTTP requests to webhooks."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_emulator.ports.webhooks import ReceiverAnswer, ReceiverUnreachable
from ecr_emulator.upstream.redirects import is_private
from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from requests import Session

HEADERS = {"Content-Type": "application/json", "User-Agent": f"ecr-emulator/{__version__}"}


class HttpReceiver:
    """``ports.webhooks.Receiver`` at a URL. The library requests is imported for the first event."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.key = hashlib.sha256(url.encode()).hexdigest()

    def post(self, body: bytes, seconds: float) -> ReceiverAnswer:
        import requests

        try:
            answer = self._session.post(
                self._url, body, headers=HEADERS, timeout=seconds, allow_redirects=False, stream=True
            )
        except (requests.RequestException, UnicodeError) as failure:
            raise ReceiverUnreachable(_reason(failure)) from failure
        answer.close()
        return ReceiverAnswer(answer.status_code, _seconds(answer.headers.get("Retry-After", "")))

    @cached_property
    def _session(self) -> Session:
        """A session that reads proxies and the CA bundle from the environment; requests would also send ~/.netrc."""
        import requests
        from requests.utils import get_environ_proxies

        session = requests.Session()
        session.trust_env = False
        if not is_private(urlsplit(self._url).hostname or ""):
            session.proxies.update(get_environ_proxies(self._url))
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        return session


def _reason(failure: Exception) -> str:
    """Return the innermost reason in one line, without the URL."""
    inner: BaseException = failure
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return " ".join(str(inner).split()) or type(inner).__name__


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 9 else None

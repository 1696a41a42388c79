"""Admission of requests: limits that leave threads for health and for remembered answers, however slow others are."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from ecr_emulator.bulkheads import Bulkhead
from ecr_emulator.dispatcher import refuse
from ecr_emulator.probes import PROBES
from ecr_emulator.web_pages import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RETRY_AFTER = 1
"""Seconds after which a client that was refused should try again."""
FEWEST_REQUESTS = 64
"""Fewest requests to admit. One client pushes or pulls up to six layers of an image at the same time, and some clients
give up at the first refusal: pushes get eight of these places."""
SPARE_THREADS = 32
"""Fewest threads beside those of admitted requests: for probes, remembered answers, queues and refusals."""


def threads_for(requests: int) -> int:
    """Return the number of threads of a server that admits ``requests`` at the same time."""
    return requests + max(SPARE_THREADS, requests // 8)


class Admission:
    """Passes requests on to an application as long as few enough of their kind run. Others are told to try again.

    Pulls and pushes in the registry, and all other requests, have separate limits, ``requests`` together. Probes have
    none.
    """

    def __init__(self, wsgi: WSGIApplication, requests: int) -> None:
        self._wsgi = wsgi
        queue = requests // 32
        self.pulls = Bulkhead("pulls", max(1, requests // 2), queue)
        self.pushes = Bulkhead("pushes", max(1, requests // 8), queue)
        self.others = Bulkhead("requests outside the registry", max(1, requests * 3 // 8), queue)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path in PROBES:
            return self._wsgi(environ, start_response)
        bulkhead = self._bulkhead(path, environ["REQUEST_METHOD"])
        if not bulkhead.enter():
            sentence = f"The emulator answers {bulkhead.limit} {bulkhead.named} already; try again in a moment"
            refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence, RETRY_AFTER)
            return refuse(refusal, environ, start_response)
        try:
            body = self._wsgi(environ, start_response)
        except BaseException:
            bulkhead.leave()
            raise
        if isinstance(body, list):
            bulkhead.leave()
            return body
        return bulkhead.until_sent(body)

    def _bulkhead(self, path: str, method: str) -> Bulkhead:
        if not path.startswith(("/v2/", "/_ecr/layers/")):
            return self.others
        return self.pulls if method in ("GET", "HEAD") else self.pushes

"""An emulator as one of several nodes: before each request it learns what the others have committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from ecr_emulator.dispatcher import refuse
from ecr_emulator.ports.nodes import ANOTHER_STATE, SharedSetting
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.probes import LIVENESS_PROBES
from ecr_emulator.system import SystemClock
from ecr_emulator.web_pages import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


RETRY_AFTER = 5
"""Seconds after which a client whose request was refused without the database is asked to try again."""


class NewsBeforeRequests:
    """Calls ``catch_up`` before each request. If it fails, the request is refused: its answer might be out of date.

    Liveness probes are answered in any case: a restart of this node would not help.
    """

    def __init__(self, wsgi: WSGIApplication, catch_up: Callable[[], None]) -> None:
        self._wsgi = wsgi
        self._catch_up = catch_up

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._catch_up()
        except StorageFailure as failure:
            if environ["PATH_INFO"] not in LIVENESS_PROBES:
                refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, failure.reason, RETRY_AFTER)
                return refuse(refusal, environ, start_response)
        return self._wsgi(environ, start_response)


def with_news(wsgi: WSGIApplication, store: Store) -> WSGIApplication:
    """Return an application that knows what other nodes have committed before it answers a request."""
    others = store.other_nodes
    return NewsBeforeRequests(wsgi, others.catch_up) if others else wsgi


def share_clock(store: Store, clock: SystemClock) -> None:
    """Keep the time the same on all nodes, if there are others, whatever the clocks of their machines show."""
    if store.other_nodes:
        clock.agree(store.other_nodes.now)
        share(store, clock=clock)


def share(store: Store, **settings: SharedSetting) -> None:
    """Keep what users change while the emulator runs the same on all nodes, if there are others."""
    if store.other_nodes:
        for name, setting in settings.items():
            store.other_nodes.share(name, setting)


def at_another_state(store: Store, listener: Callable[[], None]) -> None:
    """Call ``listener`` when a reset or a saved state of another node has replaced the state, if there are others."""
    if store.other_nodes:
        store.other_nodes.at_news(ANOTHER_STATE, listener)

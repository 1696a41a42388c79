"""moto as a WSGI application, imported on first use."""

from __future__ import annotations

import logging
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from ecr_emulator.companions.error_responses import NoSuchCompanion, NotOffered
from ecr_emulator.companions.own_backends import redirect_moto
from ecr_emulator.ports.storage_failures import OutOfFiles

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)

MOTO_API_NOT_OFFERED = (
    "moto's own API is not available: it would change state without the emulator's knowledge. "
    "POST /_ecr/reset deletes all state; GET / lists the emulator's endpoints."
)


HOSTS = 1000
"""Host names whose services are remembered: each Region has its own, and so has each bucket."""


@cache
def _application_of(service: Any) -> WSGIApplication:
    """Return moto's application for a service. It has the service's addresses and no state: all emulators share it."""
    from moto.moto_server import werkzeug_app

    application: WSGIApplication = werkzeug_app.create_backend_app(service)
    return application


def moto_application() -> WSGIApplication:
    """Import moto, and return its application. Raises ``OutOfFiles``."""
    try:
        redirect_moto()
        from moto.moto_server import werkzeug_app
    except OSError as failure:
        if OutOfFiles.is_meant_by(failure):
            raise OutOfFiles from failure
        raise

    def application_of(service: Any) -> Any:
        if service is None:
            raise NoSuchCompanion
        if service == "moto_api":
            raise NotOffered(MOTO_API_NOT_OFFERED)
        return _application_of(service)

    # Before moto gives up, it prints hints for its own developers.
    werkzeug_app.print = log.debug  # type: ignore[attr-defined]

    application = werkzeug_app.DomainDispatcherApplication(application_of)
    # To find the service of a host, moto lists its own folder, with each request.
    application.get_backend_for_host = lru_cache(HOSTS)(application.get_backend_for_host)  # type: ignore[method-assign]
    return application

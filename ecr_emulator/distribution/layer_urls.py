"""Answer the signed URLs that GetDownloadUrlForLayer returns. A client that has one may download its layer."""

from __future__ import annotations

import re
from datetime import datetime

from werkzeug import Request, Response

from ecr_emulator.distribution.blobs import get_blob
from ecr_emulator.distribution.errors import OciError, method_not_allowed
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.distribution.routes import LAYERS
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Scope
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.request_log import NOTE
from ecr_emulator.services import Services
from ecr_emulator.services.background import SCANS
from ecr_emulator.services.layer_urls import PREFIX, verify

_PATH = re.compile(rf"{PREFIX}/(\d{{12}})/([a-z0-9-]+)/(.+)/([^/]+)")


def get_layer(request: Request, services: Services, now: datetime) -> Response:
    """Return the layer of a URL that this emulator signed. Raises ``OciError`` 403 for other and expired URLs."""
    if request.method not in ("GET", "HEAD"):
        raise method_not_allowed(request.method, ["GET", "HEAD"])
    operation = request.environ[OPERATION] = f"{request.method} {LAYERS}"
    found = _PATH.fullmatch(request.path)
    if found:
        account, region, name, digest = found.groups()
        registry = Registry(account, region)
        if verify(services.tokens, registry, name, digest, request.args, now):
            request.environ[NOTE] = {"account": account, "region": region, "repository": name}
            now = services.due_work.complete(now, Scope(registry, name, SCANS))
            services.faults.apply({LAYERS, operation}, registry, name, request.environ)
            return get_blob(RegistryRequest(request, services, registry, name, name, now, principal=""), digest)
    raise OciError(403, "DENIED", "The URL is not signed by this registry, or has expired.")

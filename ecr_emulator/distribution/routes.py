"""The routes: one line for each path of the OCI distribution API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from werkzeug import Response

from ecr_emulator.distribution import blobs, manifests, referrers, tags, uploads
from ecr_emulator.distribution.errors import OciError, method_not_allowed
from ecr_emulator.distribution.request import RegistryRequest

Handler = Callable[..., Response]


class Route(NamedTuple):
    """A path, its name for people, and the handlers of its methods.

    The first group of the path is the name of the repository; the others are the handler's arguments.
    """

    name: str
    path: re.Pattern[str]
    handlers: Mapping[str, Handler]


def check_version(_: RegistryRequest) -> Response:
    """Answer end-1: the registry supports the API, and the client is authenticated."""
    return Response("{}", content_type="application/json")


def _route(name: str, path: str, **handlers: Handler) -> Route:
    if "GET" in handlers:
        handlers["HEAD"] = handlers["GET"]
    return Route(name, re.compile(path), handlers)


ROUTES = (
    _route("manifests", r"/v2/(.+)/manifests/([^/]+)",
           GET=manifests.get_manifest, PUT=manifests.put_manifest, DELETE=manifests.delete_manifest),
    _route("uploads", r"/v2/(.+)/blobs/uploads/?", POST=uploads.begin_upload),
    _route("uploads", r"/v2/(.+)/blobs/uploads/([^/]+)",
           GET=uploads.get_upload, PATCH=uploads.append_to_upload,
           PUT=uploads.finish_upload, DELETE=uploads.cancel_upload),
    _route("blobs", r"/v2/(.+)/blobs/([^/]+)", GET=blobs.get_blob, DELETE=blobs.refuse_delete),
    _route("tags", r"/v2/(.+)/tags/list", GET=tags.list_tags),
    _route("referrers", r"/v2/(.+)/referrers/([^/]+)", GET=referrers.list_referrers),
    _route("catalog", r"/v2/()_catalog", GET=tags.list_repositories),
    _route("base", r"/v2/?()", GET=check_version),
)  # fmt: skip


LAYERS = "layers"
"""The name of the route of signed URLs, which is not below ``/v2/``."""


def fault_targets() -> set[str]:
    """Return the names of the routes, alone and with each of their methods: ``blobs``, ``GET blobs``."""
    named = {(route.name, method) for route in ROUTES for method in route.handlers}
    named |= {(LAYERS, "GET"), (LAYERS, "HEAD")}
    return {target for name, method in named for target in (name, f"{method} {name}")}


class Match(NamedTuple):
    """The route and the handler of a request, the repository name in the path, and the handler's other arguments."""

    route: str
    handler: Handler
    name: str
    arguments: tuple[str, ...]


def match(method: str, path: str) -> Match:
    """Find the handler of a request. Raises ``OciError`` 404 for an unknown path and 405 for an unsupported method."""
    for route in ROUTES:
        found = route.path.fullmatch(path)
        if found:
            handler = route.handlers.get(method)
            if handler is None:
                raise method_not_allowed(method, route.handlers)
            name, *arguments = found.groups()
            return Match(route.name, handler, name, tuple(arguments))
    raise OciError(404, "UNSUPPORTED", f"The registry API has no {path}")

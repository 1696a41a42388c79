"""Which registry and repository a request means."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from werkzeug import Request

from ecr_emulator.domain.addresses import registry_of_host, split_path_style
from ecr_emulator.domain.names import Registry


class Address(NamedTuple):
    """A repository, or with an empty name a registry. ``namespace`` is the ``ns`` that named it, if that did."""

    registry: Registry
    name: str
    namespace: str | None = None


def find_address(request: Request, path: str, fallback: Registry) -> Address:
    """The address in a request whose URL says ``path`` where the repository's name goes.

    The Host wins, then the ``ns`` that containerd sends to mirrors, then ``<account>/<region>/`` before the name.
    """
    registry = registry_of_host(request.host)
    if registry:
        return Address(registry, path)
    namespace = _namespace(request)
    registry = registry_of_host(namespace) if namespace else None
    if registry:
        return Address(registry, path, namespace)
    return Address(*(split_path_style(path) or (fallback, path)))


def lasting(url: str, request: Request) -> str:
    """A URL under which whoever sent this request finds the same registry again: with the ``ns`` that named it."""
    namespace = _namespace(request)
    if namespace and registry_of_host(namespace) and not registry_of_host(request.host):
        return f"{url}?ns={quote(namespace)}"
    return url


def _namespace(request: Request) -> str | None:
    # Parsing the query costs more than all the rest, and hardly any request has one.
    return request.args.get("ns") if request.query_string else None

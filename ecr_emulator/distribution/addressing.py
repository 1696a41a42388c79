"""Find the registry and the repository that a request addresses."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from werkzeug import Request

from ecr_emulator.domain.addresses import registry_of_host, split_path_style
from ecr_emulator.domain.names import Registry


class Address(NamedTuple):
    """A repository, or a registry if ``name`` is empty. ``namespace`` is the ``ns`` argument if that selected it."""

    registry: Registry
    name: str
    namespace: str | None = None


def find_address(request: Request, path: str, fallback: Registry) -> Address:
    """Return the address in a request whose URL has ``path`` in the place of the repository's name.

    The registry comes from the Host, or else from the ``ns`` argument that containerd sends to mirrors, or else from
    ``<account>/<region>/`` before the name. Without any of these it is ``fallback``.
    """
    registry = registry_of_host(request.host)
    if registry:
        return Address(registry, path)
    namespace = _namespace(request)
    registry = registry_of_host(namespace) if namespace else None
    if registry:
        return Address(registry, path, namespace)
    return Address(*(split_path_style(path) or (fallback, path)))


def local_name(other: str, name: str, path: str) -> str:
    """Return the name of another repository of the registry, which the client writes in the style of its path."""
    return other.removeprefix(path.removesuffix(name))


def with_namespace(url: str, request: Request) -> str:
    """Return a URL with the ``ns`` argument of the request if that selected the registry.

    A client that follows the URL then addresses the same registry.
    """
    namespace = _namespace(request)
    if namespace and registry_of_host(namespace) and not registry_of_host(request.host):
        return f"{url}?ns={quote(namespace)}"
    return url


def _namespace(request: Request) -> str | None:
    # Few requests have a query, and parsing it would cost more than the rest of find_address.
    return request.args.get("ns") if request.query_string else None

"""Addresses of registries: the four styles of repository URIs, and the registry that a host name means."""

from __future__ import annotations

import re
from dataclasses import replace

from ecr_emulator.domain.names import ACCOUNT_ID, REGION, Registry
from ecr_emulator.domain.partitions import DNS_SUFFIXES
from ecr_emulator.quick_dataclasses import dataclass

STYLES = ("localhost", "subdomain", "aws", "path")

_AWS_HOST = re.compile(
    rf"(?P<account>{ACCOUNT_ID})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9][a-z0-9-]*)\."
    rf"(?:{'|'.join(map(re.escape, DNS_SUFFIXES))}|on\.(?:aws|amazonwebservices\.com\.cn)|localhost)\.?(?::\d+)?"
)
_PATH_PREFIX = re.compile(rf"(?P<account>{ACCOUNT_ID})/(?P<region>{REGION})/(?P<rest>.+)")


def registry_of_host(host: str) -> Registry | None:
    """Return the registry in a host name of ECR, or in the same name below ``.localhost``; None if there is none."""
    match = _AWS_HOST.fullmatch(host.lower())
    return Registry(match["account"], match["region"]) if match else None


def split_path_style(name: str) -> tuple[Registry, str] | None:
    """Return the registry and repository of a path-style name, ``<account>/<region>/<repository>``, or None."""
    match = _PATH_PREFIX.fullmatch(name)
    return (Registry(match["account"], match["region"]), match["rest"]) if match else None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses in answers.

    ``public_host`` replaces the host (with port) that the client used, for emulators that clients reach by another
    name. ``anonymous`` is the registry of clients without a token; None if a token is required.
    """

    style: str = "localhost"
    public_host: str | None = None
    anonymous: Registry | None = None

    def repository_uri(self, registry: Registry, name: str, client_host: str, caller: Registry) -> str:
        """Return the URI of a repository for the caller's ``docker pull``.

        In the style ``localhost`` the puller's own registry is implied, so the URI of a repository in another registry
        has the registry in its path.
        """
        if self.style == "localhost" and registry != (self.anonymous or caller):
            return f"{replace(self, style='path').registry_address(registry, client_host)}/{name}"
        return f"{self.registry_address(registry, client_host)}/{name}"

    def proxy_endpoint(self, registry: Registry, origin: str) -> str:
        """Return the URL of a registry for ``docker login``. ``origin`` is the scheme and host that the client used."""
        scheme, _, host = origin.partition("://")
        if self.style == "aws":
            scheme = "https"
        return f"{scheme}://{self.registry_address(registry, host)}"

    def registry_address(self, registry: Registry, client_host: str) -> str:
        """Return the host, port and path prefix of a registry's repositories."""
        host = self.public_host or client_host
        match self.style:
            case "aws":
                return registry.host
            case "subdomain":
                port = host.rpartition(":")[2]
                suffix = f":{port}" if port.isdigit() else ""
                return f"{registry.id}.dkr.ecr.{registry.region}.localhost{suffix}"
            case "path":
                return f"{host}/{registry.id}/{registry.region}"
        return host

"""How a registry is addressed: the four styles of repository URI, and which registry a host name means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ecr_emulator.domain.names import ACCOUNT_ID, REGION, Registry
from ecr_emulator.domain.partitions import DNS_SUFFIXES

STYLES = ("localhost", "subdomain", "aws", "path")

_AWS_HOST = re.compile(
    rf"(?P<account>{ACCOUNT_ID})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9][a-z0-9-]*)\."
    rf"(?:{'|'.join(map(re.escape, DNS_SUFFIXES))}|on\.(?:aws|amazonwebservices\.com\.cn)|localhost)\.?(?::\d+)?"
)
_PATH_PREFIX = re.compile(rf"(?P<account>{ACCOUNT_ID})/(?P<region>{REGION})/(?P<rest>.+)")


def registry_of_host(host: str) -> Registry | None:
    """The registry that a host name carries: real ECR's names, and the same below ``.localhost``."""
    match = _AWS_HOST.fullmatch(host.lower())
    return Registry(match["account"], match["region"]) if match else None


def split_path_style(name: str) -> tuple[Registry, str] | None:
    """The registry and repository of a path-style name, ``<account>/<region>/<repository>``."""
    match = _PATH_PREFIX.fullmatch(name)
    return (Registry(match["account"], match["region"]), match["rest"]) if match else None


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses that answers carry.

    ``public_host`` replaces the host (with port) that the client used, for emulators behind another name.
    ``anonymous`` is the registry of clients without a token, where they are let in.
    """

    style: str = "localhost"
    public_host: str | None = None
    anonymous: Registry | None = None

    def repository_uri(self, registry: Registry, name: str, client_host: str, caller: Registry) -> str:
        """A repository's URI as the caller's ``docker pull`` takes it.

        In the style ``localhost``, who pulls says which registry is meant: a URI in any other one names it in its path.
        """
        if self.style == "localhost" and registry != (self.anonymous or caller):
            return f"{replace(self, style='path').registry_address(registry, client_host)}/{name}"
        return f"{self.registry_address(registry, client_host)}/{name}"

    def proxy_endpoint(self, registry: Registry, origin: str) -> str:
        """A registry's URL as ``docker login`` takes it. ``origin`` is the scheme and host that the client used."""
        scheme, _, host = origin.partition("://")
        if self.style == "aws":
            scheme = "https"
        return f"{scheme}://{self.registry_address(registry, host)}"

    def registry_address(self, registry: Registry, client_host: str) -> str:
        """Host, port and path prefix under which a registry's repositories live."""
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

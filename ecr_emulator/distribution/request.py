"""One request to the registry API, with everything that its handler needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from werkzeug import Request

from ecr_emulator.distribution.addressing import lasting
from ecr_emulator.domain.names import Registry
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions


@dataclass(frozen=True, slots=True)
class RegistryRequest:
    """A request that is authenticated and whose registry and repository name are known.

    ``name`` is empty where the route has none. ``path`` is the name as the client wrote it, which answers repeat;
    ``origin`` is the scheme and host it used; ``principal`` the ARN of the caller, empty for one without a token. The
    ``permissions`` that the route itself needs have been checked. ``http`` is the request as it came.
    A strict answer departs from the OCI specification where real ECR does (docs/strict.md);
    sparse manifests are accepted only where the operator asked for that.
    """

    http: Request
    services: Services
    registry: Registry
    name: str
    path: str
    now: datetime
    principal: str
    is_strict: bool = False
    accepts_sparse: bool = False
    permissions: Permissions = UNLIMITED

    @property
    def origin(self) -> str:
        """``http://host:port``, as the client wrote it."""
        return self.http.host_url.rstrip("/")

    def local_name(self, path: str) -> str:
        """The name of another repository of this registry, which the client writes as it wrote this one's."""
        return path.removeprefix(self.path.removesuffix(self.name))

    def url(self, rest: str) -> str:
        """The address of something in this repository."""
        return lasting(f"{self.origin}/v2/{self.path}/{rest}", self.http)

"""A request to the registry API, with everything that its handler needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from werkzeug import Request

from ecr_emulator.distribution.addressing import local_name, with_namespace
from ecr_emulator.domain.cache_use import CacheUse
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Scope
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.remembered_answers import REMEMBER, Rememberable
from ecr_emulator.request_counts import add_pull
from ecr_emulator.request_log import NOTE
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions
from ecr_emulator.services.background import SCANS
from ecr_emulator.services.validity import Validity


@dataclass(frozen=True, slots=True)
class RegistryRequest:
    """An authenticated request whose registry and repository name are known.

    ``http`` is the request as it arrived. ``name`` is empty if the route has no repository. ``path`` is the name as
    the client wrote it, and as answers repeat it. ``principal`` is the ARN of the caller, empty for a caller without a
    token. ``permissions`` are those of the caller; the permission for the route itself is checked before the handler
    runs. ``is_strict`` selects the answers of real ECR where ECR departs from the OCI specification (docs/strict.md).
    ``accepts_sparse`` accepts manifests with missing layers or children. ``remembered_until`` is the time up to which
    the credential of the request is accepted; None if its answer must not be remembered.
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
    remembered_until: datetime | None = None

    def remember(
        self,
        validity: Validity | None,
        reread: Callable[[], Iterable[bytes]] | None = None,
        is_intact: Callable[[], bool] | None = None,
    ) -> None:
        """Let the answer be remembered while it is valid and the credential is accepted; see ``Rememberable``."""
        if validity and self.remembered_until:
            awaits = partial(self.services.due_work.is_due_in, Scope(self.registry, self.name, SCANS))
            validity = validity.at_most(self.remembered_until).while_not(awaits)
            self.http.environ[REMEMBER] = Rememberable(validity, reread, is_intact)

    def note_cache_use(self, use: CacheUse) -> None:
        """State the rule, its upstream and what the cache did in the log and the metrics."""
        add_pull(self.http.environ, self.http.environ[NOTE], use)

    @property
    def origin(self) -> str:
        """Return the scheme and host that the client used: ``http://host:port``."""
        return self.http.host_url.rstrip("/")

    def local_name(self, path: str) -> str:
        """Return the name of another repository of this registry.

        The client writes its ``path`` in the same style as the path of the request.
        """
        return local_name(path, self.name, self.path)

    def url(self, rest: str) -> str:
        """Return the URL of something in this repository."""
        return with_namespace(f"{self.origin}/v2/{self.path}/{rest}", self.http)

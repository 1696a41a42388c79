"""The parts of the state that a request looks at: what is due there is done before the request."""

from __future__ import annotations

from werkzeug import Request

from ecr_emulator.distribution.addressing import local_name
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Scope
from ecr_emulator.services.background import SCANS
from ecr_emulator.services.due_work import WITHIN_REPOSITORIES


def looked_at(request: Request, registry: Registry, name: str, path: str) -> list[Scope]:
    """Return the repository of a request and the one that it mounts from; the registry if it names no repository."""
    if not name:
        return [Scope(registry, left_out=WITHIN_REPOSITORIES)]
    scopes = [Scope(registry, name, SCANS)]
    source = request.args.get("from") if request.method == "POST" else None
    return [*scopes, Scope(registry, local_name(source, name, path), SCANS)] if source else scopes

"""moto's AWS Config with the repositories of this emulator in ListDiscoveredResources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from moto.config.models import DEFAULT_PAGE_SIZE, ConfigBackend

from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.store import Store

REPOSITORY = "AWS::ECR::Repository"
PAGE = 1_000
"""Number of repositories that are read at a time."""


class OwnConfig(ConfigBackend):
    """AWS Config in one account and Region. ``store`` is that of the emulator."""

    __module__ = ConfigBackend.__module__
    store: ClassVar[Store]

    def list_discovered_resources(
        self,
        resource_type: str,
        resource_ids: list[str] | None,
        resource_name: str | None,
        limit: int | None,
        next_token: str | None,
    ) -> dict[str, Any]:
        """Return a page of the resources of a type. A repository has its name as id, as in CloudFormation."""
        answer = super().list_discovered_resources(
            resource_type,
            resource_ids,  # type: ignore[arg-type]
            resource_name,  # type: ignore[arg-type]
            limit,  # type: ignore[arg-type]
            next_token,  # type: ignore[arg-type]
        )
        if resource_type != REPOSITORY:
            return answer
        wanted = set(resource_ids or ()) | ({resource_name} if resource_name else set())
        size = limit or DEFAULT_PAGE_SIZE
        found: list[str] = []
        for name in self._repositories(next_token or ""):
            if wanted and name not in wanted:
                continue
            if len(found) == size:
                return _page(found) | {"nextToken": found[-1]}
            found.append(name)
        return _page(found)

    def _repositories(self, after: str) -> Iterator[str]:
        """Yield the names of the repositories after a name, in their order."""
        registry = Registry(self.account_id, self.region_name)
        names = [after]
        while names:
            with self.store.reading() as work:
                names = [repository.name for repository in work.repositories.page(registry, names[-1], PAGE)]
            yield from names


def _page(names: list[str]) -> dict[str, Any]:
    identifiers = [{"resourceType": REPOSITORY, "resourceId": name, "resourceName": name} for name in names]
    return {"resourceIdentifiers": identifiers}

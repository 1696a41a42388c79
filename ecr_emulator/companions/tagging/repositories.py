"""The repositories of this emulator, as the tagging API sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecr_emulator.companions.requests import REQUEST, caller_in
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.ecr_api import EcrApi, ForwardedAccess
from ecr_emulator.ports.identities import Identities
from ecr_emulator.ports.store import Store
from ecr_emulator.ports.time import Clock
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.request_context import request_context
from ecr_emulator.services.access import Access, RequiredAction

PRINCIPAL = "tagging.amazonaws.com"
PAGE = 1_000
"""Number of repositories that are read at a time."""


@dataclass(frozen=True)
class TaggedRepositories:
    """Reads and changes the tags of repositories. ``access`` is None unless IAM is enforced."""

    ecr: EcrApi
    store: Store
    identities: Identities
    clock: Clock
    access: Access | None

    def require(self, action: str, registry: Registry) -> None:
        """Raise ``AccessDeniedException`` or ``UnknownAccessKey`` unless the caller may perform an action."""
        if self.access:
            context = request_context(REQUEST.get())
            permissions = self.access.permissions(self._caller(registry), registry, self.clock.now(), context)
            permissions.require([RequiredAction(action)])

    def tags(self, registry: Registry) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the ARN and the tags of each repository of a registry that has tags."""
        after: str | None = ""
        while after is not None:
            with self.store.reading() as work:
                page = work.repositories.page(registry, after, PAGE)
            yield from ((repository.arn, repository.resource_tags) for repository in page if repository.resource_tags)
            after = page[-1].name if len(page) == PAGE else None

    def tag(self, registry: Registry, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a repository, as TagResource does. Raises ``EcrCallFailed`` and ``UnknownAccessKey``."""
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._call("TagResource", registry, resourceArn=arn, tags=listed)

    def untag(self, registry: Registry, arn: str, keys: list[str]) -> None:
        """Remove tags from a repository, as UntagResource does. Raises ``EcrCallFailed`` and ``UnknownAccessKey``."""
        self._call("UntagResource", registry, resourceArn=arn, tagKeys=keys)

    def _call(self, operation: str, registry: Registry, **members: Any) -> None:
        self.ecr.call(operation, members, ForwardedAccess(self._caller(registry), PRINCIPAL, REQUEST.get()))

    def _caller(self, registry: Registry) -> Caller:
        return caller_in(registry, self.identities) if self.access else Caller.root_of(registry)

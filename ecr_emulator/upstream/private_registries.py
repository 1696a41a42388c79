"""Private registries of this emulator as upstreams of each other: they are asked in process, without HTTP.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import CachedName, PullThroughRule, find_cached_name
from ecr_emulator.domain.referrer import Referrer
from ecr_emulator.domain.service_linked_roles import PULL_THROUGH_CACHE
from ecr_emulator.errors import AccessDeniedException, ImageNotFoundException, RepositoryNotFoundException
from ecr_emulator.ports.upstream import ManifestHead, Upstream, UpstreamCost, Upstreams, UpstreamState
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamNotFound
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions, RequiredAction
from ecr_emulator.services.blob_reads import read_span
from ecr_emulator.services.pull_through import MAX_NESTED_CALLS, is_of_others

_NEEDED = ("BatchGetImage", "BatchImportUpstreamImage", "GetImageCopyStatus", "GetDownloadUrlForLayer")
"""Actions that the role of a rule must be allowed, on both sides, to pull an image; blobs come with the manifest."""


class PrivateRegistries:
    """``ports.upstream.Upstreams``: the registries of this emulator in process, all other hosts ``elsewhere``.

    ``mapped`` holds the hosts for which the operator named an address: those are elsewhere. ``services`` is called only
    when a registry of this emulator is asked, since the services themselves need the upstreams.
    """

    def __init__(self, elsewhere: Upstreams, mapped: Container[str], services: Callable[[], Services]) -> None:
        self._elsewhere = elsewhere
        self._mapped = mapped
        self._services = services

    def at(self, rule: PullThroughRule) -> Upstream:
        registry = self._registry_here(rule)
        return PrivateRegistry(self, rule, registry) if registry else self._elsewhere.at(rule)

    def state(self, rule: PullThroughRule) -> UpstreamState:
        """Return the state of the upstream of a rule; a registry of this emulator is always available."""
        return UpstreamState(address="this emulator") if self._registry_here(rule) else self._elsewhere.state(rule)

    def is_here(self, rule: PullThroughRule) -> bool:
        """Return whether the upstream of a rule is a registry of this emulator."""
        return self._registry_here(rule) is not None

    def cost(self, rule: PullThroughRule, name: str) -> UpstreamCost:
        """Return what a repository has cost an upstream; registries of this emulator get no requests."""
        return self._elsewhere.cost(rule, name)

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Let the next request to the upstream of a rule through; registries of this emulator are always asked."""
        self._elsewhere.ask_anew(rule, name)

    def manifest(self, rule: PullThroughRule, registry: Registry, name: str, reference: str) -> StoredManifest:
        """Return what a client of that registry would get now; the registry asks its own upstream if need be."""
        services = self._services()
        permissions = self.permissions(rule, registry, name)
        try:
            return services.pulls.manifest(
                registry, name, reference, services.clock.now(), rule.principal_arn, permissions
            )
        except (RepositoryNotFoundException, ImageNotFoundException) as absent:
            raise UpstreamNotFound(f"{registry.host} has no {name} {reference}: {absent.message}") from absent

    def referrers(self, rule: PullThroughRule, registry: Registry, name: str, digest: str) -> list[Referrer]:
        """Return the referrers that a client of that registry would be told now."""
        services = self._services()
        permissions = self.permissions(rule, registry, name)
        try:
            found = services.referrers.find(registry, name, digest, services.clock.now(), permissions)
        except RepositoryNotFoundException:
            return []
        if found.failure:
            raise found.failure
        return [each for each in found.referrers if each.is_active]

    def blob(self, registry: Registry, name: str, digest: str, size: int, offset: int) -> Iterator[bytes]:
        """Return the bytes of a blob to which an image of that registry refers, from there or from its upstreams.

        The upstreams are asked directly: the download that needs these bytes serves all registries.
        """
        blobs = self._services().blobs
        for _ in range(MAX_NESTED_CALLS + 1):
            cached_name, is_foreign = self._cached_name_of_blob(registry, name, digest)
            if blobs.intact_size(digest, size) is not None and not is_foreign:
                return read_span(blobs, digest, offset, size)
            if cached_name is None:
                break
            rule, upstream_name = cached_name.rule, cached_name.upstream_name
            next_registry = self._registry_here(rule)
            if next_registry is None:
                return self._elsewhere.at(rule).blob(upstream_name, digest, size, offset)
            registry, name = next_registry, upstream_name
        raise UpstreamNotFound(f"{registry.host} does not have the bytes of {digest} of {name}")

    def _cached_name_of_blob(self, registry: Registry, name: str, digest: str) -> tuple[CachedName | None, bool]:
        """Return the rule by which that registry fetches a blob, and whether only other accounts have the blob here.

        Raises ``UpstreamNotFound`` if the registry does not have the blob.
        """
        services = self._services()
        with services.store.reading() as work:
            repository = work.repositories.find(registry, name)
            try:
                held = work.layers.find(repository, digest) if repository else None
                layer = held or services.pulls.referenced(work, registry, name, digest)
            except RepositoryNotFoundException:
                layer = None
            cached_name = find_cached_name(work.rules.all(registry), name)
            if layer is None or layer.is_archived or not (held or cached_name):
                raise UpstreamNotFound(f"{registry.host} has no blob {digest} of {name}")
            return cached_name, is_of_others(work, registry, digest)

    def permissions(self, rule: PullThroughRule, registry: Registry, name: str | None = None) -> Permissions:
        """Return what a rule's role may do there. Raises ``UpstreamAccessDenied`` if it may not pull ``name``."""
        services = self._services()
        if services.access is None:
            return UNLIMITED
        needed = [RequiredAction(f"ecr:{action}", registry.arn(name)) for action in _NEEDED] if name else []
        role, now = rule.principal_arn, services.clock.now()
        try:
            permissions = services.access.permissions_in_role(role, PULL_THROUGH_CACHE, registry, now)
            permissions.require(needed)
        except AccessDeniedException as denied:
            raise UpstreamAccessDenied(f"{registry.host} answers: {denied.message}") from denied
        return permissions

    def _registry_here(self, rule: PullThroughRule) -> Registry | None:
        """Return the registry of this emulator that a rule pulls from, or None."""
        registry = None if rule.url in self._mapped else registry_of_host(rule.url)
        return registry if registry and registry.host == rule.url else None


class PrivateRegistry:
    """A registry of this emulator as the upstream of one rule."""

    def __init__(self, registries: PrivateRegistries, rule: PullThroughRule, registry: Registry) -> None:
        self._registries = registries
        self._rule = rule
        self._registry = registry

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Return the digest and media type of a manifest. Raises ``UpstreamFailure``."""
        manifest = self.manifest(name, reference)
        return ManifestHead(manifest.digest, manifest.media_type)

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Return a manifest by tag or digest. Raises ``UpstreamFailure``."""
        return self._registries.manifest(self._rule, self._registry, name, reference)

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """Return the bytes of a blob from an offset on. Raises ``UpstreamFailure``."""
        return self._registries.blob(self._registry, name, digest, size, offset)

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        """Return the referrers of a digest. Raises ``UpstreamFailure``."""
        return self._registries.referrers(self._rule, self._registry, name, digest)

    def hang_up(self) -> None:
        """Do nothing: there are no connections."""

    def ping(self) -> None:
        """Do nothing: the registry always answers. Raises ``UpstreamAccessDenied`` if the rule has no role."""
        self._registries.permissions(self._rule, self._registry)

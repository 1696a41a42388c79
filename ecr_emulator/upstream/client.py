"""The client of upstream registries over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.referrer import Referrer
from ecr_emulator.ports.secrets import Credential, SecretSource
from ecr_emulator.ports.upstream import ManifestHead, UpstreamCost, UpstreamState
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamUnavailable,
)
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.auth import AuthenticatedRequests
from ecr_emulator.upstream.authorizations import Authorizations
from ecr_emulator.upstream.blobs import BlobDownload
from ecr_emulator.upstream.circuit_breakers import CircuitBreakers
from ecr_emulator.upstream.counts import UpstreamCounts
from ecr_emulator.upstream.error_responses import hint_about, refusal
from ecr_emulator.upstream.failure_cache import FailureCache
from ecr_emulator.upstream.faults import UpstreamFaults
from ecr_emulator.upstream.manifests import ENOUGH, announced, received
from ecr_emulator.upstream.negative_cache import NegativeCache, NegativeKey
from ecr_emulator.upstream.rate_limits import HostCredential, RateLimits
from ecr_emulator.upstream.referrers import NO_API, Page, all_pages, page_in, under_fallback_tag
from ecr_emulator.upstream.request_headers import MANIFEST_REQUEST, REFERRERS_REQUEST
from ecr_emulator.upstream.retries import Payload, Retries

if TYPE_CHECKING:
    from ecr_emulator.upstream.answer import Answer
    from ecr_emulator.upstream.http import Connections

_ADDRESS_REFUSES = frozenset({400, 401, 403})
"""Statuses that storage services send for a presigned URL that has expired."""


class HttpUpstreams:
    """All upstream registries that are reached over HTTP. Safe to use from many threads.

    All rules share the connections, the tokens, and what is remembered of hosts. The library requests is imported when
    the first upstream is asked.
    """

    def __init__(
        self,
        secrets: SecretSource,
        addresses: UpstreamMap | None = None,
        retries: Retries | None = None,
        faults: UpstreamFaults | None = None,
        *,
        history: CacheHistory | None = None,
        offline: bool = False,
    ) -> None:
        """If ``offline``, no request is sent, and every upstream counts as unavailable.

        ``history`` counts requests over time.
        """
        self._secrets = secrets
        self._is_offline = offline
        self._addresses = addresses or UpstreamMap()
        self._retries = retries or Retries()
        self.faults = faults
        self._authorizations = Authorizations(self._retries.elapsed)
        self._breakers = CircuitBreakers(self._retries.elapsed)
        self._rate_limits = RateLimits(self._retries.elapsed)
        self.counts = UpstreamCounts(history)
        self._negative_answers: FailureCache[NegativeKey] = FailureCache(self._retries.elapsed)
        self._opened: Connections | None = None
        self._lock = Lock()

    def at(self, rule: PullThroughRule) -> HttpUpstream:
        """Return the upstream of a rule, with the credential that the secret holds now. Raises ``UpstreamFailure``."""
        if self._is_offline:
            raise UpstreamUnavailable(f"{rule.url} was not asked: the emulator runs with --offline")
        credential = self._credential(rule)
        connections = self._connections()
        connections.admit(rule.url)
        requests = AuthenticatedRequests(rule.url, credential, connections, self._authorizations, self._rate_limits)
        return HttpUpstream(
            requests, self._retries, NegativeCache(self._negative_answers, rule, credential, self._retries.negative_ttl)
        )

    def state(self, rule: PullThroughRule) -> UpstreamState:
        """Return the state of the upstream of a rule; its rate limit only if the credential can be read."""
        state = UpstreamState(self._addresses.stand_in(rule.url), self._breakers.left(rule.url.lower()))
        try:
            key = HostCredential(rule.url, self._credential(rule))
        except UpstreamFailure:
            return state
        return state._replace(limited=self._rate_limits.left(key), rate_limit=self._rate_limits.known(key))

    def is_here(self, rule: PullThroughRule) -> bool:
        """See ``ports.upstream.Upstreams.is_here``."""
        return False

    def cost(self, rule: PullThroughRule, name: str) -> UpstreamCost:
        """See ``ports.upstream.Upstreams.cost``."""
        return self.counts.costs.of(rule.url, name)

    def rate_limits_left(self) -> dict[str, int]:
        """Return by host the pulls that remain: the fewest, if the host is asked with several credentials."""
        return self._rate_limits.remaining()

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Close the breaker of the upstream of a rule, and forget its negative answers about a name."""
        self._breakers.close(rule.url.lower())
        self._negative_answers.forget(lambda key: key.rule.url == rule.url and key.name == name)

    def forget(self) -> None:
        """Forget breakers, rate limits, negative answers and costs; connections and tokens are kept."""
        self._forget_failures()
        self.counts.costs.clear()

    def forget_hosts(self) -> None:
        """Forget what is known of hosts, with their tokens: other servers may stand behind their names now."""
        self._forget_failures()
        self._authorizations.clear()

    def _forget_failures(self) -> None:
        self._breakers.clear()
        self._rate_limits.clear()
        self._negative_answers.forget(lambda key: True)

    def snapshot(self) -> tuple[Any, ...]:
        """Return breakers, rate limits, negative answers, tokens and costs, for ``restore``."""
        return tuple(each.snapshot() for each in self._memories())

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Restore the state of a snapshot, and forget what was remembered since."""
        for memory, state in zip(self._memories(), snapshot, strict=True):
            memory.restore(state)

    def _memories(self) -> tuple[Any, ...]:
        costs = self.counts.costs
        return self._breakers, self._rate_limits, self._negative_answers, self._authorizations, costs

    def _credential(self, rule: PullThroughRule) -> Credential | None:
        arn = rule.credential_arn
        return self._secrets.credential(arn, rule.registry) if arn else None

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed after their answers."""
        with self._lock:
            if self._opened:
                self._opened.close()

    def _connections(self) -> Connections:
        with self._lock:
            if self._opened is None:
                from ecr_emulator.upstream.http import Connections

                self._opened = Connections(self._addresses, self._retries, self._breakers, self.counts, self.faults)
            return self._opened


class HttpUpstream:
    """One upstream registry, with one credential or anonymously. ECR upstreams are asked like any other."""

    def __init__(self, requests: AuthenticatedRequests, retries: Retries, negative_cache: NegativeCache) -> None:
        self._requests = requests
        self._retries = retries
        self._negative_cache = negative_cache

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Return the digest and media type of a manifest, by HEAD, or by GET if HEAD gives no digest.

        Some registries answer 401, 403 or 404 to HEAD and 200 to GET.
        """
        head = self._requests.with_retries(lambda: self._head(name, reference))
        if head:
            return head
        manifest = self.manifest(name, reference)
        return ManifestHead(manifest.digest, manifest.media_type, manifest)

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Return a manifest by tag or digest, verified. Raises ``UpstreamFailure``.

        A negative answer of a moment ago is raised again without a request.
        """
        return self._negative_cache.fetch(
            name, reference, lambda: self._requests.with_retries(lambda: self._manifest(name, reference))
        )

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """Return the bytes of a blob from an offset on, in pieces of up to 256 KiB, as they arrive.

        No HEAD request is sent, since presigned URLs refuse HEAD. Raises ``UpstreamFailure``.
        """

        def open_blob(headers: Mapping[str, str]) -> Answer:
            return self._negative_cache.fetch(
                name,
                f"blob {digest}",
                lambda: self._requests.with_retries(lambda: self._blob(name, digest, headers), after_timeout=True),
            )

        what = f"blob {digest} of {self._requests.host}/{name}"
        return BlobDownload(open_blob, what, size, offset, self._retries).chunks()

    def referrers(self, name: str, digest: str) -> list[Referrer]:
        """Return the referrers of a digest: all pages of the referrers API, or the index under the fallback tag.

        Raises ``UpstreamFailure``, also if any page fails.
        """

        def fetch(path: str) -> Page:
            return self._requests.with_retries(lambda: self._referrers(name, digest, path))

        try:
            return all_pages(f"/v2/{name}/referrers/{digest}", fetch)
        except UpstreamNotFound:
            return under_fallback_tag(digest, lambda tag: self.manifest(name, tag))

    def hang_up(self) -> None:
        """Close the connections that are kept; answers under way still arrive."""
        self._requests.hang_up()

    def ping(self) -> None:
        """Check that the registry answers and accepts the credential. Raises ``UpstreamFailure``."""
        self._requests.with_retries(self._ping)

    def _ping(self) -> None:
        answer = self._requests.send("GET", "/v2/", "", {}, Payload.DOCUMENT)
        answer.discard()
        if answer.status in (401, 403):
            as_whom = "with the credential" if self._requests.credential else "without a credential"
            raise UpstreamAccessDenied(f"{answer.who} answered {answer.status} to GET /v2/ {as_whom}")
        if answer.status != 200:
            raise UpstreamUnavailable(f"{answer.who} answered {answer.status} to GET /v2/, as no registry does")

    def _head(self, name: str, reference: str) -> ManifestHead | None:
        answer = self._ask_manifest("HEAD", name, reference)
        answer.discard()
        return announced(answer.headers) if answer.status == 200 else None

    def _manifest(self, name: str, reference: str) -> StoredManifest:
        with self._ask_manifest("GET", name, reference) as answer:
            raw = answer.document(ENOUGH)
        if answer.status != 200:
            raise self._refusal(answer, name, f"{name} {reference}")
        return received(raw, answer.headers, reference, answer.who)

    def _ask_manifest(self, method: str, name: str, reference: str) -> Answer:
        path = f"/v2/{name}/manifests/{reference}"
        return self._requests.send(method, path, _scope(name), MANIFEST_REQUEST, Payload.DOCUMENT)

    def _referrers(self, name: str, digest: str, path: str) -> Page:
        with self._requests.send("GET", path, _scope(name), REFERRERS_REQUEST, Payload.DOCUMENT) as answer:
            if answer.status == 200:
                return page_in(answer, f"https://{self._requests.host}{path}", digest, self._requests.addresses)
        if answer.status in NO_API:
            raise UpstreamNotFound(f"{answer.who} has no referrers API")
        raise self._refusal(answer, name, f"referrers in {name}")

    def _blob(self, name: str, digest: str, headers: Mapping[str, str]) -> Answer:
        """Return an answer with the blob; for a Range, any answer. If the presigned URL has expired, ask once more."""
        answer = self._ask_blob(name, digest, headers)
        if "Range" in headers or answer.status in (200, 206):
            return answer
        if _is_expired(answer):
            answer.discard()
            answer = self._ask_blob(name, digest, headers)
        if answer.status in (200, 206):
            return answer
        answer.discard()
        if _is_expired(answer):
            raise UpstreamUnavailable(f"{answer.who} answered {answer.status} when asked for blob {digest} of {name}")
        raise self._refusal(answer, name, f"blob {digest} of {name}")

    def _ask_blob(self, name: str, digest: str, headers: Mapping[str, str]) -> Answer:
        path = f"/v2/{name}/blobs/{digest}"
        return self._requests.send("GET", path, _scope(name), headers, Payload.BLOB)

    def _refusal(self, answer: Answer, name: str, what: str) -> UpstreamFailure:
        has_credential, hint = self._requests.credential is not None, hint_about(self._requests.host, name)
        return refusal(answer.status, answer.who, what, has_credential=has_credential, hint=hint)


def _scope(name: str) -> str:
    return f"repository:{name}:pull"


def _is_expired(answer: Answer) -> bool:
    return answer.is_elsewhere and answer.status in _ADDRESS_REFUSES

"""Upstream registries over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.referrer import Referrer
from ecr_emulator.ports.secrets import Credential, SecretSource
from ecr_emulator.ports.upstream import ManifestHead, UpstreamState
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamUnavailable,
)
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.auth import AuthenticatedRequests
from ecr_emulator.upstream.authorizations import Authorizations
from ecr_emulator.upstream.blobs import BlobDownload
from ecr_emulator.upstream.circuit_breakers import CircuitBreakers
from ecr_emulator.upstream.error_responses import hint_about, refusal
from ecr_emulator.upstream.failure_cache import FailureCache
from ecr_emulator.upstream.manifests import ENOUGH, announced, received
from ecr_emulator.upstream.negative_cache import NegativeCache, NegativeKey
from ecr_emulator.upstream.rate_limits import HostCredential, RateLimits
from ecr_emulator.upstream.referrers import NO_API, Page, all_pages, page_in, under_fallback_tag
from ecr_emulator.upstream.request_headers import MANIFEST_REQUEST, REFERRERS_REQUEST
from ecr_emulator.upstream.retries import Payload, Retries

if TYPE_CHECKING:
    from ecr_emulator.upstream.http import Answer, Connections

_ADDRESS_REFUSES = frozenset({400, 401, 403})
"""What storage services say to a presigned address that has expired."""


class HttpUpstreams:
    """The upstream registries of the world, or what stands in for them. Safe to use from many threads.

    Connections, tokens and what is known of hosts are shared by all rules. requests is imported when the first upstream
    is asked.
    """

    def __init__(
        self,
        secrets: SecretSource,
        addresses: UpstreamMap | None = None,
        retries: Retries | None = None,
        *,
        offline: bool = False,
    ) -> None:
        """``offline``: nothing leaves the machine, and every upstream counts as unreachable."""
        self._secrets = secrets
        self._is_offline = offline
        self._addresses = addresses or UpstreamMap()
        self._retries = retries or Retries()
        self._authorizations = Authorizations(self._retries.elapsed)
        self._breakers = CircuitBreakers(self._retries.elapsed)
        self._rate_limits = RateLimits(self._retries.elapsed)
        self._negative_answers: FailureCache[NegativeKey] = FailureCache(self._retries.elapsed)
        self._opened: Connections | None = None
        self._lock = Lock()

    def at(self, rule: PullThroughRule) -> HttpUpstream:
        """The upstream of a rule, with its credential as it is in the secret now. Raises ``UpstreamFailure``."""
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
        """What is known of the upstream of a rule. The rate limit is that of its credential, if that can be read."""
        state = UpstreamState(self._addresses.stand_in(rule.url), self._breakers.left(rule.url.lower()))
        try:
            key = HostCredential(rule.url, self._credential(rule))
        except UpstreamFailure:
            return state
        return state._replace(limited=self._rate_limits.left(key), rate_limit=self._rate_limits.known(key))

    def ask_anew(self, rule: PullThroughRule, name: str | None = None) -> None:
        """Let the next request to the upstream of a rule through, and forget what it lately did not have or show."""
        self._breakers.close(rule.url.lower())
        self._negative_answers.forget(lambda key: key.rule.url == rule.url and key.name == name)

    def forget(self) -> None:
        """Remember nothing of what upstreams did; connections and tokens are kept."""
        self._breakers.clear()
        self._rate_limits.clear()
        self._negative_answers.forget(lambda key: True)

    def snapshot(self) -> tuple[Any, ...]:
        """Return what is remembered of upstreams, tokens too, for ``restore``."""
        return tuple(each.snapshot() for each in self._memories())

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Remember of upstreams what was remembered when a snapshot was taken, and nothing else."""
        for memory, state in zip(self._memories(), snapshot, strict=True):
            memory.restore(state)

    def _memories(self) -> tuple[Any, ...]:
        return self._breakers, self._rate_limits, self._negative_answers, self._authorizations

    def _credential(self, rule: PullThroughRule) -> Credential | None:
        arn = rule.credential_arn
        return self._secrets.credential(arn, rule.registry) if arn else None

    def close(self) -> None:
        """Close the connections that are kept; those in use end with their answers."""
        with self._lock:
            if self._opened:
                self._opened.close()

    def _connections(self) -> Connections:
        with self._lock:
            if self._opened is None:
                from ecr_emulator.upstream.http import Connections

                self._opened = Connections(self._addresses, self._retries, self._breakers)
            return self._opened


class HttpUpstream:
    """One upstream registry, as one credential or anonymously. ECR upstreams are asked like any other."""

    def __init__(self, requests: AuthenticatedRequests, retries: Retries, negative_cache: NegativeCache) -> None:
        self._requests = requests
        self._retries = retries
        self._negative_cache = negative_cache

    def head_manifest(self, name: str, reference: str) -> ManifestHead:
        """Which manifest a tag points at. Where HEAD does not tell, one GET does: HEAD is refused in many ways.

        Some registries answer 401, 403 or 404 to a HEAD for what GET shows.
        """
        head = self._requests.with_retries(lambda: self._head(name, reference))
        if head:
            return head
        manifest = self.manifest(name, reference)
        return ManifestHead(manifest.digest, manifest.media_type, manifest)

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """A manifest by tag or digest, verified. Raises ``UpstreamFailure``.

        What the upstream did not have or show a moment ago is not asked for again.
        """
        return self._negative_cache.fetch(
            name, reference, lambda: self._requests.with_retries(lambda: self._manifest(name, reference))
        )

    def blob(self, name: str, digest: str, size: int, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from an offset on, in pieces of up to 256 KiB, as they arrive.

        It is never asked for with HEAD, which presigned addresses refuse. Raises ``UpstreamFailure``.
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
        """What refers to a digest: all pages of the referrers API, else what the fallback tag lists.

        Raises ``UpstreamFailure``; a listing that breaks off is none.
        """

        def fetch(path: str) -> Page:
            return self._requests.with_retries(lambda: self._referrers(name, digest, path))

        try:
            return all_pages(f"/v2/{name}/referrers/{digest}", fetch)
        except UpstreamNotFound:
            return under_fallback_tag(digest, lambda tag: self.manifest(name, tag))

    def hang_up(self) -> None:
        """Use none of the connections any more that are kept; answers on their way still arrive."""
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
        """An answer with the blob; to a Range, any answer. The registry is asked once more for an expired address."""
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

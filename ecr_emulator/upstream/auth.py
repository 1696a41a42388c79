"""Authentication at upstreams: Basic, or a bearer token from the realm that a challenge names.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import logging
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)
from ecr_emulator.upstream.addresses import UpstreamMap
from ecr_emulator.upstream.authorizations import AuthorizationKey, Authorizations, Grant
from ecr_emulator.upstream.challenges import Challenge, parse_challenges, preferred
from ecr_emulator.upstream.rate_limits import HostCredential, RateLimits
from ecr_emulator.upstream.request_headers import authorized
from ecr_emulator.upstream.retries import AttemptFailed, Payload
from ecr_emulator.upstream.token_services import check_realm

if TYPE_CHECKING:
    from ecr_emulator.upstream.answer import Answer
    from ecr_emulator.upstream.http import Connections

log = logging.getLogger(__name__)

DEFAULT_LIFETIME = 60.0
"""Seconds for which a token is valid if the token service does not say."""
MAX_TOKEN_BODY = 64 * 1024

_MAY_HIDE = frozenset({401, 403, 404})
"""Statuses that a registry may send for a private repository instead of a challenge."""

_TOKEN = re.compile(r"[!-~]+")


class AuthenticatedRequests:
    """Requests to one upstream registry, with one credential or anonymously."""

    def __init__(
        self,
        host: str,
        credential: Credential | None,
        connections: Connections,
        authorizations: Authorizations,
        rate_limits: RateLimits,
    ) -> None:
        self.host = host
        self.credential = credential
        self._basic = _basic(credential) if credential else None
        self.with_retries = connections.with_retries
        self._connections = connections
        self._authorizations = authorizations
        self._key = HostCredential(host, credential)
        self._rate_limits = rate_limits

    @property
    def addresses(self) -> UpstreamMap:
        """The addresses of hosts."""
        return self._connections.addresses

    def send(self, method: str, path: str, scope: str, headers: Mapping[str, str], payload: Payload) -> Answer:
        """Send a request. Answer a challenge once; a second 401 is returned.

        Nothing is sent while a rate limit is used up. Raises ``AttemptFailed`` and ``UpstreamFailure``.
        """
        self._rate_limits.check(self._key)
        try:
            answer = self._send(method, f"https://{self.host}{path}", scope, headers, payload)
        except UpstreamTooManyRequests as refused:
            self._rate_limits.refused(self._key, refused)
            raise
        self._rate_limits.answered(self._key, answer.headers)
        return answer

    def _send(self, method: str, url: str, scope: str, headers: Mapping[str, str], payload: Payload) -> Answer:
        key = AuthorizationKey(self.host, self.credential, scope)
        header = self._authorizations.find(key) or self._preemptive_header(key)
        answer = self._connections.send(method, url, authorized(headers, header), payload, self.host)
        if answer.status == 401 and header:
            self._authorizations.forget(key, header)
        challenge = self._challenge(answer) or (None if header else self._hidden_challenge(answer, scope))
        if challenge is None or (challenge.scheme == "basic" and header == self._basic):
            return answer
        answer.discard()
        header = self._authorizations.obtain(key, lambda: self._grant(challenge, scope))
        self._authorizations.remember_challenge(self.host, challenge)
        return self._connections.send(method, url, authorized(headers, header), payload, self.host)

    def hang_up(self) -> None:
        """Close all kept connections, those to other hosts too."""
        self._connections.close()

    def _preemptive_header(self, key: AuthorizationKey) -> str | None:
        """Return a header for the last challenge of the host, to save a request that would be answered 401; or None."""
        challenge = self._authorizations.challenge_of(self.host)
        if challenge is None or (challenge.scheme == "basic" and self.credential is None):
            return None
        try:
            return self._authorizations.obtain(key, lambda: self._grant(challenge, key.scope))
        except UpstreamNotFound:
            return None  # anonymous clients get no token, but the registry may serve them without one
        except UpstreamFailure:
            self._authorizations.forget_challenge(self.host)
            raise

    def _hidden_challenge(self, answer: Answer, scope: str) -> Challenge | None:
        """Return the challenge at ``/v2/`` of a registry that refuses anonymous requests without one; or None.

        ``/v2/`` is requested only if there is a credential, and not again for a while if it sent no challenge.
        """
        may_hide = answer.status in _MAY_HIDE and scope and not answer.is_elsewhere
        if not (may_hide and self.credential) or self._authorizations.is_known_open(self.host, self.credential):
            return None
        answer.discard()
        return self._authorizations.challenge_of(self.host) or self._challenge_of_root(self.credential)

    def _challenge_of_root(self, credential: Credential) -> Challenge | None:
        try:
            with self._connections.send("GET", f"https://{self.host}/v2/", {}, Payload.DOCUMENT, self.host) as first:
                challenge = self._challenge(first)
        except (AttemptFailed, UpstreamFailure):
            return None
        if challenge is None:
            self._authorizations.remember_open(self.host, credential)
        return challenge

    def _challenge(self, answer: Answer) -> Challenge | None:
        """Return the challenge of an answer if it can be met. Challenges of other hosts are ignored."""
        if answer.status != 401 or answer.is_elsewhere:
            return None
        challenge = preferred(parse_challenges(answer.headers.get("WWW-Authenticate", "")))
        if challenge and challenge.scheme == "basic" and self.credential is None:
            return None
        return challenge

    def _grant(self, challenge: Challenge, scope: str) -> Grant:
        if challenge.scheme == "basic" and self._basic:
            return Grant(self._basic, math.inf)
        realm = challenge.parameters["realm"]
        is_trusted = check_realm(realm, self.host, self.addresses)
        if self.credential and not is_trusted:
            log.warning("The credential for %s is not sent to its token realm %s", self.host, realm)
        headers = {"Authorization": self._basic} if self._basic and is_trusted else {}
        query = {"service": challenge.parameters.get("service", ""), "scope": scope}
        url = realm + ("&" if "?" in realm else "?") + urlencode({key: text for key, text in query.items() if text})
        return self.with_retries(lambda: self._fetch(url, headers))

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Grant:
        with self._connections.send("GET", url, headers, Payload.DOCUMENT, self.host) as answer:
            body = answer.document(MAX_TOKEN_BODY + 1)
        if answer.status != 200:
            raise self._refused(answer)
        document = _document(body)
        token = document.get("token") or document.get("access_token")
        if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise UpstreamUnavailable(f"{answer.who} answered a token request without a token")
        return Grant(f"Bearer {token}", _lifetime(document.get("expires_in")))

    def _refused(self, answer: Answer) -> UpstreamFailure:
        if answer.status in (401, 403) and self.credential:
            return UpstreamAccessDenied(
                f"{answer.who} answered {answer.status} when asked for a token: "
                "the user name or the access token in the secret is wrong"
            )
        if answer.status == 401:
            return UpstreamNotFound(f"{answer.who} gives no token without a credential")
        if answer.status == 403:
            return UpstreamAccessDenied(f"{answer.who} answered 403 when asked for a token")
        return UpstreamUnavailable(f"{answer.who} answered {answer.status} when asked for a token")


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.access_token}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _document(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of a token response; empty if there is none or the body is too long."""
    try:
        document = json.loads(body) if len(body) <= MAX_TOKEN_BODY else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _lifetime(expires_in: object) -> float:
    if isinstance(expires_in, int | float) and not isinstance(expires_in, bool) and expires_in > 0:
        return float(expires_in)
    return DEFAULT_LIFETIME

"""Ways to break an upstream. Each is a context manager that repairs the upstream at its end."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from threading import Event
from typing import Any
from unittest.mock import patch

from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request, cut_after, ignores_range, wrong_range
from tests.pull_through.matrix.cells import Break
from tests.pull_through.matrix.scenario import Scenario, secret_text
from tests.support.certificates import Authority

SECRET = "ecr-pullthroughcache/hub"


def spoilt(*faults: Fault, method: str = "") -> Break:
    """Answers of the phase fail: one by each of the faults in turn, and all further ones by the last fault."""

    @contextmanager
    def during(scenario: Scenario, times: int) -> Iterator[None]:
        for number, fault in enumerate(faults, 1):
            matching = f"{method} {scenario.target}".strip()
            scenario.victim.fail(matching, fault, count=times if number == len(faults) else 1)
        yield
        scenario.victim.heal()

    return during


@contextmanager
def refused(scenario: Scenario, _times: int) -> Iterator[None]:
    """No server listens at the address."""
    scenario.victim.stop()
    yield
    scenario.victim.start()


@contextmanager
def unresolved(scenario: Scenario, _times: int) -> Iterator[None]:
    """The name of the host cannot be resolved."""
    real, port = socket.getaddrinfo, scenario.victim.port

    def lookup(host: Any, where: Any, *more: Any, **others: Any) -> Any:
        if where == port:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, where, *more, **others)

    with patch("socket.getaddrinfo", lookup):
        scenario.victim.hang_up()
        yield


@contextmanager
def not_accepted(scenario: Scenario, _times: int) -> Iterator[None]:
    """Connections are neither accepted nor refused: the queue of the socket is full."""
    scenario.victim.stop()
    with ExitStack() as sockets:
        deaf = sockets.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind(("127.0.0.1", scenario.victim.port))
        deaf.listen(0)
        for _ in range(3):
            queued = sockets.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(("127.0.0.1", scenario.victim.port))
        yield
    scenario.victim.start()


def distrusted(address: str, *, stranger: bool) -> Break:
    """The certificate is for another address, or signed by an unknown authority."""

    @contextmanager
    def during(scenario: Scenario, _times: int) -> Iterator[None]:
        good = scenario.victim.tls
        folder = scenario.cache.emulator.data_dir
        authority = Authority(folder) if stranger else scenario.authority
        scenario.victim.tls = authority.server(address)
        scenario.victim.hang_up()
        yield
        scenario.victim.tls = good
        scenario.victim.hang_up()

    return during


def silent(after: int | None = None) -> Break:
    """The upstream receives the request and stalls: at once, or after some bytes of the body."""

    @contextmanager
    def during(scenario: Scenario, times: int) -> Iterator[None]:
        over = Event()
        scenario.victim.fail(
            f"GET {scenario.target}" if after is not None else scenario.target,
            lambda _, reply: replace(reply, waits_for=over, waits_at=after),
            count=times,
        )
        yield
        over.set()
        scenario.victim.heal()

    return during


def here_again(status: int) -> Fault:
    """A redirect to the same URL, marked by a query."""

    def fault(request: Request, reply: Reply) -> Reply:
        return Reply(status, headers={"Location": f"{request.path}?{request.query}&again"})

    return fault


def signs_in(auth: Basic | Bearer) -> Break:
    """The upstream requires a token from its own token service."""

    @contextmanager
    def during(scenario: Scenario, _times: int) -> Iterator[None]:
        before = scenario.upstream.auth
        realm = before.realm if isinstance(before, Bearer) else None
        scenario.upstream.auth = scenario.tokens.auth = replace(auth, realm=realm) if isinstance(auth, Bearer) else auth
        yield
        scenario.upstream.auth = scenario.tokens.auth = before

    return during


@contextmanager
def revoked(scenario: Scenario, _times: int) -> Iterator[None]:
    """The upstream accepts none of the tokens that were issued."""
    scenario.upstream.revoke_tokens()
    yield


def compressed(request: Request, reply: Reply) -> Reply:
    """The body is compressed though the request did not accept that."""
    assert request.headers["Accept-Encoding"] == "identity"
    return replace(
        reply,
        body=gzip.compress(reply.body, 1),
        headers=reply.headers | {"Content-Encoding": "gzip"},
        takes_ranges=False,
    )


@contextmanager
def secret_deleted(scenario: Scenario, _times: int) -> Iterator[None]:
    """The secret of the rule is deleted."""
    scenario.cache.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    yield
    arn = scenario.cache.secret(*scenario.credential)
    scenario.cache.ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="cache", credentialArn=arn)


def secret_put(text: str) -> Break:
    """The secret of the rule holds other text than a credential."""

    @contextmanager
    def during(scenario: Scenario, _times: int) -> Iterator[None]:
        scenario.cache.secrets.put_secret_value(SecretId=SECRET, SecretString=text)
        yield
        scenario.cache.secrets.put_secret_value(SecretId=SECRET, SecretString=secret_text(*scenario.credential))

    return during


@contextmanager
def secret_rotated(scenario: Scenario, _times: int) -> Iterator[None]:
    """The upstream accepts only a new credential, which the secret holds."""
    scenario.upstream.auth = Bearer(("hub-user", "rotated"))
    scenario.cache.secrets.put_secret_value(SecretId=SECRET, SecretString=secret_text("hub-user", "rotated"))
    yield


RESUMED_BY_SKIPPING = spoilt(cut_after(150_000), ignores_range())
RESUMED_WRONGLY = spoilt(cut_after(150_000), wrong_range())
REALM_DENIES = signs_in(Bearer(("somebody", "else")))

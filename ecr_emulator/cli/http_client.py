"""Requests of commands to a running emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse
    from ssl import SSLContext

    from ecr_emulator.settings import Settings

TIMEOUT_SECONDS = 10
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names the address, binds nothing

LOCALHOST = ("127.0.0.1", "::1")


class Refused(Exception):
    """The emulator refused the request. The message is its reason."""


class UntrustworthyBundle(OSError):
    """``AWS_CA_BUNDLE`` names no file with certificates."""


class Address(NamedTuple):
    """The address of an emulator, its admin token, and the address in words.

    ``name`` is the host in URLs for users, if they know it by another name than the one that is connected to.
    """

    host: str
    port: int
    token: str | None
    https: bool
    words: str
    name: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the address in settings, with the first of their hosts."""
        host = settings.host[0]
        host = LOOPBACK_OF.get(host, host)
        port, is_local = settings.port, host in (*LOCALHOST, "localhost")
        words = f"on port {port}" if is_local else f"on port {port} of {host}"
        return cls(host, port, settings.admin_token, https=False, words=words, name="localhost" if is_local else None)

    @property
    def url(self) -> str:
        """The address as a URL, like ``http://localhost:4566``."""
        host = self.name or self.host
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.https else 'http'}://{host}:{self.port}"


def version_of(address: Address, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the version of the emulator at this address. Raises OSError if no emulator answers.

    The admin token is not sent, because another program may answer.
    """
    answer = request(address._replace(token=None), "GET", "/_ecr/health", timeout=timeout)
    try:
        return str(answer["version"])
    except (LookupError, TypeError) as wrong:
        raise _not_an_emulator() from wrong


def request(address: Address, method: str, path: str, body: str | None = None, timeout: float = TIMEOUT_SECONDS) -> Any:
    """Return the JSON of the answer. Raises OSError if no emulator answers, Refused if it refuses."""
    import json

    with _answer(address, method, path, body, timeout) as answer:
        return json.load(answer)


def lines(address: Address, path: str, body: str, timeout: float) -> Iterator[Any]:
    """Yield the lines of the answer to a POST as they arrive, each parsed as JSON.

    ``timeout`` is in seconds and limits the wait for each line. Raises the errors of ``request``.
    """
    import json

    with _answer(address, "POST", path, body, timeout) as answer:
        for line in answer:
            yield json.loads(line)


def event_data(address: Address, path: str, timeout: float) -> Iterator[tuple[str, Any]]:
    """Yield the type and the data of each server-sent event in the answer to a GET, parsed as JSON.

    ``timeout`` is in seconds and limits the wait for each line. Raises the errors of ``request``.
    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    import json

    kind = "message"
    with _answer(address, "GET", path, None, timeout) as answer:
        for line in answer:
            name, _, value = line.decode().strip().partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)
            elif not name:
                kind = "message"


def account_of_key(address: Address, access_key: str) -> str | None:
    """Return the account of an access key, according to the emulator's STS companion; None if it does not answer."""
    import re
    from http.client import HTTPException

    scope = f"Credential={access_key}/20150101/us-east-1/sts/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        with closing(connection_to(address, TIMEOUT_SECONDS)) as connection:
            connection.request("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", headers)
            found = re.search(rb"<Account>([0-9]{12})</Account>", connection.getresponse().read())
    except (HTTPException, OSError, ValueError):
        return None
    return found[1].decode() if found else None


@contextmanager
def _answer(address: Address, method: str, path: str, body: str | None, timeout: float) -> Iterator[HTTPResponse]:
    from http.client import HTTPException

    connection = connection_to(address, timeout)
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    if method == "POST":
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise _refusal(answer)
        yield answer
    except OSError:
        raise  # the error for an untrusted certificate is also a ValueError
    except (HTTPException, ValueError) as wrong:
        raise _not_an_emulator() from wrong
    finally:
        connection.close()


def connection_to(address: Address, timeout: float) -> HTTPConnection:
    """Return a connection to an emulator, which is opened with the first request. ``timeout`` is in seconds.

    Raises ``UntrustworthyBundle``.
    """
    from http.client import HTTPConnection, HTTPSConnection

    if not address.https:
        return HTTPConnection(address.host, address.port, timeout=timeout)
    return HTTPSConnection(address.host, address.port, timeout=timeout, context=trust(os.environ))


def trust(environment: Mapping[str, str]) -> SSLContext:
    """Return the certificates that AWS tools trust. Raises ``UntrustworthyBundle``."""
    from ssl import SSLError, create_default_context

    bundle = environment.get("AWS_CA_BUNDLE") or None
    try:
        return create_default_context(cafile=bundle)
    except SSLError:
        raise UntrustworthyBundle(f"AWS_CA_BUNDLE names {bundle}, which has no certificate") from None
    except OSError as failure:
        raise UntrustworthyBundle(f"AWS_CA_BUNDLE names {bundle}: {reason(failure)}") from None


def reason(failure: OSError) -> str:
    """Return the message of an error without its number, or words for an error of TLS."""
    untrusted = getattr(failure, "verify_message", None)
    if untrusted:
        return f"its certificate is not trusted ({untrusted}); ecr-emulator trust says how to change that"
    of_tls = getattr(failure, "library", None)
    return f"it speaks no HTTPS ({getattr(failure, 'reason', of_tls)})" if of_tls else failure.strerror or str(failure)


def _refusal(answer: HTTPResponse) -> Exception:
    """Return the error for a refusal, with the reason in its JSON or else with the status."""
    import json

    try:
        return Refused(str(json.load(answer)["error"]))
    except (ValueError, LookupError, TypeError):
        return OSError(f"it answers {answer.status} {answer.reason}")


def _not_an_emulator() -> OSError:
    return OSError("something else answers there")

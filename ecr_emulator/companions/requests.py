"""The requests of companions: their bodies, and the caller of the request that this thread answers."""

from __future__ import annotations

from contextvars import ContextVar
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import get_input_stream

from ecr_emulator.companions.query import access_key_of
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.ports.identities import Identities

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REQUEST: ContextVar[WSGIEnvironment] = ContextVar("companion_request")


class UnknownAccessKey(Exception):
    """A request is signed with an access key that neither IAM nor STS issued."""


def note_request(environ: WSGIEnvironment, _: str) -> None:
    """Note the request that this thread answers from now on."""
    REQUEST.set(environ)


def body_of(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request, which stays readable for moto."""
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    return body


def caller_in(registry: Registry, identities: Identities) -> Caller:
    """Return the caller of the current request, as a caller of ECR in a registry of its account.

    Raises ``UnknownAccessKey``.
    """
    access_key = access_key_of(REQUEST.get())
    known: Any = None if is_account_id(access_key) else identities.find_key(access_key)
    if known:
        return Caller(registry, known.principal_arn, access_key if known.session_token else None)
    if not is_account_id(access_key):
        raise UnknownAccessKey
    return Caller.root_of(registry)

"""Who calls, as the signature says: SigV4 in the ``Authorization`` header or in the query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs

from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import IncompleteSignatureException, MissingAuthenticationTokenException

Identities = Callable[[str], tuple[str, str] | None]
"""What IAM and STS know of an access key: its account and the ARN of its principal."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_SCOPE = re.compile(r"(?P<access_key>[\w+=,.@/-]+)/[0-9]{8}/(?P<region>[a-z0-9-]+)/[a-z0-9-]+/aws4_request", re.ASCII)
_ALGORITHM = "AWS4-HMAC-SHA256"


class Credential(NamedTuple):
    """What a signature's credential scope says."""

    access_key: str
    region: str


def read_credential(authorization: str | None, query: str = "") -> Credential | None:
    """The credential in an ``Authorization`` header or a presigned query; None if there is no signature.

    The signature itself is not verified. Raises ``IncompleteSignatureException``.
    """
    if authorization:
        return _from_header(authorization)
    if "X-Amz-Credential" in query:
        return _from_scope(parse_qs(query).get("X-Amz-Credential", [""])[0])
    return None


def identify(credential: Credential | None, home: Registry, identities: Identities) -> Caller:
    """The caller behind a credential: an access key that is an account, one that IAM knows, or one of ``home``.

    Raises ``MissingAuthenticationTokenException`` if there is none.
    """
    if credential is None:
        raise MissingAuthenticationTokenException
    access_key, region = credential
    known = None if _ACCOUNT.fullmatch(access_key) else identities(access_key)
    if known:
        account, arn = known
        return Caller(Registry(account, region), arn)
    registry = Registry(access_key if _ACCOUNT.fullmatch(access_key) else home.id, region)
    return Caller(registry, f"arn:{registry.partition}:iam::{registry.id}:root")


def _from_header(authorization: str) -> Credential:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != _ALGORITHM:
        raise IncompleteSignatureException(reason=f"its algorithm is not {_ALGORITHM}")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise IncompleteSignatureException(reason=f"'{name}' is missing")
    return _from_scope(parts["Credential"])


def _from_scope(scope: str) -> Credential:
    match = _SCOPE.fullmatch(scope)
    if match is None:
        raise IncompleteSignatureException(
            reason=f"the credential must look like <access key>/<date>/<region>/ecr/aws4_request, not '{scope}'"
        )
    return Credential(match["access_key"], match["region"])

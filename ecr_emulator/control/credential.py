"""Read the parts of a signature from the ``Authorization`` header, or from the query of a presigned URL.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl

from ecr_emulator.errors import IncompleteSignatureException
from ecr_emulator.quick_dataclasses import dataclass

ALGORITHM = "AWS4-HMAC-SHA256"

_SCOPE = re.compile(
    r"(?P<access_key>[\w+=,.@/-]+)/(?P<date>[0-9]{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Credential:
    """The parts of a signature, not yet verified.

    ``time``, ``lifetime`` (seconds) and ``session_token`` come from the query of a presigned URL. They are None for a
    request that is signed in its header: its time and session token are separate headers, and it has no lifetime.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...] = ()
    signature: str = ""
    is_presigned: bool = False
    time: str | None = None
    lifetime: str | None = None
    session_token: str | None = None

    @classmethod
    def of(cls, authorization: str | None, query: str = "") -> Credential | None:
        """Return the credential of a request; None without a signature. Raises ``IncompleteSignatureException``."""
        if authorization:
            return _from_header(authorization)
        return _from_query(dict(parse_qsl(query))) if "X-Amz-Credential" in query else None


def _from_header(authorization: str) -> Credential:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignatureException(reason=f"its algorithm is not {ALGORITHM}")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise IncompleteSignatureException(reason=f"'{name}' is missing")
    return Credential(
        *_scope(parts["Credential"]),
        signed_headers=tuple(parts["SignedHeaders"].lower().split(";")),
        signature=parts["Signature"],
    )


def _from_query(query: dict[str, str]) -> Credential:
    return Credential(
        *_scope(query.get("X-Amz-Credential", "")),
        signed_headers=tuple(query.get("X-Amz-SignedHeaders", "host").lower().split(";")),
        signature=query.get("X-Amz-Signature", ""),
        is_presigned=True,
        time=query.get("X-Amz-Date"),
        lifetime=query.get("X-Amz-Expires"),
        session_token=query.get("X-Amz-Security-Token"),
    )


@lru_cache
def _scope(text: str) -> tuple[str, str, str, str]:
    match = _SCOPE.fullmatch(text)
    if match is None:
        raise IncompleteSignatureException(
            reason=f"the credential must look like <access key>/<date>/<region>/ecr/aws4_request, not '{text}'"
        )
    access_key, date, region, service = match.groups()
    return access_key, date, region, service

"""Verify a Signature Version 4: compute it again with the secret access key, and compare.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from ecr_emulator.control.credential import Credential
from ecr_emulator.errors import IncompleteSignatureException, InvalidSignatureException
from ecr_emulator.ports.time import Clock
from ecr_emulator.quick_dataclasses import dataclass

SERVICE = "ecr"
SKEW = timedelta(minutes=5)
"""Maximum difference between the clocks of the client and of the server."""
MAX_LIFETIME = 7 * 24 * 3600
"""Maximum lifetime of a presigned URL, in seconds."""

UNSIGNED = "UNSIGNED-PAYLOAD"
"""The value in place of the body's hash if the signature does not cover the body."""

_TIME = "%Y%m%dT%H%M%SZ"


class SignedRequest(Protocol):
    """The parts of a request that a signature covers."""

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""

    @property
    def query(self) -> str:
        """The query as it was sent."""

    @property
    def body(self) -> bytes:
        """The body."""

    def header(self, name: str) -> str | None:
        """Return the value of a header, None if the request does not have it."""


@dataclass(frozen=True)
class SignatureCheck:
    """Checks signatures of requests to ``POST /``.

    ``clock`` is the clock of the machine, because clients sign by it. Moves of the emulator's clock do not change it.
    """

    clock: Clock

    def check(self, request: SignedRequest, credential: Credential, secret: str) -> None:
        """Raise ``InvalidSignatureException`` unless the request was signed with this secret and is not expired.

        Raises ``IncompleteSignatureException`` if the time of the signature is missing or malformed.
        """
        time = _time_of(request, credential)
        _check_scope(credential, time)
        _check_time(credential, time, self.clock.now())
        if not hmac.compare_digest(_signature(request, credential, secret, time), credential.signature.encode()):
            raise InvalidSignatureException


def _time_of(request: SignedRequest, credential: Credential) -> datetime:
    text = credential.time if credential.is_presigned else request.header("X-Amz-Date")
    try:
        if text is None and not credential.is_presigned:
            return parsedate_to_datetime(request.header("Date") or "").astimezone(UTC)
        return datetime.strptime(text or "", _TIME).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise IncompleteSignatureException(
            reason="'X-Amz-Date' must be the time of the signature, like 20261126T003136Z"
        ) from None


def _check_scope(credential: Credential, time: datetime) -> None:
    if credential.service != SERVICE:
        raise InvalidSignatureException(f"Credential should be scoped to correct service: '{SERVICE}'.")
    date = f"{time:%Y%m%d}"
    if credential.date != date:
        raise InvalidSignatureException(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{credential.date}' != '{date}', from '{time:{_TIME}}'."
        )


def _check_time(credential: Credential, time: datetime, now: datetime) -> None:
    """Raise ``InvalidSignatureException``, with AWS's sentences, for a signature that is too old or too new.

    A presigned URL contains its own lifetime.
    """
    life = timedelta(seconds=_lifetime(credential)) if credential.is_presigned else SKEW
    if time < now - life:
        bound = f"{now - life:{_TIME}} ({now:{_TIME}} - {life // timedelta(minutes=1)} min.)"
        raise InvalidSignatureException(f"Signature expired: {time:{_TIME}} is now earlier than {bound}")
    if time > now + SKEW:
        bound = f"{now + SKEW:{_TIME}} ({now:{_TIME}} + {SKEW // timedelta(minutes=1)} min.)"
        raise InvalidSignatureException(f"Signature not yet current: {time:{_TIME}} is still later than {bound}")


def _lifetime(credential: Credential) -> int:
    text = credential.lifetime or ""
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 0 < seconds <= MAX_LIFETIME:
        raise IncompleteSignatureException(reason=f"'X-Amz-Expires' must be from 1 to {MAX_LIFETIME} seconds")
    return seconds


def _signature(request: SignedRequest, credential: Credential, secret: str, time: datetime) -> bytes:
    """Return the expected signature of a request, in hexadecimal. botocore computes it."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    class SignedAgain(SigV4Auth):  # type: ignore[misc]  # botocore has no types
        """Signs the headers that the client signed, not those that botocore would choose."""

        def headers_to_sign(self, _: AWSRequest) -> HTTPHeaders:
            headers = HTTPHeaders()
            for name in credential.signed_headers:
                headers[name] = request.header(name) or ""
            return headers

        def payload(self, _: AWSRequest) -> str:
            declared = UNSIGNED if request.header("X-Amz-Content-SHA256") == UNSIGNED else None
            return declared or hashlib.sha256(request.body).hexdigest()

    signer = SignedAgain(Credentials(credential.access_key, secret), credential.service, credential.region)
    again = AWSRequest(method="POST", url=f"http://localhost/?{_without_signature(request.query)}")
    again.context["timestamp"] = f"{time:{_TIME}}"
    text = signer.string_to_sign(again, signer.canonical_request(again))
    return str(signer.signature(text, again)).encode()


def _without_signature(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))

"""Authenticate clients as ECR does: Basic authentication with a token from GetAuthorizationToken.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

from datetime import datetime

from werkzeug import Request, Response

from ecr_emulator.distribution.errors import OciError
from ecr_emulator.request_log import NOTE
from ecr_emulator.services.tokens import Bearer, TokenExpired, Tokens, read_basic

EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def find_bearer(request: Request, tokens: Tokens, now: datetime) -> Bearer | None:
    """Return the bearer of the token that the request has; None if it has no token of this emulator.

    Raises ``OciError`` 403 if the token has expired.
    """
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    password = read_basic(credentials.strip()) if scheme.lower() == "basic" else None
    if password is None:
        return None
    try:
        return tokens.bearer(password, now)
    except TokenExpired:
        raise OciError(403, "DENIED", EXPIRED) from None


def challenge(request: Request) -> Response:
    """Return the 401 of real ECR, byte for byte. Only the log contains the reason."""
    request.environ[NOTE] = {"reason": _reason(request.headers.get("Authorization", ""))}
    realm = f'Basic realm="{request.host_url}",service="ecr.amazonaws.com"'
    return Response("Not Authorized\n", 401, {"Www-Authenticate": realm}, content_type="text/plain; charset=utf-8")


def _reason(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if not authorization:
        return "the request has no Authorization header: the client is not logged in, or checks whether it must log in"
    if scheme.lower() != "basic":
        return f"the registry takes Basic authorization, not {scheme}"
    if read_basic(credentials.strip()) is None:
        return "the credentials are not those of docker login, which are AWS:<password> in base64"
    return "the password is not a token of this emulator; get one with aws ecr get-login-password"

"""ListSigningProfiles, which moto lacks.

https://docs.aws.amazon.com/signer/latest/api/API_ListSigningProfiles.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from ecr_emulator.companions.error_responses import aws_error_response, region_of, service_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATH = "/signing-profiles"
MOST = 25
"""The largest page, and the usual one."""


def answer_listing(environ: WSGIEnvironment, account: str) -> Response | None:
    """Answer a request for the signing profiles of an account; None for any other request."""
    is_listing = (environ["REQUEST_METHOD"], environ["PATH_INFO"].rstrip("/")) == ("GET", PATH)
    if service_of(environ) != "signer" or not is_listing:
        return None
    asked = Request(environ).args
    limit = asked.get("maxResults", str(MOST))
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
        message = f"maxResults is a number from 1 to {MOST}, and not {limit!r}."
        return aws_error_response("400 Bad Request", "ValidationException", message, environ)
    statuses = asked.getlist("statuses") or [
        "Active",
        *(["Canceled"] if asked.get("includeCanceled") == "true" else []),
    ]
    found = [
        profile
        for profile in _profiles(account, region_of(environ) or "")
        if profile["status"] in statuses
        and asked.get("platformId") in (None, profile["platformId"])
        and profile["profileName"] > asked.get("nextToken", "")
    ]
    page = found[: int(limit)]
    more = {"nextToken": page[-1]["profileName"]} if len(found) > len(page) else {}
    return Response(json.dumps({"profiles": page, **more}), content_type="application/json")


def _profiles(account: str, region: str) -> list[dict[str, Any]]:
    from moto.signer.models import signer_backends

    profiles = signer_backends[account][region].signing_profiles
    return [profiles[name].to_dict() for name in sorted(profiles)]

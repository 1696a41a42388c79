"""The check of ``ExcludeCompliantResources`` in GetResources, which moto does not read.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ecr_emulator.companions.requests import body_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_TARGET = "ResourceGroupsTaggingAPI_20170126.GetResources"
_MESSAGE = "ExcludeCompliantResources can only be true if IncludeComplianceDetails is true too"


def refuse_exclusion_without_details(environ: WSGIEnvironment, _: str) -> Response | None:
    """Refuse a request that excludes compliant resources and asks for no details about compliance."""
    if environ.get("HTTP_X_AMZ_TARGET") != _TARGET:
        return None
    try:
        request = json.loads(body_of(environ))
        is_wrong = request.get("ExcludeCompliantResources") and not request.get("IncludeComplianceDetails")
    except (AttributeError, ValueError):
        return None  # moto says what is wrong with the body
    if not is_wrong:
        return None
    from werkzeug.wrappers import Response

    answer = {"__type": "InvalidParameterException", "message": _MESSAGE}
    return Response(json.dumps(answer), 400, content_type="application/x-amz-json-1.1")

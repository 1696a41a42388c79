"""Services of moto that would answer with an empty list where AWS lists repositories or findings of images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecr_emulator.companions.error_responses import service_of
from ecr_emulator.companions.requests import body_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_QUESTION = re.compile("(?:Get|List|BatchGet|Select)[A-Za-z]+")
_OF_ECR = re.compile(rb"AWS::ECR::\w+")
_LISTED = b"AWS::ECR::Repository"
CONFIG = (
    "AWS Config has no configuration of ECR's resources in this emulator, only the list of repositories "
    "(ListDiscoveredResources). The operations of ECR describe them."
)
INSPECTOR = (
    "Inspector does not know the findings of this emulator. DescribeImageScanFindings of ECR lists those of an image."
)


def refuse_unknown_repositories(environ: WSGIEnvironment, _: str) -> Response | None:
    """Raise ``NotImplementedError`` for a question about ECR that the service has no answer to."""
    match service_of(environ):
        case "config":
            operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
            types = set(_OF_ECR.findall(body_of(environ))) if _QUESTION.fullmatch(operation) else set()
            if types and (operation != "ListDiscoveredResources" or types != {_LISTED}):
                raise NotImplementedError(CONFIG)
        case "inspector2":
            if environ["PATH_INFO"] == "/findings/list":
                raise NotImplementedError(INSPECTOR)
    return None

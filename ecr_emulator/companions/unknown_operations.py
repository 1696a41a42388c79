"""Operations of AWS that moto lacks, for services that identify them by method and path.

moto answers them with an empty body or a page of HTML, which no SDK can read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecr_emulator.companions.error_responses import service_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

_PAGE = b"<!doctype html>"
_PARAMETER = re.compile(r"\\\{[^}]*?(\\\+)?\\\}")
_S3_CONTROL = "/v20180820/"


def refuse_unknown_operation(environ: WSGIEnvironment, answer: Response) -> None:
    """Raise ``NotImplementedError`` if this is moto's answer to an operation that moto lacks."""
    service, method, path = service_of(environ), environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if answer.status_code != 404 or service is None or method == "HEAD":
        return
    body = answer.get_data()
    if body.startswith(_PAGE) or not body:
        name = operation_at("s3control" if path.startswith(_S3_CONTROL) else service, method, path)
        raise NotImplementedError(f"moto does not have {f'the operation {name}' if name else f'{method} {path}'}.")


def operation_at(service: str, method: str, path: str) -> str | None:
    """Return the name of a service's operation at a path, by botocore's model of the service; None if unknown."""
    import botocore.session
    from botocore.exceptions import UnknownServiceError

    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None
    found = [
        (len(_PARAMETER.sub("", template)), name)
        for name in model.operation_names
        for template in [_template(model.operation_model(name).http)]
        if model.operation_model(name).http["method"] == method and re.fullmatch(_pattern(template), path)
    ]
    return max(found)[1] if found else None


def _template(http: dict[str, str]) -> str:
    return re.escape(http["requestUri"].partition("?")[0])


def _pattern(template: str) -> str:
    return _PARAMETER.sub(lambda parameter: ".+" if parameter[1] else "[^/]+", template)

"""Failures of moto's services as failures of resources."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from ecr_emulator.companions.cloudformation.failures import ResourceFailure, handler_error_code

log = logging.getLogger(__name__)


@contextmanager
def moto_failures(kind: str) -> Iterator[None]:
    """Raise ``ResourceFailure`` for an exception within the block; ``kind`` is the type of the resource.

    A package that is not installed is a failure of the request, whose answer says how to install it.
    """
    try:
        yield
    except (ModuleNotFoundError, ResourceFailure):
        raise
    except KeyError as missing:
        log.warning("%s lacks %s", kind, missing)
        message = f"Model validation failed (#: required key [{missing.args[0]}] not found)"
        raise ResourceFailure.of_handler(message, "InvalidRequest") from missing
    except Exception as failure:
        if not isinstance(failure, ServiceException | HTTPException):
            log.warning("moto failed on %s", kind, exc_info=failure)
        message = getattr(failure, "message", None) or str(failure) or type(failure).__name__
        raise ResourceFailure.of_handler(str(message), handler_error_code(code_of(failure))) from failure


def code_of(failure: BaseException | None) -> str:
    """Return the error code of a failure of moto."""
    return str(getattr(failure, "error_type", None) or getattr(failure, "code", ""))

"""Failures of templates, which a request reports, and of resources, which fail a stack."""

from __future__ import annotations

import logging
from uuid import UUID, uuid5

from moto.cloudformation.exceptions import AlreadyExistsException, CloudFormationError, ValidationError

from ecr_emulator.companions.error_responses import MISSING_PACKAGE
from ecr_emulator.ports.ecr_api import EcrCallFailed

log = logging.getLogger(__name__)

_NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_ERROR_CODES = (
    ("AlreadyExists", "AlreadyExists"),
    ("NotFound", "NotFound"),
    ("AccessDenied", "AccessDenied"),
    ("InvalidParameter", "InvalidRequest"),
    ("Validation", "InvalidRequest"),
    ("InvalidTag", "InvalidRequest"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("Server", "ServiceInternalError"),
)
"""The codes of resource handlers, by parts of the error codes of services."""


class ResourceFailure(Exception):
    """A resource cannot be created, updated or deleted; the message is the reason in the events of the stack."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def of(cls, exception: Exception, kind: str) -> ResourceFailure:
        """Return the failure that an exception is to a resource; one that nobody expected is logged."""
        if isinstance(exception, cls):
            return exception
        if isinstance(exception, ModuleNotFoundError):
            package = str(exception.name).partition(".")[0]
            return cls(MISSING_PACKAGE.format(kind, package, "companions"))
        log.error("the emulator failed on %s", kind, exc_info=exception)
        return cls(f"The emulator failed on this {kind} ({type(exception).__name__}); its log says where.")

    @classmethod
    def of_handler(cls, message: str, code: str) -> ResourceFailure:
        """Return the failure in the form in which CloudFormation reports that of a resource handler."""
        token = uuid5(_NAMESPACE, message)
        return cls(f'Resource handler returned message: "{message}" (RequestToken: {token}, HandlerErrorCode: {code})')

    @classmethod
    def of_ecr(cls, failure: EcrCallFailed) -> ResourceFailure:
        """Return the failure of a call of ECR's API."""
        message = f"{failure.message} (Service: Ecr, Status Code: {failure.status}, Request ID: {failure.request_id})"
        return cls.of_handler(message, handler_error_code(failure.code))

    @classmethod
    def already_exists(cls, kind: str, identifier: str) -> ResourceFailure:
        """Return the failure to create a resource that exists."""
        return cls.of_handler(
            f"Resource of type '{kind}' with identifier '{identifier}' already exists.", "AlreadyExists"
        )

    @classmethod
    def not_found(cls, kind: str, identifier: str) -> ResourceFailure:
        """Return the failure to find a resource."""
        return cls.of_handler(f"Resource of type '{kind}' with identifier '{identifier}' was not found.", "NotFound")


def handler_error_code(code: str) -> str:
    """Return the code of a resource handler for the error code of a service."""
    return next((result for part, result in _ERROR_CODES if part in code), "GeneralServiceException")


class ChangeSetNotFound(CloudFormationError):
    """A change set does not exist."""

    code = "ChangeSetNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"ChangeSet [{name}] does not exist")


class InvalidChangeSetStatus(CloudFormationError):
    """A change set cannot be executed."""

    code = "InvalidChangeSetStatus"


class NoUpdates(ValidationError):
    """A stack already is as a request wants it."""

    def __init__(self) -> None:
        super().__init__(message="No updates are to be performed.")


def invalid(message: str) -> ValidationError:
    """Return the error for a request that CloudFormation refuses."""
    return ValidationError(message=message)


def exists(message: str) -> AlreadyExistsException:
    """Return the error for a request to create something that exists."""
    return AlreadyExistsException(message)

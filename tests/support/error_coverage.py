"""Compare the errors that operations answered in the tests with those that the model declares for them."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_emulator.control.model import declared_errors, service_model

SEEN_ERRORS: set[tuple[str, str]] = set()
"""(operation, code) of every error that a test of this process has seen."""

MAY_OCCUR: Mapping[str, str] = {"ServerException": "the disk may be full, in the middle of any operation"}
"""Errors that do not depend on the request, by reason. No operation needs a test of them."""

CANNOT_OCCUR: Mapping[str, str] = {
    "BlockedByOrganizationPolicyException": "there are no organizations",
}
"""Errors that no request can cause, by reason."""

HAS_NO_CAUSE: Mapping[str, set[str]] = {
    "LimitExceededException": {
        "BatchGetImage",
        "DeregisterPullTimeUpdateExclusion",
        "ListPullTimeUpdateExclusions",
        "PutAccountSetting",
    },
    "TooManyTagsException": {"UntagResource"},
    "InvalidTagParameterException": {"UntagResource"},
    "ValidationException": {
        name
        for name in service_model().operation_names
        if name
        not in {
            "CreatePullThroughCacheRule",
            "CreateRepositoryCreationTemplate",
            "StartImageScan",
            "StartReplicationBackfill",
            "UpdatePullThroughCacheRule",
            "ValidatePullThroughCacheRule",
        }
    },
    "KmsException": {"CompleteLayerUpload"},
    "RepositoryNotFoundException": {"BatchGetRepositoryScanningConfiguration"},
    "InvalidParameterException": {
        "DeleteRegistryPolicy",
        "DeleteSigningConfiguration",
        "DescribeRegistry",
        "GetRegistryPolicy",
        "GetRegistryScanningConfiguration",
        "GetSigningConfiguration",
    },
}
"""Operations by an error that they declare and for which no cause is known."""


def record_error(target: str, code: str) -> None:
    """Record the error code of an operation. ``target`` is the value of ``X-Amz-Target``."""
    SEEN_ERRORS.add((target.rpartition(".")[2], code))


def coverage_gaps() -> list[str]:
    """Return a line for each declared error that no test saw, and for each that was seen though it has no cause."""
    model = service_model()
    declared = {(name, code) for name in model.operation_names for code in declared_errors(model.operation_model(name))}
    excused = {(name, code) for name, code in declared if code in CANNOT_OCCUR or name in HAS_NO_CAUSE.get(code, ())}
    expected = {(name, code) for name, code in declared - excused if code not in MAY_OCCUR}
    return [f"{name} never answered {code}" for name, code in sorted(expected - SEEN_ERRORS)] + [
        f"{name} answered {code}, which is said to have no cause" for name, code in sorted(excused & SEEN_ERRORS)
    ]

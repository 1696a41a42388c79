"""Which errors the tests have provoked in which operations, held against those that the model declares."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_emulator.control.model import declared_errors, service_model

PROVOKED: set[tuple[str, str]] = set()
"""Operation and code of every refusal that a test has seen in this process."""

MAY_OCCUR: Mapping[str, str] = {"ServerException": "the disk may be full, in the middle of any operation"}
"""Errors that say nothing of the request: no operation needs a test that provokes them."""

CANNOT_OCCUR: Mapping[str, str] = {
    "BlockedByOrganizationPolicyException": "there are no organizations",
}
"""Errors that no request can provoke."""

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
    "KmsException": {
        "CompleteLayerUpload",
        "DeleteRepository",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
    },
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
"""Errors of which nobody knows what provokes them in these operations."""


def refused(target: str, code: str) -> None:
    """Note that an operation, named as in ``X-Amz-Target``, has been refused."""
    PROVOKED.add((target.rpartition(".")[2], code))


def complaints() -> list[str]:
    """What is declared and has not been provoked, and what was provoked although it is said that it cannot be."""
    model = service_model()
    declared = {(name, code) for name in model.operation_names for code in declared_errors(model.operation_model(name))}
    excused = {(name, code) for name, code in declared if code in CANNOT_OCCUR or name in HAS_NO_CAUSE.get(code, ())}
    expected = {(name, code) for name, code in declared - excused if code not in MAY_OCCUR}
    return [f"{name} never answered {code}" for name, code in sorted(expected - PROVOKED)] + [
        f"{name} answered {code}, which is said to have no cause" for name, code in sorted(excused & PROVOKED)
    ]

"""Managed signing: its configuration, and the signing status of images."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import get_image, read_image_id
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.signing import DOCUMENT
from ecr_emulator.errors import InvalidParameterException, SigningConfigurationNotFoundException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.services.signing import signing_statuses


@operation
def put_signing_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutSigningConfiguration.html

    Profiles of other accounts are accepted; those of other Regions or partitions are refused.
    """
    configuration = members["signingConfiguration"]
    for rule in configuration["rules"]:
        _check_profile(rule["signingProfileArn"], request.registry)
    with request.services.store.writing() as work:
        work.registry_documents.put(request.registry, DOCUMENT, configuration)
    return {"signingConfiguration": configuration}


@operation
def get_signing_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetSigningConfiguration.html"""
    with request.services.store.reading() as work:
        return {"registryId": request.registry.id, "signingConfiguration": _configuration(work, request)}


@operation
def delete_signing_configuration(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteSigningConfiguration.html"""
    with request.services.store.writing() as work:
        configuration = _configuration(work, request)
        work.registry_documents.remove(request.registry, DOCUMENT)
    return {"registryId": request.registry.id, "signingConfiguration": configuration}


@operation
def describe_image_signing_status(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html"""
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        statuses = signing_statuses(work, get_image(work, repository, read_image_id(members["imageId"])))
    return {
        "registryId": request.registry.id,
        "repositoryName": repository.name,
        "imageId": members["imageId"],
        "signingStatuses": statuses,
    }


def _check_profile(profile: str, registry: Registry) -> None:
    _, partition, _, region, *_ = profile.split(":")
    for what, given, current in (("region", region, registry.region), ("partition", partition, registry.partition)):
        if given != current:
            raise InvalidParameterException.at(
                "signingProfileArn",
                f"The {what} of signing profile ARN '{profile}' is '{given}' but must be '{current}' "
                f"(the current {what})",
            )


def _configuration(work: UnitOfWork, request: EcrRequest) -> dict[str, Any]:
    configuration: dict[str, Any] | None = work.registry_documents.find(request.registry, DOCUMENT)
    if configuration is None:
        raise SigningConfigurationNotFoundException
    return configuration

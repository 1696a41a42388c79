"""Repository creation templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ecr_emulator.control.custom_roles import read_custom_role
from ecr_emulator.control.handlers import operation
from ecr_emulator.control.pages import Page
from ecr_emulator.control.repository_settings import (
    described_mutability,
    invalid_encryption,
    read_encryption,
    read_mutability,
)
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.resource_tags import described_tags
from ecr_emulator.domain import service_linked_roles
from ecr_emulator.domain.lifecycle_policy import read_lifecycle_policy
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.policy_document import read_repository_policy
from ecr_emulator.domain.prefixes import stored_prefix
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.domain.resource_tags import are_valid
from ecr_emulator.domain.template import CreationTemplate
from ecr_emulator.errors import (
    InvalidParameterException,
    InvalidTagParameterException,
    KmsException,
    LimitExceededException,
    TemplateNotFoundException,
    ValidationException,
)
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.store import UnitOfWork

MAX_TEMPLATES = 100
"""Maximum number of templates in a registry. AWS does not publish its quota."""


@operation
def create_repository_creation_template(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html"""
    _check_region(request)
    blank = CreationTemplate(request.registry, stored_prefix(members["prefix"]), (), request.now, request.now)
    template = _with_settings(blank, members, request.services.keys)
    with request.services.store.writing() as work:
        work.templates.add(template)
        if len(work.templates.all(request.registry)) > MAX_TEMPLATES:
            raise LimitExceededException
    request.services.roles.ensure_service_linked_role(request.registry.id, service_linked_roles.TEMPLATES)
    return _answer(template)


@operation
def describe_repository_creation_templates(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositoryCreationTemplates.html"""
    page = Page(request, members)
    with request.services.store.reading() as work:
        templates = work.templates.all(request.registry)
    if "prefixes" in members:
        wanted = {stored_prefix(prefix) for prefix in members["prefixes"]}
        templates = [template for template in templates if template.prefix in wanted]
    chosen, token = page.choose(templates, lambda template: template.prefix)
    return {
        "registryId": request.registry.id,
        "repositoryCreationTemplates": [_described(template) for template in chosen],
        "nextToken": token,
    }


@operation
def update_repository_creation_template(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html

    Members that the request does not mention keep their values.
    """
    _check_region(request)
    with request.services.store.writing() as work:
        template = _with_settings(_template(work, request, members), members, request.services.keys)
        template = replace(template, updated_at=request.now)
        work.templates.save(template)
    return _answer(template)


@operation
def delete_repository_creation_template(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryCreationTemplate.html"""
    with request.services.store.writing() as work:
        template = _template(work, request, members)
        work.templates.remove(template)
    return _answer(template)


def _check_region(request: EcrRequest) -> None:
    if request.registry.region.startswith("us-gov-"):
        raise ValidationException("Repository creation templates are not supported in this Region")


def _template(work: UnitOfWork, request: EcrRequest, members: dict[str, Any]) -> CreationTemplate:
    prefix = stored_prefix(members["prefix"])
    template = work.templates.find(request.registry, prefix)
    if template is None:
        raise TemplateNotFoundException(prefix=prefix, registry_id=request.registry.id)
    return template


def _with_settings(template: CreationTemplate, members: dict[str, Any], keys: EncryptionKeys) -> CreationTemplate:
    """Return the template with the settings of a request. An empty text removes a setting."""
    registry = template.registry
    given: dict[str, Any] = {"mutability": _mutability(template, members)}
    if "encryptionConfiguration" in members:
        given["encryption"] = _encryption(members, registry, keys)
    if "repositoryPolicy" in members:
        given["repository_policy"] = _policy(members["repositoryPolicy"], registry)
    if "lifecyclePolicy" in members:
        given["lifecycle_policy"] = _lifecycle_policy(members["lifecyclePolicy"])
    if "resourceTags" in members:
        given["resource_tags"] = _tags(members["resourceTags"])
    if "customRoleArn" in members:
        given["custom_role_arn"] = read_custom_role(members, registry)
    if "appliedFor" in members:
        given["applied_for"] = tuple(dict.fromkeys(members["appliedFor"]))
    if "description" in members:
        given["description"] = members["description"] or None
    return replace(template, **given)


def _mutability(template: CreationTemplate, members: dict[str, Any]) -> TagMutability:
    if "imageTagMutability" in members or "imageTagMutabilityExclusionFilters" in members:
        return read_mutability(members, template.mutability.mode)
    return template.mutability


def _encryption(members: dict[str, Any], registry: Registry, keys: EncryptionKeys) -> Encryption:
    """Return the encryption of a request. A template without a key means the key that AWS manages, in any case."""
    encryption = read_encryption(members, registry.region)
    try:
        if encryption.kms_key:
            keys.find(registry, encryption.kms_key)
    except KmsException as wrong:
        # The template operations do not declare KmsException.
        raise invalid_encryption(wrong.message) from wrong
    return encryption


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    pairs = [(tag["Key"], tag["Value"]) for tag in tags]
    if not are_valid(pairs):
        # The template operations do not declare InvalidTagParameterException.
        raise InvalidParameterException.at("resourceTags", InvalidTagParameterException.sentence)
    return dict(pairs)


def _policy(text: str, registry: Registry) -> str | None:
    return read_repository_policy(text, registry).text if text else None


def _lifecycle_policy(text: str) -> str | None:
    return read_lifecycle_policy(text).text if text else None


def _answer(template: CreationTemplate) -> dict[str, Any]:
    return {"registryId": template.registry.id, "repositoryCreationTemplate": _described(template)}


def _described(template: CreationTemplate) -> dict[str, Any]:
    encryption = template.encryption
    return {
        "prefix": template.prefix,
        "description": template.description,
        "encryptionConfiguration": {"encryptionType": encryption.type, "kmsKey": encryption.kms_key},
        "resourceTags": described_tags(template.resource_tags) or None,
        **described_mutability(template.mutability),
        "repositoryPolicy": template.repository_policy,
        "lifecyclePolicy": template.lifecycle_policy,
        "appliedFor": list(template.applied_for),
        "customRoleArn": template.custom_role_arn,
        "createdAt": template.created_at,
        "updatedAt": template.updated_at,
    }

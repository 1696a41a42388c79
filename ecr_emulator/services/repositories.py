"""New repositories: those that a client creates, and those that ECR creates by itself from a creation template.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ecr_emulator.domain.encryption_keys import managed_key
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Encryption, Repository
from ecr_emulator.domain.service_linked_roles import TEMPLATES
from ecr_emulator.domain.template import (
    CREATE_ON_PUSH,
    PULL_THROUGH_CACHE,
    REPLICATION,
    CreationTemplate,
    matching_template,
)
from ecr_emulator.errors import AccessDeniedException, KmsException, LimitExceededException
from ecr_emulator.ports.encryption_keys import EncryptionKeys
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import UpstreamNotFound
from ecr_emulator.services.access import UNLIMITED, Access, Permissions, RequiredAction
from ecr_emulator.services.lifecycle import schedule_evaluation
from ecr_emulator.services.scanning import announce_scanning

MAX_REPOSITORIES = 100_000
"""Maximum number of repositories in a registry."""
KEY_ACTIONS = ("kms:DescribeKey", "kms:CreateGrant", "kms:RetireGrant")
"""The actions on a customer managed key that a client needs to create a repository with it."""


class NewRepositories:
    """Creates repositories, with the grants by which ECR uses their keys. ``access`` is None unless IAM is enforced."""

    def __init__(self, keys: EncryptionKeys, access: Access | None = None) -> None:
        self.keys = keys
        self._access = access

    def add(self, work: UnitOfWork, repository: Repository, permissions: Permissions = UNLIMITED) -> Repository:
        """Store a new repository, schedule its lifecycle policy, and announce its scanning.

        Return it with its storage key and the ARN of its KMS key. ``permissions`` are those of the client.
        Raises ``RepositoryAlreadyExistsException``, ``LimitExceededException`` and ``KmsException``.
        """
        registry = repository.registry
        if work.repositories.count(registry) >= MAX_REPOSITORIES:
            raise LimitExceededException.repositories(registry.id, MAX_REPOSITORIES)
        encryption = self._with_key_arn(repository.encryption, registry)
        _check_use_of_key(encryption, registry, permissions)
        created = work.repositories.add(replace(repository, encryption=encryption))
        announce_scanning(work, created)
        if created.lifecycle_policy:
            schedule_evaluation(work, created, created.created_at)
        if encryption.kms_key:
            self.keys.add_grants(created)
        return created

    def for_push(self, work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
        """Return the repository that a push goes to; create it only if a CREATE_ON_PUSH template matches.

        Raises ``RepositoryNotFoundException``, ``KmsException``, and ``LimitExceededException`` where the registry is
        full.
        """
        found = work.repositories.find(registry, name)
        if found:
            self.keys.check(found)
            return found
        template = matching_template(work.templates.all(registry), name, CREATE_ON_PUSH)
        if template is None or template.lacks_role:
            return work.repositories.get(registry, name)
        return self._add_from(work, template, template.repository(registry, name, now))

    def for_import(self, work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
        """Return the repository for an import; create it from its template or with the defaults.

        Raises ``UpstreamNotFound`` if the template cannot be applied: a client of ECR is told "not found" too.
        """
        found = work.repositories.find(registry, name)
        if found:
            return found
        template = matching_template(work.templates.all(registry), name, PULL_THROUGH_CACHE)
        if template and template.lacks_role:
            raise UpstreamNotFound(
                f"the repository creation template '{template.prefix}' sets resource tags or KMS encryption "
                "and has no customRoleArn, so the repository cannot be created"
            )
        try:
            return self._add_from(work, template, _new_repository(registry, name, template, now))
        except (KmsException, AccessDeniedException) as refused:
            raise UpstreamNotFound(
                f"the repository cannot be created as its creation template says: {refused.message}"
            ) from refused

    def for_replication(self, work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
        """Return the repository for a replica; create it from its template or with the defaults.

        Raises ``RepositoryNotFoundException`` if there is none and the template cannot be applied, and
        ``KmsException``.
        """
        found = work.repositories.find(registry, name)
        if found:
            self.keys.check(found)
            return found
        template = matching_template(work.templates.all(registry), name, REPLICATION)
        if template and template.lacks_role:
            return work.repositories.get(registry, name)
        return self._add_from(work, template, _new_repository(registry, name, template, now))

    def _add_from(self, work: UnitOfWork, template: CreationTemplate | None, repository: Repository) -> Repository:
        """Add a repository that ECR creates: in the custom role of its template, if ECR needs one.

        Raises ``AccessDeniedException`` unless the role trusts ECR and allows to create and tag the repository.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
        """
        if self._access is None or template is None or template.custom_role_arn is None or not template.needs_role:
            return self.add(work, repository)
        registry, now = repository.registry, repository.created_at
        permissions = self._access.permissions_in_role(template.custom_role_arn, TEMPLATES, registry, now)
        actions = ("ecr:CreateRepository", "ecr:TagResource") if repository.resource_tags else ("ecr:CreateRepository",)
        permissions.require([RequiredAction(action, repository.arn) for action in actions])
        return self.add(work, repository, permissions)

    def _with_key_arn(self, encryption: Encryption, registry: Registry) -> Encryption:
        if encryption.type == "AES256":
            return encryption
        return replace(encryption, kms_key=self.keys.find(registry, encryption.kms_key))


def _check_use_of_key(encryption: Encryption, registry: Registry, permissions: Permissions) -> None:
    """Raise ``KmsException`` if a client may not use the key of a repository. Everybody may use the managed key."""
    key = encryption.kms_key
    if key is None or key == managed_key(registry).arn:
        return
    try:
        permissions.require([RequiredAction(action, key) for action in KEY_ACTIONS])
    except AccessDeniedException as denied:
        raise KmsException(denied.message, kms_error=AccessDeniedException.__name__) from denied


def _new_repository(registry: Registry, name: str, template: CreationTemplate | None, now: datetime) -> Repository:
    return template.repository(registry, name, now) if template else Repository(registry, name, now)

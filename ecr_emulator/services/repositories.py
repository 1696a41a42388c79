"""New repositories: those that a client creates, and those that ECR creates by itself from a creation template."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.template import (
    CREATE_ON_PUSH,
    PULL_THROUGH_CACHE,
    REPLICATION,
    CreationTemplate,
    matching_template,
)
from ecr_emulator.errors import LimitExceededException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import UpstreamNotFound
from ecr_emulator.services.lifecycle import schedule_evaluation
from ecr_emulator.services.scanning import announce_scanning

MAX_REPOSITORIES = 100_000
"""Maximum number of repositories in a registry."""


def add_repository(work: UnitOfWork, repository: Repository) -> Repository:
    """Store a new repository, schedule its lifecycle policy, and announce its scanning. Return it with its key.

    Raises ``RepositoryAlreadyExistsException`` and ``LimitExceededException``.
    """
    if work.repositories.count(repository.registry) >= MAX_REPOSITORIES:
        raise LimitExceededException.repositories(repository.registry.id, MAX_REPOSITORIES)
    created = work.repositories.add(repository)
    announce_scanning(work, created)
    if created.lifecycle_policy:
        schedule_evaluation(work, created, created.created_at)
    return created


def repository_for_push(work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
    """Return the repository that a push goes to; create it only if a CREATE_ON_PUSH template matches.

    Raises ``RepositoryNotFoundException``, and ``LimitExceededException`` where the registry is full.
    """
    found = work.repositories.find(registry, name)
    if found:
        return found
    template = matching_template(work.templates.all(registry), name, CREATE_ON_PUSH)
    if template is None or template.lacks_role:
        return work.repositories.get(registry, name)
    return add_repository(work, template.repository(registry, name, now))


def repository_for_import(work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
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
    return add_repository(work, _new_repository(registry, name, template, now))


def repository_for_replication(work: UnitOfWork, registry: Registry, name: str, now: datetime) -> Repository:
    """Return the repository for a replica; create it from its template or with the defaults.

    Raises ``RepositoryNotFoundException`` if there is none and the template cannot be applied.
    """
    found = work.repositories.find(registry, name)
    if found:
        return found
    template = matching_template(work.templates.all(registry), name, REPLICATION)
    if template and template.lacks_role:
        return work.repositories.get(registry, name)
    return add_repository(work, _new_repository(registry, name, template, now))


def _new_repository(registry: Registry, name: str, template: CreationTemplate | None, now: datetime) -> Repository:
    return template.repository(registry, name, now) if template else Repository(registry, name, now)

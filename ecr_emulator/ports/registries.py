"""The ports of the configuration of registries: rules, templates, backfills, documents and roles."""

from __future__ import annotations

from typing import Any, Protocol

from ecr_emulator.domain.backfill import Backfill
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.template import CreationTemplate


class PullThroughRules(Protocol):
    """The pull through cache rules of all registries.

    Seven methods: rules are listed by registry and by account, and there is a list of the registries that have rules.
    """

    def find(self, registry: Registry, prefix: str) -> PullThroughRule | None:
        """Return the rule with this prefix, or None."""

    def all(self, registry: Registry) -> list[PullThroughRule]:
        """Return the rules of a registry in order of prefix, at most 50."""

    def of_account(self, account: str) -> list[PullThroughRule]:
        """Return the rules of an account in all Regions, in order of Region and prefix."""

    def registries(self) -> list[Registry]:
        """Return the registries that have rules, in order of account and Region."""

    def add(self, rule: PullThroughRule) -> None:
        """Store a new rule. Raises ``PullThroughCacheRuleAlreadyExistsException``."""

    def save(self, rule: PullThroughRule) -> None:
        """Store a rule whose credential has changed."""

    def remove(self, rule: PullThroughRule) -> None:
        """Remove a rule."""


class CreationTemplates(Protocol):
    """The repository creation templates of all registries."""

    def find(self, registry: Registry, prefix: str) -> CreationTemplate | None:
        """Return the template with this prefix, or None."""

    def all(self, registry: Registry) -> list[CreationTemplate]:
        """Return the templates of a registry in order of prefix."""

    def add(self, template: CreationTemplate) -> None:
        """Store a new template. Raises ``TemplateAlreadyExistsException``."""

    def save(self, template: CreationTemplate) -> None:
        """Store a changed template."""

    def remove(self, template: CreationTemplate) -> None:
        """Remove a template."""


class Backfills(Protocol):
    """The replication backfills of all registries."""

    def find(self, registry: Registry, backfill_id: str) -> Backfill | None:
        """Return the backfill with this id, or None."""

    def all(self, registry: Registry) -> list[Backfill]:
        """Return the backfills of a registry, newest first."""

    def save(self, backfill: Backfill) -> None:
        """Store a new or changed backfill."""


class RegistryDocuments(Protocol):
    """The policies and configurations of registries as JSON values with names."""

    def find(self, registry: Registry, name: str) -> Any | None:
        """Return the document with this name, or None."""

    def named(self, name: str) -> list[tuple[Registry, Any]]:
        """Return the documents with this name of all registries that have one."""

    def put(self, registry: Registry, name: str, document: Any) -> None:
        """Store a document; it replaces an earlier one with this name."""

    def remove(self, registry: Registry, name: str) -> None:
        """Remove a document, if there is one."""


class ServiceLinkedRoles(Protocol):
    """The service-linked roles that ECR has created."""

    def all(self) -> list[tuple[str, str]]:
        """Return the account and the service principal of every role, in order."""

    def add(self, account: str, service: str) -> None:
        """Store a role, unless it is stored already."""

    def remove(self, account: str, service: str) -> None:
        """Remove a role, if it is stored."""

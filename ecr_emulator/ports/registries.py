"""The ports of what a registry is configured to do: rules, templates, backfills, documents and roles."""

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
        """The rule with this prefix, or None."""

    def all(self, registry: Registry) -> list[PullThroughRule]:
        """The rules of a registry in order of prefix; there are at most 50."""

    def of_account(self, account: str) -> list[PullThroughRule]:
        """The rules of an account in all Regions, in order of Region and prefix."""

    def registries(self) -> list[Registry]:
        """The registries that have rules, in order of account and Region."""

    def add(self, rule: PullThroughRule) -> None:
        """Store a rule; raises ``PullThroughCacheRuleAlreadyExistsException``."""

    def save(self, rule: PullThroughRule) -> None:
        """Store a changed credential."""

    def remove(self, rule: PullThroughRule) -> None:
        """Remove a rule."""


class CreationTemplates(Protocol):
    """The repository creation templates of all registries."""

    def find(self, registry: Registry, prefix: str) -> CreationTemplate | None:
        """The template with this prefix, or None."""

    def all(self, registry: Registry) -> list[CreationTemplate]:
        """The templates of a registry in order of prefix."""

    def add(self, template: CreationTemplate) -> None:
        """Store a template; raises ``TemplateAlreadyExistsException``."""

    def save(self, template: CreationTemplate) -> None:
        """Store a changed template."""

    def remove(self, template: CreationTemplate) -> None:
        """Remove a template."""


class Backfills(Protocol):
    """The replication backfills of all registries."""

    def find(self, registry: Registry, backfill_id: str) -> Backfill | None:
        """The backfill with this id, or None."""

    def all(self, registry: Registry) -> list[Backfill]:
        """The backfills of a registry, the newest first."""

    def save(self, backfill: Backfill) -> None:
        """Store a new or changed backfill."""


class RegistryDocuments(Protocol):
    """What registries are configured to do: policies and configurations by name, as JSON values."""

    def find(self, registry: Registry, name: str) -> Any | None:
        """The document of this name, or None."""

    def put(self, registry: Registry, name: str, document: Any) -> None:
        """Store a document in place of the one that was there."""

    def remove(self, registry: Registry, name: str) -> None:
        """Remove a document; harmless if there is none."""


class ServiceLinkedRoles(Protocol):
    """The service-linked roles that ECR has created."""

    def all(self) -> list[tuple[str, str]]:
        """Account and service principal of every role, in order."""

    def add(self, account: str, service: str) -> None:
        """Remember a role; harmless if it is known."""

    def remove(self, account: str, service: str) -> None:
        """Forget a role; harmless if it is not known."""

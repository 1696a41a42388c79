"""Lists of the repositories to which a pull through cache rule or a repository creation template applies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.prefixes import ROOT, has_prefix, precedence
from ecr_emulator.domain.pull_through import PullThroughRule, matching_rule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.template import CreationTemplate, matching_template
from ecr_emulator.ports.store import UnitOfWork

LAST = "~"
"""A character that sorts after every character of a repository's name."""


class RepositoryPage(NamedTuple):
    """Repositories in order of name. ``after`` is the name after which the next page begins; None at the end."""

    repositories: list[Repository]
    after: str | None


def repositories_of_rule(work: UnitOfWork, rule: PullThroughRule, after: str, limit: int) -> RepositoryPage:
    """Return a page of the repositories that a rule covers: no other rule has a longer matching prefix."""
    rules = work.rules.all(rule.registry)

    def owner(name: str) -> str | None:
        found = matching_rule(rules, name)
        return found.prefix if found else None

    return _page(work, rule.registry, rule.prefix, owner, after, limit)


def repositories_of_template(
    work: UnitOfWork, template: CreationTemplate, templates: Sequence[CreationTemplate], after: str, limit: int
) -> RepositoryPage:
    """Return a page of the repositories to which one of the ``templates`` of a registry would apply.

    It would, if they were created anew, for at least one of its reasons; templates with longer matching prefixes apply
    for the others.
    """

    def owner(name: str) -> str | None:
        found = [matching_template(templates, name, reason) for reason in template.applied_for]
        prefixes = [each.prefix for each in found if each]
        return template.prefix if template.prefix in prefixes else max(prefixes, key=precedence, default=None)

    return _page(work, template.registry, template.prefix, owner, after, limit)


def _page(
    work: UnitOfWork, registry: Registry, prefix: str, owner: Callable[[str], str | None], after: str, limit: int
) -> RepositoryPage:
    """Return the repositories under a prefix that belong to it. ``owner`` returns the prefix that a name belongs to.

    Names that belong to a longer prefix are skipped without reading them all.
    """
    found: list[Repository] = []
    at = after or ("" if prefix == ROOT else f"{prefix}/")
    while batch := work.repositories.page(registry, at, limit + 1):
        for repository in batch:
            if not has_prefix(repository.name, prefix):
                return RepositoryPage(found, None)
            at, owned_by = repository.name, owner(repository.name)
            if owned_by == prefix:
                if len(found) == limit:
                    return RepositoryPage(found, found[-1].name)
                found.append(repository)
            elif owned_by is not None and precedence(owned_by) > precedence(prefix):
                at = f"{owned_by}/{LAST}"
                break
    return RepositoryPage(found, None)

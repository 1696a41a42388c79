"""The cached tags of a repository that a rule covers: when each is checked at its upstream again."""

from __future__ import annotations

from typing import NamedTuple

from flask.typing import ResponseReturnValue

from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.console.upstream_words import upstream_words
from ecr_emulator.domain.pull_through import find_cached_name
from ecr_emulator.domain.validation_timer import NEVER
from ecr_emulator.errors import PullThroughCacheRuleNotFoundException
from ecr_emulator.ports.images import CachedTag

PER_PAGE = 40


class TagRow(NamedTuple):
    """A tag. ``is_due`` says that the next pull asks the upstream, ``was_seen`` that the upstream has had the tag."""

    cached: CachedTag
    is_due: bool
    was_seen: bool


@page("/pull-through/repository/<path:name>")
def cached_repository(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Show the tags with their next checks."""
    console.require("ecr:DescribeImages", name)
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        covered = find_cached_name(work.rules.all(console.registry), name)
        tags = work.tags.cached_page(repository, asked_place(), PER_PAGE + 1)
    if covered is None:
        raise PullThroughCacheRuleNotFoundException(prefix=name.partition("/")[0], registry_id=console.registry.id)
    reports = console.parts.cache.reports.of(console.registry, console.now)
    report = next(each for each in reports if each.rule.prefix == covered.rule.prefix)
    shown, next_place = tags[:PER_PAGE], tags[PER_PAGE - 1].tag if len(tags) > PER_PAGE else None
    return console.render(
        "cached_repository.html",
        repository=repository,
        covered=covered,
        words=upstream_words(report),
        report=report,
        cost=console.services.upstreams.cost(covered.rule, covered.upstream_name),
        rows=[_row(console, each) for each in shown],
        pages=pages_of_list("console.cached_repository", next_place, name=name),
    )


def _row(console: ConsoleRequest, cached: CachedTag) -> TagRow:
    known = cached.validation
    return TagRow(cached, known is None or known.is_due(console.now), known is not None and known.validated_at > NEVER)

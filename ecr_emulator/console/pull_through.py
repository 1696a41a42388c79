"""The pull through cache of a registry: its rules with their upstreams, and the repositories that they cover."""

from __future__ import annotations

from typing import NamedTuple

from flask.typing import ResponseReturnValue

from ecr_emulator.console.cache_plots import WORDS, cache_plots
from ecr_emulator.console.first_commands import first_rule
from ecr_emulator.console.forms import say_done, say_failed
from ecr_emulator.console.pages import ConsoleRequest, Section, form, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.console.upstream_words import UpstreamWords, upstream_words
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import PullThroughCacheRuleNotFoundException
from ecr_emulator.ports.upstream import UpstreamCost
from ecr_emulator.services.cache_history import CacheTotals
from ecr_emulator.services.prefix_listings import repositories_of_rule
from ecr_emulator.services.pull_through import RuleReport

SECTION = Section("Pull through", "console.pull_through")
PER_PAGE = 50


class RuleRow(NamedTuple):
    """A rule, the state of its upstream in words, and what its pulls have cost since the start."""

    report: RuleReport
    words: UpstreamWords
    totals: CacheTotals


class CachedRow(NamedTuple):
    """A repository that a rule covers, its name at the upstream, and what it has cost there."""

    repository: Repository
    upstream_name: str
    cost: UpstreamCost


@page("/pull-through")
def pull_through(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the rules."""
    refusal = console.refusal("ecr:DescribePullThroughCacheRules")
    return console.render(
        "pull_through.html",
        refusal=refusal,
        rules=[] if refusal else _rows(console),
        first_commands=first_rule(console),
        plots=None if refusal else cache_plots(console.parts.records.history),
        outcomes=WORDS,
    )


def _reports(console: ConsoleRequest) -> list[RuleReport]:
    return console.parts.cache.reports.of(console.registry, console.now)


def _rows(console: ConsoleRequest) -> list[RuleRow]:
    totals = console.parts.records.history.totals_by_upstream()
    return [RuleRow(each, upstream_words(each), totals.get(each.rule.url, CacheTotals())) for each in _reports(console)]


# --- A rule --------------------------------------------------------------------------------------------------------


@page("/pull-through/rule/<path:prefix>")
def rule(console: ConsoleRequest, prefix: str) -> ResponseReturnValue:
    """Show a rule, its upstream and the repositories that it covers."""
    console.require("ecr:DescribePullThroughCacheRules")
    row = next((each for each in _rows(console) if each.report.rule.prefix == prefix), None)
    if row is None:
        raise PullThroughCacheRuleNotFoundException(prefix=prefix, registry_id=console.registry.id)
    report, refusal = row.report, console.refusal("ecr:DescribeRepositories", "*")
    with console.services.store.reading() as work:
        covered = repositories_of_rule(work, report.rule, asked_place(), PER_PAGE)
    return console.render(
        "rule.html",
        row=row,
        refusal=refusal,
        cached=[] if refusal else [_cached(console, report.rule, each) for each in covered.repositories],
        pages=pages_of_list("console.rule", covered.after, prefix=prefix),
        plots=cache_plots(console.parts.records.history, report.rule.url),
        outcomes=WORDS,
    )


def _cached(console: ConsoleRequest, of_rule: PullThroughRule, repository: Repository) -> CachedRow:
    name = of_rule.upstream_name(repository.name) or ""
    return CachedRow(repository, name, console.services.upstreams.cost(of_rule, name))


@form("/pull-through/rule/<path:prefix>/validate", back="console.rule")
def validate_rule(console: ConsoleRequest, prefix: str) -> None:
    """Ask the upstream of a rule whether it answers and accepts the credential."""
    answer = console.call(
        "ValidatePullThroughCacheRule", {"registryId": console.registry.id, "ecrRepositoryPrefix": prefix}
    )
    if answer["isValid"]:
        say_done(f"The upstream of {prefix} answers and accepts the credential.")
    else:
        say_failed(f"The rule {prefix} is not valid: {answer.get('failure')}")

"""The overview of a registry: its content, its upstreams, the last events, and the clock with its buttons."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.cache_plots import WORDS, cache_plots
from ecr_emulator.console.event_sentences import EventSentence, event_sentence
from ecr_emulator.console.first_commands import first_repository
from ecr_emulator.console.forms import say_done
from ecr_emulator.console.pages import NAMES_OF_REGISTRIES, ConsoleRequest, FormRefused, Section, form, page
from ecr_emulator.console.text_filters import instant
from ecr_emulator.console.upstream_words import UpstreamWords, upstream_words
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.domain.events import Event
from ecr_emulator.domain.listing import RegistryTotals
from ecr_emulator.domain.names import Registry, is_account_id, is_region
from ecr_emulator.services.clock_moves import move_clock, set_clock
from ecr_emulator.services.optional_writes import optional_write
from ecr_emulator.services.pull_through import RuleReport

SECTION = Section("Overview", "console.overview")
LAST_EVENTS = 8
MOVES = ("1h", "24h", "7d", "30d")
"""The lengths of time by which buttons move the clock."""


class ToldEvent(NamedTuple):
    """An event with its sentence."""

    event: Event
    sentence: EventSentence


@page("/")
def overview(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the overview."""
    with console.services.store.reading() as work:
        newest = work.events.newest_key()
        events = reversed(work.events.after(max(0, newest - LAST_EVENTS), LAST_EVENTS))
    refusal = console.refusal("ecr:DescribeRepositories", "*")
    refusal_of_rules = console.refusal("ecr:DescribePullThroughCacheRules")
    return console.render(
        "overview.html",
        refusal=refusal,
        totals=None if refusal else totals_of(console, console.registry),
        refusal_of_rules=refusal_of_rules,
        reports=[] if refusal_of_rules else _reports(console),
        first_commands=first_repository(console),
        events=[ToldEvent(event, event_sentence(event)) for event in events],
        plots=cache_plots(console.parts.records.history),
        clock=console.parts.clock,
        outcomes=WORDS,
        moves=MOVES,
    )


def _reports(console: ConsoleRequest) -> list[tuple[RuleReport, UpstreamWords]]:
    """Return the reports on the rules of the registry, with the states of their upstreams in words."""
    reports = console.parts.cache.reports.of(console.registry, console.now)
    return [(report, upstream_words(report)) for report in reports]


def totals_of(console: ConsoleRequest, registry: Registry) -> RegistryTotals:
    """Return the totals of a registry."""
    with console.services.store.reading() as work:
        return work.listings.totals(registry)


# --- The clock -----------------------------------------------------------------------------------------------------


@form("/clock", back="console.overview")
def change_clock(console: ConsoleRequest) -> None:
    """Move, set, freeze or free the clock. Tasks that fall due are performed before the answer."""
    try:
        _change_clock(console)
    except ValueError as wrong:
        raise FormRefused(f"The clock was not moved: {wrong}.") from None
    now = console.parts.clock.now()
    with optional_write("the time"):
        console.services.store.remember_time(now)
    say_done(f"The clock shows {instant(now)} UTC.")


def _change_clock(console: ConsoleRequest) -> None:
    clock, background = console.parts.clock, console.services.background
    match request.form.get("change"):
        case "freeze":
            clock.freeze()
        case "follow":
            clock.follow_machine()
        case "set":
            set_clock(clock, background, _typed_time(request.form.get("to", "").strip()))
        case _:
            move_clock(clock, background, parse_duration(request.form.get("advance", "")))


def _typed_time(text: str) -> datetime:
    """Return the time that was typed, in UTC unless it names another zone. Raises ``ValueError``."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a time; write it like 2026-01-31T12:00:00") from None
    return typed if typed.tzinfo else typed.replace(tzinfo=UTC)


# --- Registries ----------------------------------------------------------------------------------------------------


@page("/registries")
def registries(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the registries that have something in them, or go to the one that the query names."""
    account, region = request.args.get("to_account"), request.args.get("to_region")
    if account is not None and region is not None and is_account_id(account) and is_region(region):
        return redirect(url_for("console.overview", account=account, region=region), 303)
    with console.services.store.reading() as work:
        found = {*work.listings.registries(), *work.rules.registries(), console.services.home, console.registry}
    if console.services.access:
        found = {each for each in found if each.id == console.caller.registry.id}
    rows = [(each, totals_of(console, each)) for each in sorted(found, key=lambda each: (each.id, each.region))]
    error = NAMES_OF_REGISTRIES if account or region else None
    return console.render("registries.html", rows=rows, error=error)

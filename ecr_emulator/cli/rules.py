"""``ecr-emulator rules``: the health of pull through cache rules and their upstreams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ecr_emulator.cli.formatting import ago, ahead, time_in_words
from ecr_emulator.cli.output import print_json, table_lines, with_json
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("PREFIX", "UPSTREAM", "HEALTH", "LAST SUCCESS", "RATE LIMIT LEFT")


@click.command()
@asks_a_running_emulator
@with_json
def rules(emulator: RunningEmulator, as_json: bool) -> None:
    """Show each pull through cache rule: its upstream, the health of the upstream, and its last failure.

    HEALTH is ok, failing, breaker open (the upstream failed five times in a row and gets no request for 30 seconds),
    rate limited (the upstream refuses requests for a while), or unknown (no client has pulled by this rule yet).

    \b
    Example: ecr-emulator rules --account 123456789012 --region eu-west-1
    """
    answer = emulator.get("/_ecr/rules")
    if as_json:
        print_json(answer)
        return
    if answer["rules"]:
        _print_table(answer["rules"], datetime.fromisoformat(answer["now"]))
    else:
        click.echo("There are no pull through cache rules in {account}, {region}.".format(**answer))
    for other in answer["elsewhere"]:
        click.echo("There are rules in {account}, {region} too: --account {account} --region {region}".format(**other))


def _print_table(found: list[dict[str, Any]], now: datetime) -> None:
    heading, *lines = table_lines(COLUMNS, [_row(rule, now) for rule in found])
    click.echo(heading)
    for line, rule in zip(lines, found, strict=True):
        click.echo(line)
        error = rule["last_error"]
        if error:
            click.echo(f"  last error {ago(error['at'], now)}, {error['code']}: {error['reason']}")


def _row(rule: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (rule["prefix"], _upstream(rule), _health(rule, now), ago(rule["last_success"], now), _left(rule))


def _upstream(rule: dict[str, Any]) -> str:
    path = f"/{rule['upstream_prefix']}" if rule["upstream_prefix"] not in (None, "ROOT") else ""
    address = f" ({rule['address']})" if rule["address"] else ""
    return f"{rule['upstream']}{path}{address}"


def _health(rule: dict[str, Any], now: datetime) -> str:
    if rule["state"] == "failing":
        return f"failing for {time_in_words(now - datetime.fromisoformat(rule['failing_since']))}"
    return f"{rule['state']} {ahead(rule['until'], now)}".rstrip()


def _left(rule: dict[str, Any]) -> str:
    limit = rule["rate_limit"]
    return f"{limit['remaining']} of {limit['limit']}" if limit else "-"

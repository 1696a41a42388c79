"""``ecr-emulator status``: a running emulator at a glance."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import click

from ecr_emulator.cli.formatting import counted, time_in_words
from ecr_emulator.cli.http_client import version_of
from ecr_emulator.cli.output import print_facts, print_json, with_json
from ecr_emulator.cli.readiness import why_not_ready
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator
from ecr_emulator.domain.names import Registry
from ecr_emulator.system import SystemClock

NEAR = timedelta(seconds=5)
"""Difference between two clocks that the time of a request explains."""


@click.command()
@asks_a_running_emulator
@with_json
def status(emulator: RunningEmulator, as_json: bool) -> None:
    """Show the version and the time of a running emulator, its repositories, rules and faults.

    The exit code is 1 if no emulator answers, or while its init scripts run.

    \b
    Example: ecr-emulator status
    """
    with emulator.registry_client() as client:
        found = {
            "endpoint": emulator.address.url,
            "version": version_of(emulator.address),
            "notReady": why_not_ready(emulator.address),
            "now": client.now().isoformat(),
            "account": client.registry.id,
            "region": client.registry.region,
            "repositories": sum(1 for _ in client.repositories()),
            "rules": dict(Counter(rule["state"] for rule in _rules(client.registry, emulator))),
            "faults": len(client.client.get("/_ecr/faults")["faults"]),
        }
    if as_json:
        print_json(found)
    else:
        print_facts(_facts(found))
    if found["notReady"]:
        raise SystemExit(1)


def _rules(registry: Registry, emulator: RunningEmulator) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = emulator.get("/_ecr/rules", {"account": registry.id, "region": registry.region})[
        "rules"
    ]
    return rules


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    states = ", ".join(f"{number} {state}" for state, number in found["rules"].items())
    return [
        ("endpoint", found["endpoint"]),
        ("version", found["version"]),
        ("state", f"not ready: {found['notReady']}" if found["notReady"] else "ready"),
        ("clock", f"{found['now']}{_apart(datetime.fromisoformat(found['now']) - SystemClock().now())}"),
        ("registry", f"{found['account']}, {found['region']}"),
        ("repositories", str(found["repositories"])),
        ("rules", states or "none"),
        ("faults", counted(found["faults"], "injected fault") if found["faults"] else "none"),
    ]


def _apart(ahead: timedelta) -> str:
    """Return how far the emulator's clock is from the machine's, in words."""
    if abs(ahead) < NEAR:
        return ""
    return f", {time_in_words(abs(ahead))} {'ahead of' if ahead > timedelta() else 'behind'} this machine"

"""``ecr-emulator doctor``: find what usually keeps clients from an emulator."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.cli.output import print_json, with_json
from ecr_emulator.setting_sources import Loaded

COLOURS = {"ok": "green", "skipped": "bright_black", "warning": "yellow", "failed": "red"}


@click.command()
@with_settings("host", "port", "admin_token", "data_dir", meaning=ADDRESS)
@with_json
def doctor(loaded: Loaded, as_json: bool) -> None:
    """Check what usually keeps clients from the emulator, and say what would help.

    The checks: whether an emulator answers, localhost with IPv4 and IPv6, proxies, certificates, clocks, disk space,
    docker's view of localhost, docker's login, and the configuration of the AWS CLI. The exit code is 1 if a check
    fails; warnings do not count.

    \b
    Example: ecr-emulator doctor --port 4566
    """
    from ecr_emulator.cli.doctor_checks import CHECKS, Situation

    situation = Situation(emulator_meant(loaded), loaded.settings, os.environ)
    findings = [check(situation) for check in CHECKS]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            state = click.style(f"{finding.state:<8}", fg=COLOURS[finding.state])
            click.echo(f"{state} {finding.check}: {finding.words}")
    if any(finding.state == "failed" for finding in findings):
        raise SystemExit(1)

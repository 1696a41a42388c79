"""The checks of ``ecr-emulator doctor``, in their order."""

from __future__ import annotations

from ecr_emulator.cli.doctor_clients import check_aws_cli, check_docker, check_login
from ecr_emulator.cli.doctor_connections import (
    check_certificate,
    check_clock,
    check_emulator,
    check_localhost,
    check_proxies,
)
from ecr_emulator.cli.doctor_disk import check_disk
from ecr_emulator.cli.doctor_findings import Situation

__all__ = ["CHECKS", "Situation"]

CHECKS = (
    check_emulator,
    check_localhost,
    check_proxies,
    check_certificate,
    check_clock,
    check_disk,
    check_docker,
    check_login,
    check_aws_cli,
)

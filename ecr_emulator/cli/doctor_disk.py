"""The check of the space for the state."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ecr_emulator.cli.doctor_findings import Finding, Situation
from ecr_emulator.cli.formatting import size_in_words
from ecr_emulator.cli.http_client import reason

SMALL = 1_000_000_000
"""Bytes below which a few images fill the disk."""


def check_disk(situation: Situation) -> Finding:
    """Check the free space of the data directory, or of the directory for temporary files."""
    if not situation.is_local:
        return Finding("disk", "skipped", f"The emulator is at {situation.address.host}")
    folder = situation.settings.data_dir or Path(tempfile.gettempdir())
    try:
        free = shutil.disk_usage(folder).free
    except OSError as failure:
        return Finding("disk", "failed", f"{folder} cannot be used: {reason(failure)}")
    if free < situation.settings.disk_reserve * 1024 * 1024:
        words = f"{folder} has {size_in_words(free)} left, less than --disk-reserve: pushes are refused"
        return Finding("disk", "failed", words)
    if free < SMALL:
        return Finding("disk", "warning", f"{folder} has only {size_in_words(free)} left")
    return Finding("disk", "ok", f"{folder} has {size_in_words(free)} left")

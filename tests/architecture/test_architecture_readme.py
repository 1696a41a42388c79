"""The README's commands are the ones that are run."""

import re
from pathlib import Path

from ecr_emulator.settings import SETTINGS

ROOT = Path(__file__).parents[2]


def test_ci_runs_the_test_command_of_the_readme():
    command = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_has_every_setting():
    rows = re.findall(
        r"^\| `(--[a-z-]+)` \| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(setting.flag, setting.variable) for setting in SETTINGS.values()]

"""README, CONTRIBUTING, SECURITY, CHANGELOG and docs: commands and settings are complete, and no link is broken."""

import re
from pathlib import Path

import pytest

from ecr_emulator.cli.main import COMMANDS
from ecr_emulator.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAPERS = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/README.md",
    "docs/settings.md",
    "docs/admin.md",
]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def links(path):
    """Return the files that a page links to."""
    targets = re.findall(r"\]\(([^)#]+)\)", text(path))
    return {((ROOT / path).parent / target).resolve() for target in targets if "://" not in target}


def test_ci_runs_the_test_command_of_the_readme():
    command = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"
    assert command in text("README.md")
    assert command in text(".ci/run")


def test_every_setting_is_on_its_page():
    rows = re.findall(r"^\| `(--[a-z-]+)` \| `([A-Z_]+)` \|", text("docs/settings.md"), re.MULTILINE)
    assert rows == [(setting.flag, setting.variable) for setting in SETTINGS.values()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    assert any(f"ecr-emulator {command}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("paper", PAPERS)
def test_no_link_is_broken(paper):
    assert {link for link in links(paper) if not link.exists()} == set()


def test_the_index_has_every_page():
    assert set(DOCS.glob("*.md")) - links("docs/README.md") == {DOCS / "README.md"}
